import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import type { RegistryState } from '../registry/registry-state.js';
import { HAND_OVER_FORMAT } from './hand-over-message.js';
import { digestSettings } from './lasting-settings.js';
import { TakeOver } from './take-over.js';

const CONFIG = {
  listeners: [{ family: 4, host: '0.0.0.0', port: 1194, optional: false }],
  device: 'tun0',
  tunMtu: 1500,
  ipv4: null,
  ipv6: null,
  routes: [],
  wrap: { type: 'none' },
  socket: { mark: 0, device: null, mtuDiscovery: null },
  multihome: null,
  workers: null,
} as unknown as ServerConfig;

const LISTENER = {
  ...CONFIG.listeners[0],
  port: 1194,
  steering: 'bpf',
  receiveBuffer: 1000,
  gro: true,
  gso: true,
} as const;

const offerWith = (change: object = {}) => ({
  type: 'offer',
  shards: 2,
  listeners: [LISTENER],
  device: { name: 'tun0', offloads: ['tso4'] },
  steering: 5,
  cookieKey: 'ab'.repeat(32),
  since: 1000,
  settings: digestSettings(CONFIG),
  ...change,
});

const STATE: RegistryState = { clients: [], leases: { used: [], free: [[3, 'alice']], fresh: 4 } };

/** The other process, which says what the test has it say, and then leaves. */
class Other {
  readonly heard: string[] = [];
  readonly closed: number[] = [];
  readonly says: { readonly message: unknown; readonly fds?: number[] }[] = [];
  sessions: () => number = () => 5;

  sendHandOver = (_channel: number, bytes: Uint8Array): void => {
    this.heard.push(Buffer.from(bytes).toString());
  };
  receiveHandOver = async (): Promise<{ bytes: Uint8Array; fds: number[] } | null> => {
    const next = this.says.shift();
    return next === undefined ? null : { bytes: Buffer.from(JSON.stringify(next.message)), fds: next.fds ?? [] };
  };
  takeSessions = (): number => this.sessions();
  closeFds = (fds: number[]): void => void this.closed.push(...fds);
}

describe('taking over', () => {
  let other: Other;
  let takeOver: TakeOver;
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log: Log = { error: write, warn: write, info: write, debug: write };
  beforeEach(() => {
    other = new Other();
    takeOver = new TakeOver(other, 3);
    lines.length = 0;
  });

  test('descriptors are dealt out in the order of the offer', async () => {
    other.says.push({ message: offerWith(), fds: [10, 11, 20, 21, 30, 31, 32, 33, 34] });
    const inherited = await takeOver.inherit(CONFIG);
    expect(inherited).toMatchObject({
      shards: 2,
      sockets: [{ listener: { port: 1194 }, group: { fds: [10, 11], steering: 'bpf' } }],
      tun: { name: 'tun0', fds: [20, 21] },
      steering: [30, 31, 32, 33, 34],
      since: 1000,
    });
    expect(inherited.cookieKey).toEqual(new Uint8Array(32).fill(0xab));
    expect(JSON.parse(other.heard[0] as string)).toMatchObject({ type: 'hello', format: HAND_OVER_FORMAT });
  });

  test.each<[string, object, number, RegExp]>([
    ['too few descriptors', {}, 6, /6 descriptors have come/],
    ['another port', { settings: { ...digestSettings(CONFIG), listeners: 'x' } }, 7, /port.* cannot change/],
    ['no listener', { listeners: [] }, 7, /not understood: listeners/],
    ['a field too many', { more: 1 }, 7, /not understood/],
    ['a short key', { cookieKey: 'ab' }, 7, /not understood: cookieKey/],
  ])('an offer with %s is refused', async (_what, change, fds, problem) => {
    other.says.push({ message: offerWith(change), fds: Array.from({ length: fds }, (_, i) => 10 + i) });
    const fault = await takeOver.inherit(CONFIG).then(
      () => '',
      ({ message }: Error) => message,
    );
    expect(fault).toMatch(problem);
    takeOver.refuse(fault);
    expect(JSON.parse(other.heard.at(-1) as string)).toEqual({ type: 'refused', reason: fault });
    expect(other.closed).toContain(10);
  });

  test('another number of workers is refused', async () => {
    other.says.push({ message: offerWith(), fds: [10, 11, 20, 21, 30, 31, 32, 33, 34] });
    await expect(takeOver.inherit({ ...CONFIG, workers: 3 })).rejects.toThrow('workers cannot change');
  });

  test('registry, sessions, then everything that may fail without an end', async () => {
    const steps: unknown[] = [];
    other.says.push({ message: { type: 'state', registry: STATE } });
    const registry = { takeOver: (state: RegistryState) => void steps.push(state) };
    const finished = async (): Promise<void> => {
      steps.push(takeOver.isPending);
      throw new Error('no room for the status file');
    };
    const admin = async (): Promise<string> => 'http://here';
    expect(takeOver.isPending).toBe(true);
    await expect(takeOver.complete({ plane: 1, registry, finished, admin, log })).resolves.toBe('http://here');
    expect(steps).toEqual([STATE, false]);
    expect(other.heard.map((text) => JSON.parse(text))).toEqual([
      { type: 'prepared' },
      { type: 'started', sessions: 5 },
    ]);
    expect(lines.join()).toContain('no room for the status file');
  });

  test('sessions that cannot be taken leave them to the other process', async () => {
    other.says.push({ message: { type: 'state', registry: STATE } });
    other.sessions = () => {
      throw new Error('cannot take over sessions');
    };
    const unused = async (): Promise<null> => null;
    const completion = { plane: 1, registry: { takeOver: () => {} }, finished: async () => {}, admin: unused, log };
    await expect(takeOver.complete(completion)).rejects.toThrow('cannot take over sessions');
    expect(takeOver.isPending).toBe(true);
    expect(other.heard).toHaveLength(1);
  });
});
