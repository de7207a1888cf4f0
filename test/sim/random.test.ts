import { describe, expect, test } from '@jest/globals';
import type { Generation, WrapOptions } from '@shardvpn/core';
import { freezeWorld } from './frozen-world.js';
import { Pair } from './pair.js';
import { SeededRandom } from './seeded-random.js';
import type { SimClient } from './sim-client.js';

freezeWorld();

const RUNS = 8;
const SEEDS_PER_RUN = 160;

describe('random lives', () => {
  test.each(Array.from({ length: RUNS }, (_, run) => run))('seeds of run %i', (run) => {
    let connected = 0;
    let renegotiated = 0;
    for (let seed = run * SEEDS_PER_RUN; seed < (run + 1) * SEEDS_PER_RUN; seed++) {
      const life = liveThrough(seed);
      expect({ seed, left: life.left }).toEqual({ seed, left: NOTHING });
      connected += life.connected;
      renegotiated += life.renegotiated;
    }
    expect(connected).toBeGreaterThan(SEEDS_PER_RUN);
    expect(renegotiated).toBeGreaterThan(SEEDS_PER_RUN / 2);
  });
});

const NOTHING = { faults: [], leases: 0, peers: [], handshakes: 0, deadline: undefined, tlsSessions: 0 };

/** One seed: a world, some clients and some accidents; afterwards everybody leaves. */
const liveThrough = (seed: number) => {
  const dice = new SeededRandom(seed ^ 0x5eed);
  const pair = worldOf(seed, dice);
  for (let i = dice.integer(1, 3); i > 0; i--) {
    pair.join({
      generation: dice.pick(GENERATIONS),
      name: `client${dice.integer(1, 2)}`,
      client: { handWindow: 30, renegSec: dice.pick([0, 0, 25]) },
    });
    pair.run(dice.integer(0, 3000));
  }
  const faults: string[] = [];
  for (let step = dice.integer(5, 25); step > 0; step--) {
    dice.pick(ACCIDENTS)(pair, dice.pick(pair.clients), dice);
    pair.run(dice.integer(0, 4000));
    chatter(pair);
    faults.push(...pair.faults());
  }
  const connected = pair.server.of('connected').length;
  const renegotiated = pair.server.of('renegotiated').length;
  everybodyLeaves(pair, dice);
  return { connected, renegotiated, left: { ...whatIsLeft(pair), faults: [...faults, ...pair.faults()] } };
};

const GENERATIONS: readonly Generation[] = ['2.7', '2.6', '2.5', '2.4'];
const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 11 + 5) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: 1, digest: 'sha1' },
  { type: 'tls-crypt', key },
];

const worldOf = (seed: number, dice: SeededRandom): Pair => {
  const pair = new Pair({
    seed,
    network: { loss: dice.pick([0, 0.05, 0.2]), duplicate: dice.pick([0, 0.2]), latency: [1, dice.pick([2, 50, 300])] },
    server: {
      wrap: dice.pick(WRAPS),
      handWindow: 30,
      tranWindow: dice.pick([40, 3600]),
      renegSec: dice.pick([0, 20, 40]),
      pingInterval: 5,
      pingTimeout: 30,
      shards: dice.integer(2, 4),
      push: ['ping 5', 'ping-restart 20'],
    },
    tlsDelay: dice.pick([null, 0, 20]),
    verifyClient: () => (dice.chance(0.02) ? 'certificate revoked' : null),
  });
  pair.server.answerDelay = dice.pick([0, 0, 500, 12_000]);
  pair.server.poolSize = dice.pick([1, 250, 250]);
  pair.server.decide = () => (dice.chance(0.04) ? { type: 'refuse', reason: 'bad luck' } : { type: 'accept' });
  return pair;
};

const ACCIDENTS: readonly ((pair: Pair, client: SimClient, dice: SeededRandom) => void)[] = [
  () => undefined,
  () => undefined,
  (pair, client) => client.rebind(pair.freshPath()),
  (pair, client) => client.run(() => client.core.renegotiate(pair.loop.now)),
  (pair, client) => {
    const { peerId } = client.connected ?? {};
    const keyId = peerId === undefined ? null : pair.server.data.sendKeyOf(peerId);
    if (peerId !== undefined && keyId !== null) {
      pair.server.run(() => pair.server.core.handleDataEvent(pair.loop.now, { type: 'key-limit', peerId, keyId }));
    }
  },
  (pair, _client, dice) => {
    for (let i = 0; i < 20; i++) {
      const { path, bytes } = dice.pick(pair.network.capture);
      pair.server.handleDatagram(dice.chance(0.8) ? path : pair.freshPath(), bytes);
    }
  },
  (pair, client, dice) => {
    for (let i = 0; i < 20; i++) {
      pair.server.handleDatagram(client.path, dice.bytes(dice.integer(1, 90)));
    }
  },
  (pair, client, dice) => {
    if (dice.chance(0.2)) {
      client.run(() => client.core.exit(pair.loop.now));
    }
  },
  (_pair, client, dice) => {
    if (dice.chance(0.2)) {
      client.kill();
    }
  },
  (pair, client, dice) => {
    const { peerId } = client.connected ?? {};
    if (peerId !== undefined && dice.chance(0.2)) {
      pair.server.run(() => pair.server.core.disconnect(pair.loop.now, peerId, 'kicked', 'out'));
    }
  },
  (pair, _client, dice) => {
    const downFor = dice.pick([0, 100, 3000]);
    if (dice.chance(0.6)) {
      return;
    }
    const { server } = pair;
    dice.pick([
      () => server.crash(downFor),
      () => server.crash(downFor),
      () => server.crashInTurn(downFor),
      () => server.crashBeforeEvents(downFor),
    ])();
  },
  (pair, client, dice) => {
    if (client.ended !== undefined || client.isDead) {
      pair.join({
        generation: dice.pick(GENERATIONS),
        path: dice.chance(0.5) ? client.path : pair.freshPath(),
        client: { handWindow: 30 },
      });
    }
  },
];

const chatter = (pair: Pair): void => {
  pair.server.data.chatter();
  for (const client of pair.clients) {
    client.data.chatter();
  }
};

const everybodyLeaves = (pair: Pair, dice: SeededRandom): void => {
  for (const client of pair.clients) {
    if (dice.chance(0.5)) {
      client.kill();
    } else {
      client.run(() => client.core.exit(pair.loop.now));
    }
  }
  pair.run(100_000);
};

const whatIsLeft = (pair: Pair) => ({
  leases: pair.server.leases.size,
  peers: pair.server.data.peers,
  handshakes: pair.server.core.handshakes,
  deadline: pair.server.core.pollTimeout(),
  tlsSessions: pair.serverTls.live,
});
