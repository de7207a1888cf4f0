import { VpnError } from '../errors.js';

export const STATIC_KEY_LENGTH = 256;

/** keys[0] or keys[1] of a static key. [wire 3] */
export type KeyHalf = 0 | 1;

/**
 * Reads the text form of a static key: 256 bytes.
 * `source` (a file name or `<inline>`) goes into the message of the `config/static-key` error.
 */
export const parseStaticKey = (text: string, source: string): Uint8Array => {
  const digits = keyText(text, source).replace(/\s+/g, '');
  const bad = /[^0-9a-fA-F]/.exec(digits);
  if (bad !== null) {
    throw fault(source, `'${bad[0]}' is not a hexadecimal digit`);
  }
  if (digits.length !== 2 * STATIC_KEY_LENGTH) {
    throw fault(source, `the key has ${digits.length} hexadecimal digits instead of ${2 * STATIC_KEY_LENGTH}`);
  }
  return Uint8Array.from({ length: STATIC_KEY_LENGTH }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
};

/** The first `length` bytes of a 64-byte slot, as a copy. [wire 3] */
export const staticKeySlot = (key: Uint8Array, half: KeyHalf, part: 'cipher' | 'hmac', length: number): Uint8Array => {
  if (key.length !== STATIC_KEY_LENGTH || length > 64) {
    throw new VpnError('api-misuse/static-key', `cannot take ${length} bytes of a key of ${key.length}`);
  }
  const start = 128 * half + (part === 'hmac' ? 64 : 0);
  return key.slice(start, start + length);
};

const BEGIN = '-----BEGIN OpenVPN Static key V1-----';
const END = '-----END OpenVPN Static key V1-----';

const keyText = (text: string, source: string): string => {
  const begin = text.indexOf(BEGIN);
  if (begin < 0) {
    const other = /-----BEGIN ([^-\r\n]{1,60})-----/.exec(text);
    throw fault(source, other === null ? `the line '${BEGIN}' is missing` : `it holds a '${other[1]}'`);
  }
  const end = text.indexOf(END, begin);
  if (end < 0) {
    throw fault(source, `the line '${END}' is missing`);
  }
  return text.slice(begin + BEGIN.length, end);
};

const fault = (source: string, what: string): VpnError =>
  new VpnError('config/static-key', `${source} is not an OpenVPN static key: ${what}`);
