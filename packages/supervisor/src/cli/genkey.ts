import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type ClientKey,
  encodeKeyData,
  encodeKeyTime,
  MAX_KEY_METADATA,
  STATIC_KEY_LENGTH,
  TLS_CRYPT_V2_SERVER_KEY_LENGTH,
  VpnError,
  wrapClientKey,
} from '@shardvpn/core';
import { nodeCrypto } from '@shardvpn/worker';
import { fileFault } from '../config/read.js';
import { encodeAuthTokenKey } from '../pki/auth-token-key.js';
import { encodeStaticKey } from '../pki/static-key.js';
import { encodeClientKey, encodeServerKey, parseServerKey } from '../pki/tls-crypt-v2-key.js';
import { writeSecret } from '../pki/write-secret.js';

export const KEY_KINDS = ['secret', 'tls-crypt-v2-server', 'tls-crypt-v2-client', 'auth-token'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

export interface GenkeyOptions {
  /** The server key that a client key is made for. */
  readonly tlsCryptV2?: string;
  /** Base64 of what the server is to find in a client key; the time of making when there is none. */
  readonly metadata?: string;
}

/** `shardvpn genkey KIND [FILE]`: writes a key in the form of `openvpn --genkey`, to standard output without a file. */
export const genkey = (kind: KeyKind, file: string | undefined, options: GenkeyOptions): void => {
  if (kind !== 'tls-crypt-v2-client' && (options.tlsCryptV2 ?? options.metadata) !== undefined) {
    throw fault('--tls-crypt-v2 and --metadata are for tls-crypt-v2-client');
  }
  const text = makeKey(kind, options);
  if (file === undefined) process.stdout.write(text);
  else writeKey(file, text);
};

const makeKey = (kind: KeyKind, options: GenkeyOptions): string => {
  switch (kind) {
    case 'secret':
      return encodeStaticKey();
    case 'auth-token':
      return encodeAuthTokenKey();
    case 'tls-crypt-v2-server':
      return encodeServerKey(randomBytes(TLS_CRYPT_V2_SERVER_KEY_LENGTH));
    case 'tls-crypt-v2-client': {
      const serverKey = readServerKey(options.tlsCryptV2);
      const client: ClientKey = {
        key: new Uint8Array(randomBytes(STATIC_KEY_LENGTH)),
        metadata:
          options.metadata === undefined ? encodeKeyTime(Math.floor(Date.now() / 1000)) : readData(options.metadata),
      };
      return encodeClientKey({ key: client.key, wrappedKey: wrapClientKey(serverKey, client, nodeCrypto) });
    }
  }
};

const readServerKey = (file: string | undefined): Uint8Array => {
  if (file === undefined) throw fault('name the key of the server with --tls-crypt-v2 FILE');
  try {
    return parseServerKey(readFileSync(file, 'utf8'), `'${file}'`);
  } catch (error) {
    throw error instanceof VpnError ? error : fault(`cannot read '${file}': ${fileFault(error)}`);
  }
};

const readData = (base64: string): Uint8Array => {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw fault('--metadata is not base64');
  const data = new Uint8Array(Buffer.from(base64, 'base64'));
  if (data.length >= MAX_KEY_METADATA) {
    throw fault(`--metadata has ${data.length} bytes; ${MAX_KEY_METADATA - 1} fit into a key`);
  }
  return encodeKeyData(data);
};

const writeKey = (file: string, text: string): void => {
  try {
    writeSecret(file, text);
  } catch (error) {
    throw fault(`cannot write '${file}': ${fileFault(error)}`);
  }
};

const fault = (message: string): VpnError => new VpnError('config/genkey', message);
