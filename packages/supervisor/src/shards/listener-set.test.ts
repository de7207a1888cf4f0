import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ListenerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { ListenerSet, type ListenerSetPorts } from './listener-set.js';

const at = (host: string, port = 1194): ListenerConfig => ({ family: 4, host, port, optional: false });
const BUFFERS = {
  rcvbuf: 0,
  sndbuf: 0,
  socket: { mark: 0, device: null, mtuDiscovery: null },
  multihome: null,
  pingInterval: 10,
  user: null,
} as const;

/** Two shards; the sockets of port 1194 are 10 and 11, of later listeners 20 and 21, 30 and 31 and so on. */
const newLab = () => {
  const calls: string[] = [];
  const told: number[] = [];
  const failures = new Map<string, string>();
  let next = 10;
  const native: ListenerSetPorts['native'] = {
    openUdpGroup: ({ host, port, shared }) => {
      const code = failures.get(host);
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      next += 10;
      calls.push(`bind ${host} ${port}${shared === true ? ' shared' : ''}`);
      return { fds: [next, next + 1], port, receiveBuffer: 1, steering: 'bpf', gro: true, gso: true };
    },
    openTcpGroup: ({ host, port }) => {
      next += 10;
      calls.push(`listen ${host} ${port}`);
      return { fds: [next, next + 1], port };
    },
    openListener: (_, shard, listener, fd) => void calls.push(`open ${listener} on ${shard} fd ${fd}`),
    closeListener: (_, shard, listener, fd) => {
      calls.push(`close ${listener} on ${shard}${fd == null ? '' : ` fd ${fd}`}`);
    },
    closeFds: (fds) => {
      if (fds.length > 0) calls.push(`fds ${fds.join(' ')}`);
    },
  };
  const quiet = (): void => {};
  const log: Log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
  const group = { fds: [10, 11], port: 1194, receiveBuffer: 1, steering: 'bpf', gro: true, gso: true } as const;
  const open = { listener: at('0.0.0.0'), group: { ...group, fds: [...group.fds] } };
  const ports: ListenerSetPorts = { native, plane: 1, shards: 2, log };
  const set = new ListenerSet([open], ports);
  const leave = (listener: number): void => void told.push(listener);
  const change = (...listeners: ListenerConfig[]): string[] => set.apply(set.prepare({ ...BUFFERS, listeners }), leave);
  return { set, ports, calls, told, failures, change };
};

