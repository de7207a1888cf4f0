import { describe, expect, test } from '@jest/globals';
import type { TcpGroup, UdpGroup, UdpGroupOptions } from '@shardvpn/native';
import type { ListenerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { openListeners } from './sockets.js';

const V4: ListenerConfig = { family: 4, host: '0.0.0.0', port: 1194, optional: true };
const V6: ListenerConfig = { family: 6, host: '::', port: 1194, optional: true };

const newLab = (failures: Readonly<Record<string, string>>) => {
  const closed: number[] = [];
  let fd = 10;
  const native = {
    openTcpGroup: ({ port, shards }: UdpGroupOptions): TcpGroup => ({
      fds: Array.from({ length: shards }, () => fd++),
      port,
    }),
    openUdpGroup: ({ host, port, shards }: UdpGroupOptions): UdpGroup => {
      const code = failures[host];
      if (code !== undefined) throw Object.assign(new Error(`bind: ${code}`), { code });
      return {
        fds: Array.from({ length: shards }, () => fd++),
        port,
        receiveBuffer: 1,
        steering: 'bpf',
        gro: true,
        gso: true,
      };
    },
    closeFds: (fds: number[]): void => void closed.push(...fds),
  };
  const quiet = (): void => {};
  const log: Log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
  return {
    open: (...listeners: ListenerConfig[]) => openListeners(native, { ...CONFIG, listeners }, 2, log),
    closed,
  };
};

const CONFIG = {
  rcvbuf: 0,
  sndbuf: 0,
  socket: { mark: 0, device: null, mtuDiscovery: null },
  multihome: null,
} as const;

describe('listeners', () => {
  test('have one socket a shard', () => {
    expect(
      newLab({})
        .open(V4, V6)
        .map(({ group }) => group.fds),
    ).toEqual([
      [10, 11],
      [12, 13],
    ]);
  });

  test('a family that the machine lacks is left out where it is optional', () => {
    expect(
      newLab({ '::': 'EAFNOSUPPORT' })
        .open(V4, V6)
        .map(({ listener }) => listener.host),
    ).toEqual(['0.0.0.0']);
    expect(() => newLab({ '::': 'EAFNOSUPPORT' }).open(V4, { ...V6, optional: false })).toThrow('[::]:1194/udp');
  });

  test('a port in use is an error that says what to do, and closes what was open', () => {
    const lab = newLab({ '::': 'EADDRINUSE' });
    expect(() => lab.open(V4, V6)).toThrow(
      expect.objectContaining({
        code: 'config/cannot-listen',
        message: expect.stringMatching(/^cannot listen on \[::\]:1194\/udp: .*another program/),
      }),
    );
    expect(lab.closed).toEqual([10, 11]);
  });

  test('no family at all is an error', () => {
    expect(() => newLab({ '::': 'EAFNOSUPPORT' }).open(V6)).toThrow(
      expect.objectContaining({ code: 'config/no-listener' }),
    );
  });
});
