import { deepStrictEqual } from 'node:assert';
import {
  type AuthDecision,
  type ClientWrapOptions,
  encodeKeyData,
  encodeKeyTime,
  type Generation,
  type ServerOptions,
  type WrapOptions,
  wrapClientKey,
} from '@shardvpn/core';
import { Pair, SERVER_OPTIONS } from '../../sim/pair.js';
import type { SimClient } from '../../sim/sim-client.js';
import { unixAt } from '../../sim/sim-server.js';
import { createNodeCrypto } from '../../support/node-crypto.js';
import { ByteSource } from '../byte-source.js';

const key = Uint8Array.from({ length: 256 }, (_, i) => (i * 11 + 5) & 255);
const WRAPS: readonly WrapOptions[] = [
  { type: 'none' },
  { type: 'tls-auth', key, direction: 0, digest: 'sha256' },
  { type: 'tls-crypt', key },
];
const serverKey = key.subarray(0, 128);
const crypto = createNodeCrypto();
const GENERATIONS: readonly Generation[] = ['2.4', '2.5', '2.6', '2.7'];
const UPDATES: readonly (readonly string[])[] = [
  ['route 10.20.0.0 255.255.0.0'],
  ['-route', 'dns server 1 address 10.8.0.1'],
  ['ifconfig 10.8.0.77 255.255.255.0'],
  ['?block-ipv6', '-?dns', 'tun-mtu 1400'],
  ['cipher none'],
];
const DECISIONS: readonly AuthDecision[] = [
  { type: 'accept' },
  { type: 'accept', push: ['route 10.30.0.0 255.255.0.0'] },
  { type: 'refuse', reason: 'no' },
  { type: 'temporary', reason: 'later', backoff: 3, advance: 'addr' },
  { type: 'expired', reason: 'again' },
  { type: 'pending', timeout: 20, prompt: { type: 'text', text: 'pin', echo: false, response: true } },
];
/** About clients' own keys; undefined: nobody says anything. */
const VERDICTS = ['accept', undefined, 'refuse', 'unverified'] as const;
const MOST_STEPS = 24;
const MOST_CLIENTS = 4;
/** Milliseconds of simulated time. */
const MOST_TIME = 100_000;

/**
 * What operators do to a server with clients, and what these do, in any order: renegotiations, workers that die in the
 * middle of a turn, keys of their own that somebody judges, other settings, new options, questions, goodbyes. Nothing is left
 * when all have gone.
 */
export const pairLife = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const form = source.u8();
  const pair = new Pair({
    seed: source.u8(),
    server: serverOf(form),
    tlsDelay: (form & 8) === 0 ? null : 7,
    shortFlights: (form & 128) === 0,
  });
  pair.server.poolSize = 3;
  pair.server.verifyKey = ([, word = 0]) => VERDICTS[word % VERDICTS.length];
  join(pair, source.u8());
  const end = pair.loop.now + MOST_TIME;
  for (let steps = 0; steps < MOST_STEPS && !source.isEmpty && pair.loop.now < end; steps++) {
    step(pair, source);
  }
  for (const client of pair.clients) client.kill();
  pair.run(150_000);
  deepStrictEqual(pair.faults(), []);
  const { core, leases, data } = pair.server;
  deepStrictEqual([core.handshakes, core.pollTimeout(), leases.size, data.peers], [0, undefined, 0, []]);
  deepStrictEqual(pair.serverTls.live, 0);
};

const serverOf = (form: number): Partial<ServerOptions> => ({
  wrap: WRAPS[form % WRAPS.length] as WrapOptions,
  handWindow: 30,
  renegSec: (form & 4) === 0 ? 60 : 20,
  pingInterval: 5,
  pingTimeout: 30,
  push: ['ping 5', 'ping-restart 20'],
  tlsCryptV2:
    (form & 16) === 0 ? null : { serverKey, forceCookie: (form & 32) !== 0, maxAge: 10, verify: (form & 64) !== 0 },
});

