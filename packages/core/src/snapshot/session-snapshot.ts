import { AUTH_DIGESTS, DATA_CIPHERS, type DataSuite, PACKET_FORMATS } from '../data-plane.js';
import { asKeyId, asPeerId, type KeyId, type Millis, type Path, type PeerId } from '../ids.js';
import { STATIC_KEY_LENGTH } from '../keys/static-key.js';
import type { LinkState, ProtectionState } from '../session/control-link.js';
import type { KeyScheduleState } from '../session/data-key-schedule.js';
import type { SessionTimes } from '../session/session-times.js';
import { decodeSessionId, encodeSessionId, SESSION_ID_LENGTH, type SessionId } from '../wire/session-id.js';
import { BlobReader } from './blob-reader.js';
import { BlobWriter } from './blob-writer.js';
import { type BusyKeyPart, readBusyKey, writeBusyKey } from './busy-key-part.js';
import { checksum } from './checksum.js';
import { type ClientPart, decodeClientPart } from './client-part.js';

/**
 * A connected client as its server knows it, without TLS sessions and data keys: with this another server goes on.
 * Times are those of the `Millis` clock, which both servers have to share.
 */
export interface SessionSnapshot {
  readonly peerId: PeerId;
  readonly suite: DataSuite;
  readonly clientId: SessionId;
  readonly serverId: SessionId;
  readonly path: Path;
  readonly times: SessionTimes;
  readonly keys: KeyScheduleState;
  readonly busyKey: BusyKeyPart | null;
  readonly link: LinkState;
  readonly client: ClientPart;
}

const VERSION = 5;

/** `client`: the part that `encodeClientPart` has made; it changes so rarely that it is worth keeping. */
export const encodeSessionSnapshot = (snapshot: Omit<SessionSnapshot, 'client'>, client: Uint8Array): Uint8Array => {
  const writer = new BlobWriter();
  writer.u8(VERSION).u32(snapshot.peerId);
  writeSuite(writer, snapshot.suite);
  writer.raw(encodeSessionId(snapshot.clientId)).raw(encodeSessionId(snapshot.serverId));
  writer.u16(snapshot.path.listener).text(snapshot.path.host).u16(snapshot.path.port);
  const { handWindow, tranWindow, renegotiate, tlsTimeout } = snapshot.times;
  writer.f64(handWindow).f64(tranWindow).f64(renegotiate).f64(tlsTimeout);
  writeKeys(writer, snapshot.keys);
  writer.maybe(snapshot.link.clientKey, ({ key, wrappedKey }) => {
    writer.raw(key).u16(wrappedKey.length).raw(wrappedKey);
  });
  writeProtection(writer, snapshot.link.initial);
  writer.maybe(snapshot.link.renegotiated, (renegotiated) => {
    writeProtection(writer, renegotiated);
    writer.raw(renegotiated.key);
  });
  writer.maybe(snapshot.busyKey, (key) => writeBusyKey(writer, key));
  writer.raw(client);
  return writer.u32(checksum(writer.finish())).finish();
};

/** null for bytes of another version, or that are not what was encoded. */
export const decodeSessionSnapshot = (bytes: Uint8Array): SessionSnapshot | null => {
  const body = bytes.subarray(0, -CHECKSUM_LENGTH);
  const sum = new BlobReader(bytes.subarray(body.length));
  if (bytes.length < CHECKSUM_LENGTH || sum.u32() !== checksum(body)) return null;
  const reader = new BlobReader(body);
  if (reader.u8() !== VERSION) return null;
  const snapshot = readSnapshot(reader);
  return reader.failed || !reader.isAtEnd ? null : snapshot;
};

const CHECKSUM_LENGTH = 4;

