import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { asKeyId, asPeerId, type Path } from '../ids.js';
import { suiteOf } from '../keys/data-suite.js';
import { type ControlOpcode, OPCODE } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import { ReplayWindow } from '../wrap/replay-window.js';
import type { BusyKeyPart } from './busy-key-part.js';
import { checksum } from './checksum.js';
import { type ClientPart, encodeClientPart } from './client-part.js';
import { decodeSessionSnapshot, encodeSessionSnapshot, type SessionSnapshot } from './session-snapshot.js';

const encode = (snapshot: SessionSnapshot): Uint8Array =>
  encodeSessionSnapshot(snapshot, encodeClientPart(snapshot.client));

describe('a session snapshot', () => {
  test('is the same after encoding and decoding, whatever it holds', () => {
    fc.assert(
      fc.property(snapshots(), (snapshot) => {
        expect(decodeSessionSnapshot(encode(snapshot))).toEqual(snapshot);
      }),
    );
  });

  test('that was cut off or damaged is none', () => {
    fc.assert(
      fc.property(snapshots(), fc.nat(), fc.integer({ min: 1, max: 255 }), (snapshot, at, change) => {
        const bytes = encode(snapshot).slice();
        expect(decodeSessionSnapshot(bytes.subarray(0, at % bytes.length))).toBeNull();
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ change;
        expect(decodeSessionSnapshot(bytes)).toBeNull();
      }),
    );
  });

  test('never throws, even when the checksum fits', () => {
    fc.assert(
      fc.property(snapshots(), fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (snapshot, noise, at) => {
        const bytes = encode(snapshot).slice();
        bytes.set(noise.subarray(0, bytes.length - 4 - (at % (bytes.length - 4))), at % (bytes.length - 4));
        const sum = checksum(bytes.subarray(0, -4));
        new DataView(bytes.buffer).setUint32(bytes.length - 4, sum);
        decodeSessionSnapshot(bytes);
        decodeSessionSnapshot(noise);
      }),
    );
  });

  test('that leaves no time between two resends is none', () => {
    const [snapshot] = fc.sample(snapshots(), 1) as [SessionSnapshot];
    for (const tlsTimeout of [0, -1e-267, -2000]) {
      const times = { ...snapshot.times, tlsTimeout };
      expect(decodeSessionSnapshot(encode({ ...snapshot, times }))).toBeNull();
    }
  });

  test('with times of replay ids that no packet could bear is none', () => {
    const [snapshot] = fc.sample(snapshots(), 1) as [SessionSnapshot];
    const { link } = snapshot;
    const { window } = link.initial;
    for (const time of [0.5, -2, 0xffffffff]) {
      const sent = { ...link, initial: { sentTime: time, window } };
      expect(decodeSessionSnapshot(encode({ ...snapshot, link: sent }))).toBeNull();
      const seen = { ...link, initial: { sentTime: 1, window: { ...window, time } } };
      expect(decodeSessionSnapshot(encode({ ...snapshot, link: seen }))).toBeNull();
    }
  });

  test('of a key exchange whose packets run out of numbers is none', () => {
    const [snapshot] = fc.sample(snapshots(), 1) as [SessionSnapshot];
    const [key] = fc.sample(busyKey(), 1) as [BusyKeyPart];
    const { channel } = key;
    for (const end of ['send', 'receive'] as const) {
      const late = { ...channel, [end]: { ...channel[end], nextId: 0xffffffff } };
      expect(decodeSessionSnapshot(encode({ ...snapshot, busyKey: { ...key, channel: late } }))).toBeNull();
    }
  });

  test('of another version is none', () => {
    const [snapshot] = fc.sample(snapshots(), 1) as [SessionSnapshot];
    const bytes = encode(snapshot).slice();
    bytes[0] = 99;
    new DataView(bytes.buffer).setUint32(bytes.length - 4, checksum(bytes.subarray(0, -4)));
    expect(decodeSessionSnapshot(bytes)).toBeNull();
  });
});

test('a restored replay window takes what the first would have taken, and nothing that it has seen', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 })),
      fc.array(fc.integer({ min: 1, max: 300 })),
      (seen, later) => {
        const first = new ReplayWindow();
        for (const counter of seen) first.accept({ counter, time: 5 }, 0);
        const restored = ReplayWindow.restore(first.state, 0);
        for (const counter of seen) expect(restored.accept({ counter, time: 5 }, 1)).toBe(false);
        for (const counter of later) {
          const id = { counter, time: 5 };
          expect(restored.accept(id, 1)).toBe(first.accept(id, 1));
        }
        expect(restored.accept({ counter: 1000, time: 4 }, 1)).toBe(seen.length + later.length === 0);
      },
    ),
  );
});

