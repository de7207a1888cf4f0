import { STATIC_KEY_LENGTH, TLS_CRYPT_V2_SERVER_KEY_LENGTH, VpnError } from '@shardvpn/core';
import { encodePem } from './pem-block.js';

const SERVER_LABEL = 'OpenVPN tls-crypt-v2 server key';
const CLIENT_LABEL = 'OpenVPN tls-crypt-v2 client key';

/** A client's key: its own 256 bytes, and the same as only the server can open it. [wire 8] */
export interface ClientKeyPair {
  readonly key: Uint8Array;
  readonly wrappedKey: Uint8Array;
}

export const encodeServerKey = (key: Uint8Array): string => encodePem(SERVER_LABEL, key);

export const encodeClientKey = ({ key, wrappedKey }: ClientKeyPair): string =>
  encodePem(CLIENT_LABEL, Buffer.concat([key, wrappedKey]));

/** 128 bytes. `source` goes into the message of the `config/tls-crypt-v2` error. */
export const parseServerKey = (text: string, source: string): Uint8Array => {
  const bytes = decodePem(SERVER_LABEL, text, source);
  if (bytes.length !== TLS_CRYPT_V2_SERVER_KEY_LENGTH) {
    throw fault(source, `the key has ${bytes.length} bytes instead of ${TLS_CRYPT_V2_SERVER_KEY_LENGTH}`);
  }
  return bytes;
};

export const parseClientKey = (text: string, source: string): ClientKeyPair => {
  const bytes = decodePem(CLIENT_LABEL, text, source);
  const wrappedKey = bytes.subarray(STATIC_KEY_LENGTH);
  const length = wrappedKey.length < 2 ? 0 : (wrappedKey.at(-2) ?? 0) * 256 + (wrappedKey.at(-1) ?? 0);
  if (length === 0 || length !== wrappedKey.length) throw fault(source, 'the key is cut short or damaged');
  return { key: bytes.subarray(0, STATIC_KEY_LENGTH), wrappedKey };
};

const decodePem = (label: string, text: string, source: string): Uint8Array => {
  const [, found, body = ''] = /-----BEGIN ([^\r\n]{1,60}?)-----([\s\S]*?)-----END \1-----/.exec(text) ?? [];
  if (found === undefined) throw fault(source, `the block '${label}' is missing`);
  if (found !== label) throw fault(source, `it holds a '${found}' instead of a '${label}'`);
  const base64 = body.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw fault(source, 'it is not base64');
  return new Uint8Array(Buffer.from(base64, 'base64'));
};

const fault = (source: string, what: string): VpnError =>
  new VpnError('config/tls-crypt-v2', `${source} is no key of tls-crypt-v2: ${what}`);