const join = (pair: Pair, argument: number): void => {
  if (pair.clients.length === MOST_CLIENTS) return;
  const generation = GENERATIONS[argument % GENERATIONS.length] as Generation;
  const name = `client${(argument >> 2) % 3}`;
  const credentials = (argument & 64) === 0 ? null : { username: 'ann', password: 'p' };
  const exitNotify = { exitNotify: (argument & 128) !== 0 };
  const wrap = (argument & 32) === 0 ? {} : { wrap: ownKey(argument) };
  pair.join({ generation, name, client: { handWindow: 30, credentials, ...exitNotify, ...wrap } });
};

/** Of anybody's choice: old and new, with and without a word for the server. */
const ownKey = (argument: number): ClientWrapOptions => {
  const metadata = (argument & 4) === 0 ? encodeKeyTime(unixAt(0)) : encodeKeyData(Uint8Array.of(argument));
  return {
    type: 'tls-crypt-v2',
    key: key.map((byte) => byte ^ argument),
    wrappedKey: wrapClientKey(serverKey, { key: key.map((byte) => byte ^ argument), metadata }, crypto),
    canResend: (argument & 8) === 0,
  };
};

const step = (pair: Pair, source: ByteSource): void => {
  const [order, argument] = [source.u8(), source.u8()];
  const client = pair.clients[argument % pair.clients.length] as SimClient;
  const { now } = pair.loop;
  switch (order % 12) {
    case 0:
    case 1:
      pair.run(argument * 20);
      break;
    case 2:
      pair.run(argument * 400);
      break;
    case 3:
      client.run(() => client.core.renegotiate(now));
      break;
    case 4:
      join(pair, argument);
      break;
    case 5:
      pair.server.crash(argument * 10);
      break;
    case 6:
      pair.server.crashInTurn(argument);
      break;
    case 7:
      pair.network.conditions = { ...pair.network.conditions, loss: (argument % 40) / 100 };
      break;
    case 8:
      client.rebind(pair.freshPath());
      break;
    case 9:
      answer(client, now, textOf(source));
      break;
    case 10:
      decide(pair, argument);
      break;
    default:
      operate(pair, client, argument, source);
  }
};

/** A user answers when there was a question, late or not. */
const answer = (client: SimClient, now: number, text: string): void => {
  if (client.events.some(({ type }) => type === 'auth-prompt')) client.run(() => client.core.respond(now, text));
};

const decide = (pair: Pair, argument: number): void => {
  const decision = DECISIONS[argument % DECISIONS.length] as AuthDecision;
  const open = pair.server.of('authenticate').at(-1);
  if ((argument & 64) !== 0 && open !== undefined) pair.server.decideLater(open.request, decision);
  else pair.server.decide = (argument & 128) === 0 ? () => decision : () => undefined;
};

/** An operator's orders to the server. */
const operate = (pair: Pair, client: SimClient, argument: number, source: ByteSource): void => {
  const { server, loop } = pair;
  const peerId = client.connected?.peerId ?? server.data.peers[0];
  if (peerId === undefined) return;
  switch ((argument >> 3) % 6) {
    case 0:
      server.run(() => {
        const options = source.isEmpty ? [] : (UPDATES[source.u8() % UPDATES.length] ?? []);
        server.core.pushUpdate(loop.now, peerId, { options, addresses: null });
      });
      break;
    case 1:
      server.run(() => server.core.sendInfo(loop.now, peerId, textOf(source)));
      break;
    case 2: {
      const text = textOf(source);
      const notice = { type: 'restart', keepCredentials: true, nextServer: false, text } as const;
      server.run(() => server.core.disconnect(loop.now, peerId, 'kicked', 'told to', notice));
      break;
    }
    case 3:
      server.run(() =>
        server.core.reconfigure(loop.now, { ...SERVER_OPTIONS, ...serverOf(source.u8()), maxSessions: 2 }),
      );
      break;
    case 4:
      if (source.u8() === 7) server.run(() => server.core.leaveListener(loop.now, 0));
      break;
    default:
      if (source.u8() === 7) server.run(() => server.core.shutdown(loop.now));
  }
};

const textOf = (source: ByteSource): string => new TextDecoder().decode(source.sized());
