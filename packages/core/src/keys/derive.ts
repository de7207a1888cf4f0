import type { CryptoProvider, DigestName, TlsSession } from '../ports.js';
import { PacketWriter } from '../wire/cursor.js';
import { encodeSessionId, type SessionId } from '../wire/session-id.js';
import { encodeText } from '../wire/text.js';

/** Bytes all key material of one key id is cut from. [wire 11.3] */
export const KEY_MATERIAL_LENGTH = 256;

/** What both key-method messages and the control session give to the PRF. [wire 11.1] */
export interface PrfInput {
  readonly preMaster: Uint8Array;
  readonly client: { readonly random1: Uint8Array; readonly random2: Uint8Array; readonly sessionId: SessionId };
  readonly server: { readonly random1: Uint8Array; readonly random2: Uint8Array; readonly sessionId: SessionId };
}

/** 256 bytes of key material by RFC 5705 export: needs `tls-ekm`. Null when the TLS session is over. [wire 11.2] */
export const deriveByExporter = (tls: TlsSession): Uint8Array | null =>
  tls.exportKeyingMaterial('EXPORTER-OpenVPN-datakeys', KEY_MATERIAL_LENGTH);

/** 256 bytes of key material by the TLS 1.0 PRF, for clients that cannot export. [wire 11.1] */
export const deriveByPrf = (crypto: CryptoProvider, input: PrfInput): Uint8Array => {
  const { client, server } = input;
  const master = tls1Prf(crypto, input.preMaster, 'OpenVPN master secret', [client.random1, server.random1], 48);
  const seed = [client.random2, server.random2, encodeSessionId(client.sessionId), encodeSessionId(server.sessionId)];
  return tls1Prf(crypto, master, 'OpenVPN key expansion', seed, KEY_MATERIAL_LENGTH);
};

/** P_MD5 of the first half of `secret` xor P_SHA1 of the second; the halves share a middle byte. (RFC 2246, 5) */
export const tls1Prf = (
  crypto: CryptoProvider,
  secret: Uint8Array,
  label: string,
  seed: readonly Uint8Array[],
  length: number,
): Uint8Array => {
  const half = Math.ceil(secret.length / 2);
  const parts = [encodeText(label), ...seed];
  const output = expand(crypto, 'md5', secret.subarray(0, half), parts, length);
  const sha1 = expand(crypto, 'sha1', secret.subarray(secret.length - half), parts, length);
  return output.map((byte, i) => byte ^ (sha1[i] ?? 0));
};

const expand = (
  crypto: CryptoProvider,
  digest: DigestName,
  secret: Uint8Array,
  seed: readonly Uint8Array[],
  length: number,
): Uint8Array => {
  let a = crypto.hmac(digest, secret, seed);
  const writer = new PacketWriter(length + a.length);
  while (writer.finish().length < length) {
    writer.bytes(crypto.hmac(digest, secret, [a, ...seed]));
    a = crypto.hmac(digest, secret, [a]);
  }
  return writer.finish().subarray(0, length);
};
