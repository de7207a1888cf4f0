/** What a client may be asked to do while it waits. `flags` of a page: hidden, external, proxy=... [wire 15] */
export type PendingPrompt =
  | { readonly type: 'web-auth'; readonly url: string; readonly flags: readonly string[] }
  | { readonly type: 'open-url'; readonly url: string }
  /** `response`: the user is to answer, which comes as a `challenge-response` event; `echo`: visibly. */
  | { readonly type: 'text'; readonly text: string; readonly echo: boolean; readonly response: boolean };

/**
 * Why a client does not come in, in the forms of AUTH_FAILED. `reason` is for its user, '' for none; `detail` for the log,
 * absent where it is the same. [wire 15]
 */
export type AuthRefusal =
  | { readonly type: 'refuse'; readonly reason: string; readonly detail?: string }
  /** Its token or session is over: it has to show its real credentials. */
  | { readonly type: 'expired'; readonly reason: string; readonly detail?: string }
  /** It is to come again: after `backoff` seconds, at this address, the server's next one, or another server. */
  | {
      readonly type: 'temporary';
      readonly reason: string;
      readonly detail?: string;
      readonly backoff?: number | null;
      readonly advance?: 'no' | 'addr' | 'remote' | null;
    }
  /** It is to connect again with `CRV1::stateId::answer` as its password. `user`: its name in base64. */
  | {
      readonly type: 'challenge';
      readonly stateId: string;
      readonly user: string;
      readonly text: string;
      readonly echo: boolean;
      readonly response: boolean;
    };

/** An answer to `authenticate`. `pending` is not the last one: the same question is to be answered again. */
export type AuthDecision =
  /** `push`: further options for this client only; at a renegotiation they are left out. */
  | { readonly type: 'accept'; readonly push?: readonly string[] }
  | AuthRefusal
  /** `timeout`: seconds for the next answer, at most as many as the protocol allows. */
  | { readonly type: 'pending'; readonly prompt: PendingPrompt | null; readonly timeout: number };
