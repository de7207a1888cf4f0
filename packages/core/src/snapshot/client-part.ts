import type { Millis, UnixSeconds } from '../ids.js';
import type { ClientIdentity, Lease } from '../server/server-event.js';
import type { BlobReader } from './blob-reader.js';
import { BlobWriter } from './blob-writer.js';
import { readCertificate, writeCertificate } from './certificate-part.js';

/** Who a connected client is, and what it was given: the part of a snapshot that hardly ever changes. */
export interface ClientPart {
  readonly identity: ClientIdentity;
  readonly lease: Lease;
  readonly pushCipher: boolean;
  /** Version and cipher suite of its latest TLS session. */
  readonly tls: string;
  readonly pushed: readonly string[];
  readonly pushedAt: Millis;
  readonly since: UnixSeconds;
  readonly endAt: Millis | null;
}

export const encodeClientPart = (part: ClientPart): Uint8Array => {
  const writer = new BlobWriter();
  writeIdentity(writer, part.identity);
  writeLease(writer, part.lease);
  writer.flag(part.pushCipher).text(part.tls);
  writer.list(part.pushed, (message) => writer.text(message));
  writer.f64(part.pushedAt).f64(part.since);
  return writer.maybe(part.endAt, (endAt) => writer.f64(endAt)).finish();
};

/** Fields in the order of their calls; whether they make sense is in the reader. */
export const decodeClientPart = (reader: BlobReader): ClientPart => ({
  identity: readIdentity(reader),
  lease: readLease(reader),
  pushCipher: reader.flag(),
  tls: reader.text(),
  pushed: reader.list(() => reader.text()),
  pushedAt: reader.f64(),
  since: reader.f64(),
  endAt: reader.maybe(() => reader.f64()),
});

const writeIdentity = (writer: BlobWriter, identity: ClientIdentity): void => {
  const { commonName, username, certificate, path, peerInfo } = identity;
  writer.text(commonName).maybe(username, (name) => writer.text(name));
  writer.maybe(certificate, (shown) => writeCertificate(writer, shown));
  writer.u16(path.listener).text(path.host).u16(path.port);
  writer.list([...peerInfo], ([name, value]) => writer.text(name).text(value));
};

const readIdentity = (reader: BlobReader): ClientIdentity => ({
  commonName: reader.text(),
  username: reader.maybe(() => reader.text()),
  certificate: reader.maybe(() => readCertificate(reader)),
  path: { listener: reader.u16(), host: reader.text(), port: reader.u16() },
  peerInfo: new Map(reader.list(() => [reader.text(), reader.text()] as const)),
});

const writeLease = (writer: BlobWriter, { ipv4, ipv6, push }: Lease): void => {
  writer.maybe(ipv4, ({ address, netmask }) => writer.text(address).text(netmask));
  writer.maybe(ipv6, ({ address, bits, gateway }) => writer.text(address).u8(bits).text(gateway));
  writer.list(push, (option) => writer.text(option));
};

const readLease = (reader: BlobReader): Lease => ({
  ipv4: reader.maybe(() => ({ address: reader.text(), netmask: reader.text() })),
  ipv6: reader.maybe(() => ({ address: reader.text(), bits: reader.u8(), gateway: reader.text() })),
  push: reader.list(() => reader.text()),
});
