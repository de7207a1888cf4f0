import { describe, expect, test } from '@jest/globals';
import {
  asKeyId,
  asPeerId,
  DATA_CIPHERS,
  type DataCommand,
  type DataEvent,
  NO_LIMITS,
  PACKET_FORMATS,
  type Path,
  suiteOf,
} from '@shardvpn/core';
import { createRing, RingConsumer, RingProducer } from '@shardvpn/ring';
import fc from 'fast-check';
import { encodeCommand } from './command-record.js';
import { encodeTransmit, RecordDecoder } from './control-ring.js';
import { encodePath } from './path-record.js';

const V4: Path = { listener: 0x0102, host: '192.0.2.1', port: 0x1234 };
const V4_HEX = '0201040034120000c0000201000000000000000000000000';
const V6: Path = { listener: 1, host: '2001:db8::5', port: 1194 };
const V6_HEX = '01000600aa04000020010db8000000000000000000000005';

describe('commands', () => {
  const key = (byte: number, length = 64): Uint8Array => new Uint8Array(length).fill(byte);
  const peerId = asPeerId(0x00a1b2c3);
  const cases: [DataCommand, number, string][] = [
    [
      {
        type: 'add-peer',
        peerId,
        path: V4,
        dataV2: true,
        ipv4: '10.8.0.2',
        ipv6: 'fd00::2',
        pingInterval: 10,
        pingTimeout: 120,
      },
      2,
      `c3b2a10007000000${V4_HEX}0a0800020a007800fd000000000000000000000000000002`,
    ],
    [
      { type: 'add-peer', peerId, path: V6, dataV2: false, ipv4: null, ipv6: null, pingInterval: 0, pingTimeout: 1e6 },
      2,
      `c3b2a10000000000${V6_HEX}000000000000ffff${'00'.repeat(16)}`,
    ],
    [
      { type: 'update-peer', peerId, ipv4: '10.8.0.9', ipv6: null, pingInterval: 10, pingTimeout: 120 },
      9,
      `c3b2a100020000000a0800090a007800${'00'.repeat(16)}`,
    ],
    [
      { type: 'update-peer', peerId, ipv4: '10.8.0.9', ipv6: null, pingInterval: null, pingTimeout: null },
      9,
      `c3b2a100020000000a080009ffffffff${'00'.repeat(16)}`,
    ],
    [
      {
        type: 'add-peer',
        peerId,
        path: V4,
        dataV2: true,
        ipv4: null,
        ipv6: null,
        pingInterval: 0,
        pingTimeout: 0,
        layers: { framing: 'lz4', compress: true, fragment: { size: 0x84b0, countsHeaders: true } },
      },
      2,
      `c3b2a100011bb084${V4_HEX}${'00'.repeat(24)}`,
    ],
    [
      {
        type: 'install-key',
        peerId,
        keyId: asKeyId(5),
        suite: suiteOf('AES-256-GCM'),
        seal: { cipher: key(0x11), hmac: key(0x22) },
        open: { cipher: key(0x33), hmac: key(0x44) },
      },
      3,
      `c3b2a10005030001${'11'.repeat(64)}${'22'.repeat(64)}${'33'.repeat(64)}${'44'.repeat(64)}`,
    ],
    [
      {
        type: 'limit-peer',
        peerId,
        renegBytes: 0x1_0203_0405_06,
        renegPackets: 7,
        inactive: { seconds: 600, bytes: 2 ** 32 },
        replayWindow: { size: 65536, seconds: 15 },
      },
      10,
      'c3b2a1000000010006050403020100000700000000000000000000000100000058020000' + '0f000000',
    ],
    [{ type: 'limit-peer', peerId, ...NO_LIMITS, replayWindow: null }, 10, `c3b2a100ffffffff${'00'.repeat(32)}`],
    [{ type: 'use-key', peerId, keyId: asKeyId(7) }, 4, 'c3b2a10007000000'],
    [{ type: 'retire-key', peerId, keyId: asKeyId(1) }, 5, 'c3b2a10001000000'],
    [{ type: 'touch-peer', peerId }, 6, 'c3b2a100'],
    [{ type: 'remove-peer', peerId }, 7, 'c3b2a100'],
    [{ type: 'close-connection', path: V4 }, 16, V4_HEX],
    [{ type: 'admit-by', order: null }, 17, '00'.repeat(440)],
    [
      {
        type: 'admit-by',
        order: {
          wrap: { type: 'tls-auth', key: key(0xaa, 256), direction: null, digest: 'sha512' },
          tlsCryptV2Key: key(0xbb, 128),
          cookieKey: key(0xcc, 32),
          slotSeconds: 30,
          limit: { count: 100, seconds: 10 },
          unixNow: 0x6553f100,
        },
      },
      17,
      `03000000010205001e000000640000000a00000000f15365${'cc'.repeat(32)}${'aa'.repeat(256)}${'bb'.repeat(128)}`,
    ],
  ];

  test.each(cases)('are laid out as documented: %j', (command, kind, hex) => {
    // A dirty ring: whatever an encoder leaves out would show.
    const memory = createRing(4096);
    new Uint8Array(memory, 192).fill(0xee);
    const ring = new RingProducer(memory);
    expect(encodeCommand(ring, command)).toBe(true);
    expect(records(ring, memory)).toEqual([{ kind, hex }]);
  });

  test('name every cipher', () => {
    const codes = [...DATA_CIPHERS].map((cipher) => {
      const { ring, memory } = newRing();
      const slots = { cipher: key(1), hmac: key(2) };
      const suite = suiteOf(cipher, 'SHA256');
      encodeCommand(ring, { type: 'install-key', peerId, keyId: asKeyId(0), suite, seal: slots, open: slots });
      return [cipher, records(ring, memory)[0]?.hex.slice(10, 16)];
    });
    expect(Object.fromEntries(codes)).toEqual({
      'AES-128-GCM': '010001',
      'AES-192-GCM': '020001',
      'AES-256-GCM': '030001',
      'CHACHA20-POLY1305': '040001',
      'AES-128-CBC': '050304',
      'AES-192-CBC': '060304',
      'AES-256-CBC': '070304',
      none: '000305',
    });
  });

  test('name every format', () => {
    const codes = [...PACKET_FORMATS].map((format) => {
      const { ring, memory } = newRing();
      const slots = { cipher: key(1), hmac: key(2) };
      const suite = { ...suiteOf('AES-256-GCM'), format };
      encodeCommand(ring, { type: 'install-key', peerId, keyId: asKeyId(0), suite, seal: slots, open: slots });
      return [format, records(ring, memory)[0]?.hex.slice(14, 16)];
    });
    expect(Object.fromEntries(codes)).toEqual({ aead: '01', epoch: '03', cbc: '04', plain: '05' });
  });

  test('that find no room are not counted as lost; a transmit is', () => {
    const { ring } = newRing();
    while (ring.fits(1000)) ring.reserve(9, 1000);
    while (ring.fits(4)) ring.reserve(9, 4);
    expect(encodeCommand(ring, { type: 'touch-peer', peerId })).toBe(false);
    expect(ring.dropped).toBe(0);
    expect(encodeTransmit(ring, { path: V4, bytes: new Uint8Array(3) })).toBe(false);
    expect(ring.dropped).toBe(1);
  });
});

