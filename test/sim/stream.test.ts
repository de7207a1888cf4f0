import { describe, expect, test } from '@jest/globals';
import { isStream, type Path, STREAM_BIT, type WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair, type PairOptions } from './pair.js';

freezeWorld();

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 5 + 1) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: 1, digest: 'sha1' },
  { type: 'tls-crypt', key },
];
const LISTENER = 3;
const PATH: Path = { listener: LISTENER | STREAM_BIT, host: '192.0.2.9', port: 40_000 };

const connected = (options: PairOptions = {}) => {
  const pair = new Pair(options);
  const client = pair.connect({ path: PATH });
  return { pair, client };
};

describe.each(WRAPS)('over a connection, with $type', (wrap) => {
  test('a client connects, renegotiates and leaves, and the connection is closed behind it', () => {
    const { pair, client } = connected({ server: { wrap, renegSec: 60 } });
    expect(pair.server.core.drops['rate-limited']).toBe(0);
    pair.run(130_000);
    expect(client.renegotiations).toBeGreaterThanOrEqual(2);
    expect(pair.server.data.closed).toEqual([]);
    pair.server.run(() => pair.server.core.disconnect(pair.loop.now, client.peerId, 'kicked', 'by hand'));
    expect(pair.server.data.closed).toEqual([]);
    pair.run(6_000);
    expect(pair.server.data.closed).toEqual([PATH]);
    expect(pair.faults()).toEqual([]);
  });
});

test('the answer to a reset is a session of its own, whatever the rate of resets', () => {
  const pair = new Pair({ server: { connectFreqInitial: { count: 1, seconds: 1000 } } });
  for (let port = 1; port <= 5; port++) pair.connect({ path: { ...PATH, port } });
  expect(pair.server.of('connected')).toHaveLength(5);
});

test('the end of the connection is the end of the client, at once', () => {
  const { pair, client } = connected();
  pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, { type: 'closed', path: PATH }));
  expect(pair.server.ended('connection-closed')).toMatchObject([{ peerId: client.peerId }]);
  expect(pair.server.data.peers).toEqual([]);
  expect(pair.server.data.closed).toEqual([]);
  pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, { type: 'closed', path: PATH }));
  expect(pair.server.events.filter(({ type }) => type === 'disconnected')).toHaveLength(1);
});

test('a connection that brings nothing of use is closed, one that is in use is not', () => {
  const { pair } = connected({ server: { wrap: { type: 'tls-crypt', key } } });
  const stranger = { ...PATH, port: 1 };
  const garbage = new Uint8Array(60).fill(0x38);
  pair.server.handleDatagram(stranger, garbage);
  pair.server.handleDatagram(PATH, garbage);
  pair.server.handleDatagram({ ...stranger, listener: LISTENER }, garbage);
  expect(pair.server.data.closed).toEqual([stranger]);
});

test('a connection has one handshake at a time, whatever it asks for, and does not keep others out', () => {
  const pair = new Pair({ server: { maxSessions: 3 } });
  for (let id = 1; id <= 10; id++) pair.server.handleDatagram(PATH, reset(id));
  expect(pair.server.core.handshakes).toBe(1);
  expect(pair.server.core.drops['unknown-session']).toBe(9);
  expect(pair.server.data.closed).toEqual([]);
  pair.connect({ path: { ...PATH, port: 2 } });
  expect(pair.server.core.drops['too-many-sessions']).toBe(0);
});

test('connect-freq counts connections as well, and closes those beyond it', () => {
  const pair = new Pair({ server: { connectFreq: { count: 2, seconds: 60 } } });
  pair.server.handleDatagram({ ...PATH, port: 1 }, reset(9));
  for (let port = 1; port <= 4; port++) pair.server.handleDatagram({ ...PATH, port }, reset(port));
  expect(pair.server.core.handshakes).toBe(2);
  expect(pair.server.core.drops['connect-freq']).toBe(2);
  expect(pair.server.data.closed).toEqual([3, 4].map((port) => ({ ...PATH, port })));
});

test('at the shutdown the end of the connection is all that is said', () => {
  const { pair } = connected();
  pair.server.run(() => pair.server.core.shutdown(pair.loop.now));
  expect(pair.server.core.isDrained).toBe(true);
  expect(pair.server.data.closed).toEqual([PATH]);
});

test('a listener that is left tells its clients, whatever their transport', () => {
  const { pair, client } = connected();
  pair.server.run(() => pair.server.core.leaveListener(pair.loop.now, LISTENER));
  pair.run(6_000);
  expect(client.ended).toBeDefined();
  expect(pair.server.data.closed).toEqual([PATH]);
});

test('sessions of a connection are taken over by the next worker, handshakes of one are not', () => {
  const { pair } = connected();
  pair.server.crash(10);
  const halfway = pair.join({ path: { ...PATH, port: 7 } });
  pair.run(20);
  expect(pair.server.of('restored')[0]?.client.identity.path).toEqual(PATH);
  expect(isStream(PATH)).toBe(true);
  expect(pair.drive(() => halfway.isConnected)).toBe(true);
  pair.server.handleDatagram({ ...PATH, port: 8 }, ack());
  expect(pair.server.data.closed).toEqual([{ ...PATH, port: 8 }]);
});

/** A HARD_RESET_CLIENT_V2 without wrapping. [wire 2] */
const reset = (id: number): Uint8Array => Uint8Array.from([7 << 3, id, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
/** An ACK_V1 of message 0, for a session that nobody knows. [wire 2] */
const ack = (): Uint8Array => Uint8Array.from([5 << 3, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
