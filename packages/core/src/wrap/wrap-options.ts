import type { DigestName } from '../ports.js';

/** Control-channel protection. Keys are the 256 bytes of a static key file. [wire 3] */
export type WrapOptions =
  | { readonly type: 'none' }
  | {
      readonly type: 'tls-auth';
      readonly key: Uint8Array;
      readonly direction: 0 | 1 | null;
      readonly digest: DigestName;
    }
  | { readonly type: 'tls-crypt'; readonly key: Uint8Array };

/** A client may have a key of its own as well. [wire 8] */
export type ClientWrapOptions =
  | WrapOptions
  | {
      readonly type: 'tls-crypt-v2';
      readonly key: Uint8Array;
      /** That key as only the server can open it. */
      readonly wrappedKey: Uint8Array;
      /** Offer to send the key again, which clients before 2.6 cannot. [wire 7.1] */
      readonly canResend: boolean;
    };