test('a transmit is the address and the payload', () => {
  const { ring, memory } = newRing();
  encodeTransmit(ring, { path: V6, bytes: Uint8Array.of(0x38, 1, 2) });
  expect(records(ring, memory)).toEqual([{ kind: 1, hex: `${V6_HEX}380102` }]);
});

describe('records of the data thread', () => {
  const events: [number, string, DataEvent][] = [
    [2, `0700000000000000${V4_HEX}`, { type: 'floated', peerId: asPeerId(7), path: V4 }],
    [16, `0000000000000000${V4_HEX}`, { type: 'closed', path: V4 }],
    [3, `0700000008000000${V6_HEX}`, { type: 'float-conflict', peerId: asPeerId(7), holder: asPeerId(8), path: V6 }],
    [4, '07000000', { type: 'exit', peerId: asPeerId(7) }],
    [5, '0700000003000000', { type: 'key-limit', peerId: asPeerId(7), keyId: asKeyId(3) }],
    [6, '07000000', { type: 'silent', peerId: asPeerId(7) }],
    [7, '00000000', { type: 'reset' }],
    [8, '07000000', { type: 'inactive', peerId: asPeerId(7) }],
  ];
  test.each(events)('kind %i, %s', (kind, hex, event) => {
    const got = decodeAll([[kind, fromHex(hex)]]);
    expect(got).toEqual({ datagrams: [], events: [event], malformed: 0 });
  });

  test('a datagram comes with its address, and runs of one address with one object', () => {
    const got = decodeAll([
      [1, fromHex(`${V4_HEX}38aabb`)],
      [1, fromHex(`${V4_HEX}20`)],
      [1, fromHex(V6_HEX)],
    ]);
    expect(got.datagrams).toEqual([
      [V4, '38aabb'],
      [V4, '20'],
      [V6, ''],
    ]);
    expect(got.datagrams[0]?.[0]).toBe(got.datagrams[1]?.[0]);
  });

  test('shared memory does not reach the core', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64));
    shared.set(fromHex(`${V4_HEX}38aabb`));
    let buffer: ArrayBufferLike | undefined;
    new RecordDecoder().decode(1, shared, {
      handleDatagram: (_, bytes) => {
        buffer = bytes.buffer;
      },
      handleDataEvent: () => undefined,
    });
    expect(buffer).toBeInstanceOf(ArrayBuffer);
  });

  test('any path survives the way there and back', () => {
    const decoder = new RecordDecoder();
    const path = fc.record({ listener: fc.nat(0xffff), host: fc.ipV4(), port: fc.nat(0xffff) });
    fc.assert(
      fc.property(path, fc.uint8Array({ maxLength: 3000 }), (wanted, payload) => {
        const record = new Uint8Array(24 + payload.length).fill(0xee);
        encodePath(wanted, record, 0);
        record.set(payload, 24);
        const got: [Path, Uint8Array][] = [];
        decoder.decode(1, record, {
          handleDatagram: (to, bytes) => got.push([to, Uint8Array.from(bytes)]),
          handleDataEvent: () => undefined,
        });
        expect(got).toEqual([[wanted, payload]]);
      }),
    );
    expect(decoder.malformed).toBe(0);
  });

  test('what makes no sense is counted and never throws', () => {
    fc.assert(
      fc.property(fc.nat(10), fc.uint8Array({ maxLength: 60 }), (kind, payload) => {
        const { datagrams, events: told, malformed } = decodeAll([[kind, payload]]);
        expect(datagrams.length + told.length + malformed).toBe(1);
        if (kind > 8 || kind === 0 || payload.length < 4) expect(malformed).toBe(1);
      }),
      { numRuns: 1000 },
    );
  });
});

function newRing(): { ring: RingProducer; memory: SharedArrayBuffer } {
  const memory = createRing(4096);
  return { ring: new RingProducer(memory), memory };
}

function records(ring: RingProducer, memory: SharedArrayBuffer): { kind: number; hex: string }[] {
  ring.publish();
  const got: { kind: number; hex: string }[] = [];
  new RingConsumer(memory).drain(100, (kind, payload) => got.push({ kind, hex: Buffer.from(payload).toString('hex') }));
  return got;
}

function decodeAll(input: readonly [number, Uint8Array][]): {
  datagrams: [Path, string][];
  events: DataEvent[];
  malformed: number;
} {
  const decoder = new RecordDecoder();
  const datagrams: [Path, string][] = [];
  const events: DataEvent[] = [];
  const sink = {
    handleDatagram: (path: Path, bytes: Uint8Array) => datagrams.push([path, Buffer.from(bytes).toString('hex')]),
    handleDataEvent: (event: DataEvent) => events.push(event),
  };
  for (const [kind, payload] of input) decoder.decode(kind, payload, sink);
  return { datagrams, events, malformed: decoder.malformed };
}

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
