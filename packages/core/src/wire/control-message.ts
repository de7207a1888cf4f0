import { decodeText, encodeText, hasControlCharacter } from './text.js';

/** Strings inside the TLS session, after the key exchange. [wire 15] */
export type ControlMessage =
  | { readonly type: 'push-request' }
  /** Options of one part, `push-continuation` included. */
  | { readonly type: 'push-reply'; readonly options: readonly string[] }
  /** `reason` is everything behind the comma, `SESSION:`, `TEMP` and `CRV1:` forms included; '' for none. */
  | { readonly type: 'auth-failed'; readonly reason: string }
  | { readonly type: 'auth-pending'; readonly timeout: number | null }
  | { readonly type: 'restart'; readonly keepCredentials: boolean; readonly nextServer: boolean; readonly text: string }
  | { readonly type: 'halt'; readonly text: string }
  | { readonly type: 'exit' }
  | { readonly type: 'info'; readonly text: string }
  | { readonly type: 'info-pre'; readonly text: string }
  | { readonly type: 'challenge-response'; readonly response: string }
  | { readonly type: 'push-update'; readonly options: readonly string[] }
  | { readonly type: 'unknown'; readonly text: string };

/** Longest plaintext of a message with its NUL that every client reads. [wire 10] */
export const MAX_CONTROL_MESSAGE_LENGTH = 1024;

/** The messages of one TLS record. Text without a NUL and text with control characters is left out. [wire 10] */
export const splitControlMessages = (plaintext: Uint8Array): readonly string[] =>
  decodeText(plaintext)
    .split('\0')
    .slice(0, -1)
    .map((text) => text.replace(/[\r\n]+$/, ''))
    .filter((text) => text !== '' && !hasControlCharacter(text));

export const parseControlMessage = (text: string): ControlMessage => {
  const comma = text.indexOf(',');
  const keyword = comma < 0 ? text : text.slice(0, comma);
  const rest = comma < 0 ? '' : text.slice(comma + 1);
  return parsers.get(keyword)?.(rest) ?? { type: 'unknown', text };
};

/** NUL-terminated; one TLS record. */
export const encodeControlMessage = (text: string): Uint8Array => encodeText(`${text}\0`);

const parsers = new Map<string, (rest: string) => ControlMessage>([
  ['PUSH_REQUEST', () => ({ type: 'push-request' })],
  ['PUSH_REPLY', (rest) => ({ type: 'push-reply', options: splitOptions(rest) })],
  ['PUSH_UPDATE', (rest) => ({ type: 'push-update', options: splitOptions(rest) })],
  ['AUTH_FAILED', (reason) => ({ type: 'auth-failed', reason })],
  ['AUTH_PENDING', (rest) => ({ type: 'auth-pending', timeout: parseTimeout(rest) })],
  ['RESTART', (rest) => parseRestart(rest)],
  ['HALT', (text) => ({ type: 'halt', text })],
  ['EXIT', () => ({ type: 'exit' })],
  ['INFO', (text) => ({ type: 'info', text })],
  ['INFO_PRE', (text) => ({ type: 'info-pre', text })],
  ['CR_RESPONSE', (response) => ({ type: 'challenge-response', response })],
]);

const splitOptions = (rest: string): readonly string[] => rest.split(',').filter((option) => option !== '');

const parseTimeout = (rest: string): number | null => {
  const seconds = /(?:^|,)timeout (\d{1,9})(?:,|$)/.exec(rest)?.[1];
  return seconds === undefined ? null : Number(seconds);
};

/** `[P]`: keep the credentials, `[N]`: another server may be tried. [wire 15, 20.4] */
const parseRestart = (rest: string): ControlMessage => {
  const match = /^\[([A-Z]*)\]:?(.*)$/.exec(rest);
  const flags = match?.[1] ?? '';
  return {
    type: 'restart',
    keepCredentials: flags.includes('P'),
    nextServer: flags.includes('N'),
    text: match?.[2] ?? rest,
  };
};