/** Fields in the order of their calls. */
const readSnapshot = (reader: BlobReader): SessionSnapshot => ({
  peerId: asPeerId(reader.u32()),
  suite: readSuite(reader),
  clientId: readSessionId(reader),
  serverId: readSessionId(reader),
  path: { listener: reader.u16(), host: reader.text(), port: reader.u16() },
  times: readTimes(reader),
  keys: readKeys(reader),
  link: {
    clientKey: reader.maybe(() => ({ key: reader.raw(STATIC_KEY_LENGTH), wrappedKey: reader.raw(reader.u16()) })),
    initial: readProtection(reader),
    renegotiated: reader.maybe(() => ({ ...readProtection(reader), key: reader.raw(STATIC_KEY_LENGTH) })),
  },
  busyKey: reader.maybe(() => readBusyKey(reader)),
  client: decodeClientPart(reader),
});

/** Without time between resends a server would do nothing else. */
const readTimes = (reader: BlobReader): SessionTimes => {
  const [handWindow, tranWindow, renegotiate, tlsTimeout] = [reader.f64(), reader.f64(), reader.f64(), reader.f64()];
  if (handWindow < 1 || tranWindow < 0 || renegotiate < 0 || tlsTimeout < 1) reader.fail();
  return { handWindow, tranWindow, renegotiate, tlsTimeout };
};

const writeKeys = (writer: BlobWriter, keys: KeyScheduleState): void => {
  const time = (at: Millis | null): BlobWriter => writer.maybe(at, (millis) => writer.f64(millis));
  writer.u8(keys.keyId).maybe(keys.lameDuck, (keyId) => writer.u8(keyId));
  time(keys.useAt);
  time(keys.retireAt);
  time(keys.renegotiateAt);
  writer.f64(keys.settledAt);
  time(keys.expireAt);
};

const readKeys = (reader: BlobReader): KeyScheduleState => {
  const time = (): Millis | null => reader.maybe(() => reader.f64());
  return {
    keyId: readKeyId(reader),
    lameDuck: reader.maybe(() => readKeyId(reader)),
    useAt: time(),
    retireAt: time(),
    renegotiateAt: time(),
    settledAt: reader.f64(),
    expireAt: time(),
  };
};

const writeProtection = (writer: BlobWriter, { sentTime, window }: ProtectionState): void => {
  writer.f64(sentTime).f64(window.time).u32(window.highest).u32(window.seen[0]).u32(window.seen[1]);
};

const readProtection = (reader: BlobReader): ProtectionState => ({
  sentTime: readWireTime(reader, 0),
  window: { time: readWireTime(reader, -1), highest: reader.u32(), seen: [reader.u32(), reader.u32()] },
});

/** The next one has to fit into 4 bytes, too. [wire 6] */
const readWireTime = (reader: BlobReader, least: number): number => {
  const time = reader.f64();
  if (!Number.isInteger(time) || time < least || time >= 0xffffffff) reader.fail();
  return time;
};

const readKeyId = (reader: BlobReader): KeyId => {
  const keyId = reader.u8();
  if (keyId > 7) reader.fail();
  return asKeyId(keyId);
};

const writeSuite = (writer: BlobWriter, { format, cipher, auth }: DataSuite): void => {
  writer.u8(PACKET_FORMATS.indexOf(format)).u8(DATA_CIPHERS.indexOf(cipher)).u8(AUTH_DIGESTS.indexOf(auth));
};

const readSuite = (reader: BlobReader): DataSuite => ({
  format: readName(reader, PACKET_FORMATS),
  cipher: readName(reader, DATA_CIPHERS),
  auth: readName(reader, AUTH_DIGESTS),
});

const readName = <Name extends string>(reader: BlobReader, names: readonly [Name, ...Name[]]): Name => {
  const name = names[reader.u8()];
  if (name === undefined) reader.fail();
  return name ?? names[0];
};

const readSessionId = (reader: BlobReader): SessionId => {
  const bytes = reader.raw(SESSION_ID_LENGTH);
  return decodeSessionId(bytes.length === SESSION_ID_LENGTH ? bytes : new Uint8Array(SESSION_ID_LENGTH));
};
