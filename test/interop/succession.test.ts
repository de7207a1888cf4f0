import { afterEach, expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Running } from './lab/host.js';
import { RELAYED, startHostileRelay } from './lab/hostile-relay.js';
import { type Lab, useLab } from './lab/lab.js';
import { linesOf } from './lab/measure.js';
import { PingStream } from './lab/ping.js';
import { injectFault, startServer } from './lab/server.js';
import { readStatus, statusWith } from './lab/status.js';
import { until } from './lab/until.js';
import { endHeirs, PATIENT, startUpgradable, upgrade } from './lab/upgrade.js';

const { ours } = useLab();
afterEach(endHeirs);

/** Seconds; a machine that does other things as well takes its time. */
const LONG = 400;
/** Pings a second. */
const RATE = 50;
/** Seconds. */
const HAND_WINDOW = 6;
const TIMES = ['reneg-sec 0', `hand-window ${HAND_WINDOW}`, 'keepalive 5 120'];

interface Scene {
  readonly client: Client;
  readonly relay: Running;
  readonly pings: PingStream;
  /** The client as the server shows it, without what traffic and time change. */
  readonly before: object;
}

/** A client that renegotiates every few seconds; the second time it has got an answer of TLS and cannot say anything more. */
async function begin(lab: Lab): Promise<Scene> {
  const relay = await startHostileRelay(lab, lab.host(4), { control: true, mute: 2 });
  const lines = [`hand-window ${HAND_WINDOW}`, 'reneg-sec 8'];
  const client = await Client.connect(lab, 4, { remote: RELAYED, lines });
  const pings = PingStream.start(client.host, '10.8.0.1', 1 / RATE);
  const before = await shownAs(lab);
  await relay.says(/relay muted/, 60);
  expect(handshakes(client)).toBe(2);
  return { client, relay, pings, before };
}

async function shownAs(lab: Lab): Promise<object> {
  const { clients } = await statusWith(lab, 1);
  return clients.map(({ name, ipv4, peerId, shard, since, cipher, realAddress }) => {
    return { name, ipv4, peerId, shard, since, cipher, realAddress };
  });
}

/** TLS sessions that the client has had. */
const handshakes = (client: Client): number => [...client.log().matchAll(/Control Channel: TLSv/g)].length;

/** The client forgets its keys when it begins anew, some milliseconds before it is told enough to make others. */
function secondsWithoutKeys(client: Client): number {
  const forgets = /^(\S+ \S+) us=(\d+) TLS: move_session: dest=TM_ACTIVE src=TM_INITIAL/;
  const makes = /^(\S+ \S+) us=(\d+) Incoming Data Channel: Cipher/;
  let [seconds, since] = [0, Number.NaN];
  for (const line of client.log().split('\n')) {
    const [, time = '', microseconds] = forgets.exec(line) ?? makes.exec(line) ?? [];
    if (time === '') continue;
    const at = Date.parse(time) / 1000 + Number(microseconds) / 1e6;
    if (forgets.test(line)) since = at;
    else if (at >= since) [seconds, since] = [at - since, Number.NaN];
  }
  return seconds;
}

/** The client gives its renegotiation up and begins anew, and is who it was. */
async function beginsAnew(lab: Lab, { client, before }: Scene): Promise<void> {
  await until('the client has given up', () => /TLS key negotiation failed/.test(client.log()), PATIENT);
  await until('it has begun anew', () => handshakes(client) === 3, PATIENT);
  expect(await shownAs(lab)).toEqual(before);
  expect(client.log()).not.toMatch(/SIGUSR1|Restart pause/);
}

/** Numbers of the pings without an answer. */
async function lostOf(pings: PingStream): Promise<readonly number[]> {
  const { lost, received } = await pings.end();
  expect(received).toBeGreaterThan(5 * RATE);
  return lost;
}

ours(
  'a renegotiation by OpenSSL comes to nothing when its worker dies, and its client goes on',
  async (lab) => {
    const lines = ['workers 4', 'tls-engine openssl', ...TIMES];
    const server = await startServer(lab, { faults: true, lines });
    const scene = await begin(lab);
    const shard = (await readStatus(lab)).clients[0]?.shard ?? -1;
    injectFault(lab, 'exit', shard);
    await until('a worker', () => linesOf(server, /worker of shard \d replaced/) > 0, PATIENT);
    scene.relay.signal('SIGUSR2');
    await beginsAnew(lab, scene);
    await until('it renegotiates again', () => handshakes(scene.client) === 4, PATIENT);
    expect((await lostOf(scene.pings)).length).toBeLessThanOrEqual(2 + RATE * secondsWithoutKeys(scene.client));
  },
  LONG,
);

ours(
  'a client that kills its workers does so twice',
  async (lab) => {
    const server = await startServer(lab, { faults: true, lines: ['workers 1', 'reneg-sec 0', 'keepalive 5 120'] });
    const client = await Client.connect(lab, 2, { lines: ['reneg-sec 3'] });
    const deaths = (): number => linesOf(server, /worker of shard 0 failed/);
    for (let death = 1; death <= 2; death++) {
      injectFault(lab, 'poison', 0);
      await until(`death ${death}`, () => deaths() === death, PATIENT);
      await until('the next worker', () => linesOf(server, /worker of shard 0 replaced/) === death, PATIENT);
    }
    await server.says(/client1 disconnected .*reason=state-lost/, 60);
    await client.connected(2, 60);
    expect(await client.reaches('10.8.0.1')).toBe(true);
    expect(deaths()).toBe(2);
  },
  LONG,
);

ours(
  'a renegotiation comes to nothing when the server is upgraded, and its client stays',
  async (lab) => {
    const { config } = await startUpgradable(lab, { lines: ['workers 3', ...TIMES] });
    const scene = await begin(lab);
    const { pause } = await upgrade(lab, config);
    scene.relay.signal('SIGUSR2');
    await beginsAnew(lab, scene);
    const still = pause / 1000 + secondsWithoutKeys(scene.client);
    expect((await lostOf(scene.pings)).length).toBeLessThanOrEqual(2 + RATE * still);
  },
  LONG,
);
