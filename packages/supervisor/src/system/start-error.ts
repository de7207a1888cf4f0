import { type ErrorCode, VpnError } from '@shardvpn/core';

/** One line about what could not be done and what would help; `cause` is an Error with an errno name in `code`. */
export const startError = (
  code: ErrorCode,
  what: string,
  cause: unknown,
  hints: Readonly<Record<string, string>>,
): VpnError => {
  const { code: errno = '', message } = cause as { code?: string; message: string };
  const hint = hints[errno];
  const reason = `${what}: ${message.split('\n', 1)[0]}`;
  return new VpnError(code, hint === undefined ? reason : `${reason}; ${hint}`);
};
