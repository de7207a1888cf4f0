/** Who is to blame: the first word of every error code. */
export type Blame = 'peer-misbehaved' | 'peer-incompatible' | 'config' | 'api-misuse' | 'internal';

/** Stable, kebab-case after the slash; callers compare it, people search for it. */
export type ErrorCode = `${Blame}/${string}`;

/** The one error class. Bytes from the network never throw it: they become a `DropReason`. */
export class VpnError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'VpnError';
    this.code = code;
  }
}

/** For the end of a `switch` over a closed union. */
export const assertNever = (value: never): never => {
  throw new VpnError('internal/unreachable', `unexpected value: ${String(value)}`);
};
