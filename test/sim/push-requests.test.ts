import { describe, expect, test } from '@jest/globals';
import { freezeWorld } from './frozen-world.js';
import { type JoinOptions, Pair, type PairOptions } from './pair.js';
import type { SimClient } from './sim-client.js';
import { TlsTap } from './tls-tap.js';

freezeWorld();

const REPEAT = 30_000;

const connect = (options: PairOptions = {}, join: JoinOptions = {}) => {
  const [pair, tap] = [new Pair(options), new TlsTap()];
  const client = pair.connect({ ...join, tap });
  return { pair, tap, client };
};

/** Says it as the client, and lets it arrive. */
const say = (pair: Pair, client: SimClient, tap: TlsTap, messages: readonly string[]): void => {
  client.run(() => {
    tap.say(...messages);
    client.core.handleTls(pair.loop.now);
  });
  pair.run(5_000);
};

const requests = (count: number) => Array<string>(count).fill('PUSH_REQUEST');

describe('requests for the push', () => {
  test.each(['2.7', '2.6', '2.5', '2.4'] as const)('client %s is answered once, however it asks', (generation) => {
    const { pair, tap, client } = connect({}, { generation });
    pair.run(60_000);
    expect(tap.count('PUSH_REPLY')).toBe(1);
    expect(client.isConnected).toBe(true);
  });

  test('a thousand at once from a connected client bring nothing, and later ones the same answer once', () => {
    const { pair, tap, client } = connect();
    const [first] = tap.heard.filter((message) => message.startsWith('PUSH_REPLY'));
    say(pair, client, tap, requests(1000));
    expect(tap.count('PUSH_REPLY')).toBe(1);
    pair.run(REPEAT);
    say(pair, client, tap, requests(1000));
    const answers = tap.heard.filter((message) => message.startsWith('PUSH_REPLY'));
    expect(answers).toEqual([first, first]);
    pair.run(120_000);
    expect([client.isConnected, client.ended, pair.faults()]).toEqual([true, undefined, []]);
    expect(pair.server.of('connected')).toHaveLength(1);
  });

  test('a long answer comes in parts each time, and the client makes one of them', () => {
    const push = Array.from({ length: 300 }, (_, i) => `route 10.${i >> 4}.${(i & 15) << 4}.0 255.255.240.0`);
    const { pair, tap, client } = connect({ server: { push } });
    const routes = client.connected?.options.all.filter((option) => option.startsWith('route '));
    expect(routes).toEqual(push);
    const parts = tap.heard.filter((message) => message.startsWith('PUSH_REPLY'));
    expect(parts.length).toBeGreaterThan(5);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(1024);
    pair.run(REPEAT);
    say(pair, client, tap, requests(3));
    expect(tap.heard.filter((message) => message.startsWith('PUSH_REPLY'))).toEqual([...parts, ...parts]);
    expect(client.isConnected).toBe(true);
  });

  test('before and after a renegotiation they are answered on the key that is there', () => {
    const { pair, tap, client } = connect({ network: { latency: [200, 200] }, server: { renegSec: 100 } });
    pair.run(REPEAT);
    const authenticated = pair.server.of('authenticate').length;
    say(pair, client, tap, requests(1));
    expect(tap.count('PUSH_REPLY')).toBe(2);
    pair.drive(() => pair.server.of('authenticate').length > authenticated, 200_000);
    expect(tap.count('PUSH_REPLY')).toBe(2);
    pair.drive(() => client.renegotiations > 0, 20_000);
    say(pair, client, tap, requests(1));
    expect(tap.count('PUSH_REPLY')).toBe(3);
    expect([client.isConnected, pair.faults()]).toEqual([true, []]);
  });
});
