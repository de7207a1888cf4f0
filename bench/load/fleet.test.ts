import { expect, test } from '@jest/globals';
import type { ClientOptions, TlsEngine, Transmit } from '@shardvpn/core';
import { nodeCrypto } from '@shardvpn/worker';
import { Fleet, type FleetEvent } from './fleet.js';

const NUMBER = 7;

test('what comes late for a client that has failed does not reach the one that has begun in its place', () => {
  const lab = newLab();
  lab.begin(0);
  lab.answer(0);
  expect(lab.news).toHaveLength(1);
  for (let at = 1000; at <= 10_000; at += 1000) lab.fleet.handleTimeout(at);
  expect(lab.events()).toEqual([expect.objectContaining({ type: 'ended', number: NUMBER, wasConnected: false })]);
  lab.begin(11_000);
  lab.news[0]?.();
  lab.fleet.handleTls(11_000);
  lab.answer(11_000);
  expect(lab.news).toHaveLength(2);
});

/** A fleet whose TLS says nothing by itself, and a server that knows one answer. */
const newLab = () => {
  const news: (() => void)[] = [];
  const tls: TlsEngine = {
    open(_, onProgress) {
      news.push(onProgress);
      const nothing = () => undefined;
      return { feed: nothing, send: nothing, poll: nothing, exportKeyingMaterial: () => null, destroy: nothing };
    },
  };
  const fleet = new Fleet({ client, crypto: nodeCrypto, tls, unixNow: () => 1_700_000_000, onTlsProgress: () => {} });
  let reset: Transmit | undefined;
  return {
    fleet,
    news,
    begin(now: number): void {
      fleet.start(now, NUMBER);
      for (let sent = fleet.pollTransmit(); sent !== undefined; sent = fleet.pollTransmit()) reset = sent;
    },
    /** The server's hard reset, with an ack of the client's. [wire 2] */
    answer(now: number): void {
      const clientId = reset?.bytes.subarray(1, 9) ?? [];
      const bytes = Uint8Array.from([8 << 3, ...Array(8).fill(9), 1, 0, 0, 0, 0, ...clientId, 0, 0, 0, 0]);
      fleet.handleDatagram(now, { listener: NUMBER, host: '192.0.2.1', port: 1194 }, bytes);
    },
    events(): FleetEvent[] {
      const events: FleetEvent[] = [];
      for (let event = fleet.pollEvent(); event !== undefined; event = fleet.pollEvent()) events.push(event);
      return events;
    },
  };
};

const client: ClientOptions = {
  remote: { listener: 0, host: '192.0.2.1', port: 1194 },
  wrap: { type: 'none' },
  dataCiphers: ['AES-256-GCM'],
  fallbackCipher: null,
  occ: { cipher: 'AES-256-GCM', auth: 'SHA256', tunMtu: 1500 },
  peerInfo: new Map(),
  credentials: null,
  pullFilters: [],
  pingInterval: 0,
  pingTimeout: 0,
  exitNotify: false,
  promptPushRequest: true,
  connectTimeout: 5,
  handWindow: 5,
  tranWindow: 60,
  renegSec: 0,
  tlsTimeout: 2,
  maxPacketSize: 1250,
};
