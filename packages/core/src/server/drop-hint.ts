import type { DropReason } from '../drop-reason.js';

/** What was wrong with a packet of an unknown client and what to change; null for what strangers and the network do. */
export const dropHint = (reason: DropReason): DropHint | null => HINTS[reason] ?? null;

export interface DropHint {
  readonly detail: string;
  readonly hint: string;
}

const HINTS: { readonly [reason in DropReason]?: DropHint } = {
  'bad-hmac': {
    detail: 'its packet does not fit the key of tls-auth or tls-crypt',
    hint: 'give client and server the same key file, and with tls-auth the same `auth`; anything else is a stranger',
  },
  'missing-wrapping': {
    detail: 'it sends packets without tls-auth or tls-crypt',
    hint: 'add the `tls-auth` or `tls-crypt` of the server to the configuration of the client',
  },
  'unexpected-wrapping': {
    detail: 'it uses tls-auth or tls-crypt, and the server does not',
    hint: 'add its `tls-auth` or `tls-crypt` to the server, or remove it from the client',
  },
  'other-wrapping': {
    detail: 'it protects its packets otherwise than the server',
    hint: 'compare `tls-auth`, `tls-crypt` and, with tls-auth, `auth` of client and server',
  },
  'wrong-key-direction': {
    detail: 'it used tls-auth with the opposite key-direction',
    hint: 'the server wants 0 behind `tls-auth` (or `key-direction 0`), the client 1; or leave it out on both',
  },
  'unsupported-opcode': {
    detail: 'it uses tls-crypt-v2 or a protocol older than OpenVPN 2.0',
    hint: 'give the server a `tls-crypt-v2` key, or the client the `tls-crypt` key of the server',
  },
  'bad-client-key': {
    detail: 'its tls-crypt-v2 key was not made with the key of this server',
    hint: 'make a new one: shardvpn genkey tls-crypt-v2-client, with the server key of `tls-crypt-v2`',
  },
  'client-key-too-old': {
    detail: 'its tls-crypt-v2 key is older than tls-crypt-v2-max-age',
    hint: 'give it a new key, or raise tls-crypt-v2-max-age',
  },
  'client-key-refused': {
    detail: 'the command of tls-crypt-v2-verify refused its tls-crypt-v2 key',
    hint: 'give it a key with metadata that the command accepts; a key without metadata is refused unasked',
  },
  'client-key-unverified': {
    detail: 'its tls-crypt-v2 key could not be verified',
    hint: 'look for `tls-crypt-v2-verify` in the log: its command fails, takes too long, or is needed too often',
  },
  'client-key-required': {
    detail: 'it does not use tls-crypt-v2',
    hint: 'give it a tls-crypt-v2 key, or the server `tls-auth` or `tls-crypt` as well',
  },
  'cookie-required': {
    detail: 'it cannot send its tls-crypt-v2 key a second time, which force-cookie wants',
    hint: 'update the client to 2.6 or later, or write `tls-crypt-v2 FILE allow-noncookie`',
  },
  'bad-cookie': {
    detail: 'it answered with a session id that is not ours for its address',
    hint: 'it took longer than hand-window to answer, or its address changes between packets',
  },
  'rate-limited': {
    detail: 'its address sends more first packets than connect-freq-initial allows',
    hint: 'raise connect-freq-initial when many clients share that address',
  },
  'connect-freq': {
    detail: 'there are more new connections than connect-freq allows',
    hint: 'raise connect-freq, or wait: the client tries again by itself',
  },
  'too-many-sessions': {
    detail: 'there are as many handshakes and clients as max-clients allows',
    hint: 'raise max-clients',
  },
};