/** Values that survive as they are: texts of characters, finite numbers. */
const text = (): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom('a', ' ', 'é', '漢', '😀') });
const time = (min = 0): fc.Arbitrary<number> => fc.double({ noNaN: true, noDefaultInfinity: true, min, max: 1e12 });
const u32 = (): fc.Arbitrary<number> => fc.nat(0xffffffff);
const wireTime = (): fc.Arbitrary<number> => fc.nat(0xfffffffe);
const nextId = (): fc.Arbitrary<number> => fc.nat(0x7fffffff);
const keyId = () => fc.nat(7).map(asKeyId);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const sessionId = () =>
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 16 })
    .map((id) => id as SessionId);
const path = (): fc.Arbitrary<Path> =>
  fc.record({ listener: fc.nat(0xffff), host: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.nat(0xffff) });

const protection = () =>
  fc.record({
    sentTime: wireTime(),
    window: fc.record({ time: fc.integer({ min: -1 }), highest: u32(), seen: fc.tuple(u32(), u32()) }),
  });

const certificate = () =>
  fc.record({ commonName: text(), subject: text(), serial: text(), chainHashes: fc.array(text()), notAfter: u32() });

const packets = () =>
  fc.array(
    fc.record({
      messageId: u32(),
      opcode: fc.constantFrom<ControlOpcode>(OPCODE.softResetV1, OPCODE.controlV1, OPCODE.hardResetServerV2),
      payload: fc.uint8Array({ maxLength: 1250 }),
    }),
    { maxLength: 12 },
  );

const busyKey = (): fc.Arbitrary<BusyKeyPart> =>
  fc.record({
    isNext: fc.boolean(),
    startedAt: time(),
    hasTls: fc.boolean(),
    phase: fc.oneof(
      fc.record({ type: fc.constantFrom('await-tls' as const, 'complete' as const) }),
      fc.record({ type: fc.constant('await-key-method' as const), certificate: maybe(certificate()), tls: text() }),
    ),
    channel: fc.record({
      send: fc.record({ nextId: nextId(), unacked: packets() }),
      receive: fc.record({ nextId: nextId(), held: packets() }),
      output: fc.uint8Array({ maxLength: 5000 }),
      held: maybe(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 3 })),
    }),
  });

const clients = (): fc.Arbitrary<ClientPart> =>
  fc.record({
    identity: fc.record({
      commonName: text(),
      username: maybe(text()),
      certificate: maybe(certificate()),
      path: path(),
      peerInfo: fc.array(fc.tuple(text(), text())).map((entries) => new Map(entries)),
    }),
    lease: fc.record({
      ipv4: maybe(fc.record({ address: fc.ipV4(), netmask: fc.ipV4() })),
      ipv6: maybe(fc.record({ address: fc.ipV6(), bits: fc.nat(128), gateway: fc.ipV6() })),
      push: fc.array(text()),
    }),
    pushCipher: fc.boolean(),
    tls: text(),
    pushed: fc.array(text()),
    pushedAt: time(),
    since: u32(),
    endAt: maybe(time()),
  });

const snapshots = (): fc.Arbitrary<SessionSnapshot> =>
  fc.record({
    peerId: fc.nat(0xffffff).map(asPeerId),
    suite: fc.constantFrom(
      suiteOf('AES-256-GCM'),
      { ...suiteOf('CHACHA20-POLY1305'), format: 'epoch' },
      suiteOf('AES-192-CBC', 'SHA512'),
      suiteOf('none', 'none'),
    ),
    clientId: sessionId(),
    serverId: sessionId(),
    path: path(),
    times: fc.record({ handWindow: time(1), tranWindow: time(), renegotiate: time(), tlsTimeout: time(1) }),
    keys: fc.record({
      keyId: keyId(),
      lameDuck: maybe(keyId()),
      useAt: maybe(time()),
      retireAt: maybe(time()),
      renegotiateAt: maybe(time()),
      settledAt: time(),
      expireAt: maybe(time()),
    }),
    busyKey: maybe(busyKey()),
    link: fc.record({
      clientKey: maybe(
        fc.record({
          key: fc.uint8Array({ minLength: 256, maxLength: 256 }),
          wrappedKey: fc.uint8Array({ maxLength: 1024 }),
        }),
      ),
      initial: protection(),
      renegotiated: maybe(
        fc.record({
          sentTime: wireTime(),
          window: fc.record({ time: wireTime(), highest: u32(), seen: fc.tuple(u32(), u32()) }),
          key: fc.uint8Array({ minLength: 256, maxLength: 256 }),
        }),
      ),
    }),
    client: clients(),
  });