describe('listeners of a running server', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('a new one is read by every shard, one that goes tells its clients and is closed after them', () => {
    const { set, calls, told, change } = newLab();
    expect(change(at('0.0.0.0', 1195))).toEqual([]);
    expect(calls).toEqual(['bind 0.0.0.0 1195', 'open 1 on 0 fd 20', 'open 1 on 1 fd 21']);
    expect(told).toEqual([0]);
    expect(set.listening).toEqual([{ host: '0.0.0.0', port: 1195 }]);
    jest.advanceTimersByTime(5_000);
    expect(calls).toHaveLength(3);
    jest.advanceTimersByTime(1_000);
    expect(calls.slice(3)).toEqual(['close 0 on 0', 'close 0 on 1', 'fds 10 11']);
  });

  test('a number is not dealt again', () => {
    const { calls, change } = newLab();
    change(at('0.0.0.0', 1195));
    jest.runAllTimers();
    change(at('0.0.0.0', 1196));
    expect(calls).toContain('open 2 on 0 fd 30');
  });

  test('are listed for another process under the same numbers, once the clients of closed ones are told', async () => {
    const { set, change } = newLab();
    const ports = (): (number | undefined)[] => set.inOrder().map((listener) => listener?.group.port);
    await set.settled();
    change(at('0.0.0.0'), at('0.0.0.0', 1195));
    expect(ports()).toEqual([1194, 1195]);
    change(at('0.0.0.0'));
    expect(ports).toThrow(/still being told/);
    let settled = false;
    const waits = set.settled().then(() => {
      settled = true;
    });
    await Promise.resolve();
    expect(settled).toBe(false);
    jest.runAllTimers();
    await waits;
    expect(ports()).toEqual([1194, undefined]);
    change(at('0.0.0.0', 1196));
    jest.runAllTimers();
    expect(ports()).toEqual([undefined, undefined, 1196]);
  });

  test('come from another process with the numbers that they have there', () => {
    const { set, ports } = newLab();
    const heir = new ListenerSet([null, ...set.inOrder()], ports);
    expect(heir.listening).toEqual([{ host: '0.0.0.0', port: 1194 }]);
    const leave = (): void => undefined;
    expect(heir.apply(heir.prepare({ ...BUFFERS, listeners: [at('0.0.0.0', 1195)] }), leave)).toEqual([]);
    jest.runAllTimers();
    expect(heir.inOrder().map((listener) => listener?.group.port)).toEqual([undefined, undefined, 1195]);
  });

  test('nobody waits for those of a server that ends', async () => {
    const { set, change } = newLab();
    change(at('192.0.2.1'));
    const waits = set.settled();
    set.close();
    await waits;
  });

  test('what cannot be opened changes nothing', () => {
    const { set, calls, told, failures, change } = newLab();
    failures.set('192.0.2.9', 'EADDRNOTAVAIL');
    expect(() => change(at('192.0.2.1'), at('192.0.2.9'))).toThrow(
      /^cannot listen on 192\.0\.2\.9:1194\/udp: .*this machine does not have that address/,
    );
    expect(calls).toEqual(['bind 192.0.2.1 1194 shared', 'fds 20 21']);
    expect(told).toEqual([]);
    expect(set.listening).toEqual([{ host: '0.0.0.0', port: 1194 }]);
  });

  test('clients get two ping intervals to be heard at one address instead of all', () => {
    const { calls, told, change } = newLab();
    change(at('192.0.2.1'));
    jest.advanceTimersByTime(20_000);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual([0]);
    jest.advanceTimersByTime(6_000);
    expect(calls.slice(-3)).toEqual(['close 0 on 0', 'close 0 on 1', 'fds 10 11']);
  });

  test('all addresses instead of one: the old socket makes room at once, and its clients are answered by the new one', () => {
    const { calls, told, change } = newLab();
    change(at('192.0.2.1'));
    jest.runAllTimers();
    const before = calls.length;
    change(at('0.0.0.0'));
    expect(calls.slice(before)).toEqual([
      'bind 0.0.0.0 1194 shared',
      'open 2 on 0 fd 30',
      'open 2 on 1 fd 31',
      'close 1 on 0 fd 30',
      'close 1 on 1 fd 31',
      'fds 20 21',
    ]);
    expect(told).toEqual([0]);
    jest.runAllTimers();
    expect(told).toEqual([0, 1]);
    expect(calls.slice(-2)).toEqual(['close 1 on 0', 'close 1 on 1']);
  });

  test('one that is wanted again while it leaves is closed first and opened anew', () => {
    const { set, calls, told, change } = newLab();
    change(at('0.0.0.0', 1195));
    change(at('0.0.0.0'), at('0.0.0.0', 1195));
    expect(calls.slice(3)).toEqual([
      'close 0 on 0',
      'close 0 on 1',
      'fds 10 11',
      'bind 0.0.0.0 1194',
      'open 2 on 0 fd 30',
      'open 2 on 1 fd 31',
    ]);
    jest.runAllTimers();
    expect(told).toEqual([0]);
    expect(set.listening.map(({ port }) => port)).toEqual([1195, 1194]);
  });

  test('the end closes what is open, and nothing happens after it', () => {
    const { set, calls, change } = newLab();
    change(at('0.0.0.0', 1195));
    set.close();
    expect(calls.at(-1)).toBe('fds 10 11 20 21');
    const { length } = calls;
    jest.runAllTimers();
    expect(calls).toHaveLength(length);
  });

  test('the connections of a listener stay where another one takes the next, and are told where none does', () => {
    const { set, calls, told, change } = newLab();
    const tcp = (host: string, port: number): ListenerConfig => ({ ...at(host, port), transport: 'tcp' });
    change(at('0.0.0.0'), tcp('192.0.2.1', 1194), tcp('192.0.2.1', 443));
    expect(calls).toContain('listen 192.0.2.1 1194');
    calls.length = 0;
    change(at('0.0.0.0'), tcp('0.0.0.0', 1194));
    expect(calls).toEqual(expect.arrayContaining(['close 1 on 0', 'close 1 on 1', 'fds 20 21']));
    expect(told).toEqual([2]);
    expect(set.listening).toEqual([
      { host: '0.0.0.0', port: 1194 },
      { host: '0.0.0.0', port: 1194, proto: 'tcp' },
    ]);
  });
});
