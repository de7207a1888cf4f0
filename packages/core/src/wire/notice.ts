/** How a client is told that its connection ends, and what it is to do then. [wire 15, 20.4] */
export type Notice =
  /** It does not come back by itself. */
  | { readonly type: 'halt'; readonly text: string }
  /** It connects again: with the credentials it has or new ones, to this server or to another of its list. */
  | {
      readonly type: 'restart';
      readonly keepCredentials: boolean;
      readonly nextServer: boolean;
      readonly text: string;
    };

/** Keyword and flags; what stands behind them is for the user. */
export const noticeHead = (notice: Notice): string => {
  if (notice.type === 'halt') {
    return 'HALT';
  }
  const flags = `${notice.keepCredentials ? 'P' : ''}${notice.nextServer ? 'N' : ''}`;
  // compat(OpenVPN 3): of flags it knows `[P]:` only, and takes others for text.
  return `RESTART${flags === '' ? '' : `,[${flags}]${flags === 'P' && notice.text !== '' ? ':' : ''}`}`;
};
