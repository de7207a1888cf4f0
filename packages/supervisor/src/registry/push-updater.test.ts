import { describe, expect, test } from '@jest/globals';
import { asPeerId, type ClientIdentity, type PushUpdate } from '@shardvpn/core';
import type { ToShard } from '@shardvpn/worker';
import type { Log } from '../log.js';
import { NO_ANSWER } from '../shards/shard-handle.js';
import { PushUpdater } from './push-updater.js';
import { Registry } from './registry.js';
import { REGISTRY_STATE } from './registry-state.js';

const OPTIONS = {
  ipv4: {
    network: '10.8.0.0',
    netmask: '255.255.255.0',
    bits: 24,
    server: '10.8.0.1',
    pool: { first: '10.8.0.2', last: '10.8.0.9' },
  },
  ipv6: null,
  duplicateCn: false,
  maxClients: 10,
};
const identityOf = (commonName: string, proto: number): ClientIdentity => ({
  commonName,
  username: null,
  certificate: null,
  path: { listener: 0, host: '192.0.2.1', port: 4000 },
  peerInfo: new Map([['IV_PROTO', String(proto)]]),
});
const [NEW, OLD] = [8094, 990];

const newLab = () => {
  const sent: ToShard[] = [];
  const told: [number, PushUpdate][] = [];
  const quiet = (): void => {};
  const log: Log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
  const registry = new Registry(OPTIONS, { log, send: (_shard, message) => void sent.push(message) });
  const answers = { next: null as string | null };
  return {
    registry,
    sent,
    told,
    answers,
    connect: (name: string, peerId: number, proto = NEW): void => {
      const identity = identityOf(name, proto);
      const shown = { cipher: 'AES-256-GCM', tls: 'TLSv1.3', keyDerivation: 'tls-ekm', since: 1 } as const;
      registry.handle(0, { type: 'lease', request: 1, identity, peerId: asPeerId(peerId) });
      registry.handle(0, { type: 'connected', peerId: asPeerId(peerId), ...shown });
    },
    leave: (peerId: number): void =>
      registry.handle(0, { type: 'disconnected', peerId: asPeerId(peerId), reason: 'exit-notify', detail: '' }),
    addressOf: (name: string) => registry.select({ name })[0]?.lease.ipv4?.address,
    updater: new PushUpdater({
      registry,
      networks: () => OPTIONS,
      tell: async ({ peerId }, update) => {
        told.push([peerId, update]);
        return answers.next;
      },
      log,
    }),
  };
};
const ifconfig = (host: number) => [`ifconfig 10.8.0.${host} 255.255.255.0`];

describe('push updater', () => {
  test('tells those who understand it, and says who does not', async () => {
    const { updater, connect, told } = newLab();
    connect('ann', 0);
    connect('old', 1, OLD);
    connect('ben', 2);
    const report = await updater.push('all', ['-dns']);
    expect(report).toEqual({
      updated: [
        { name: 'ann', peerId: 0 },
        { name: 'ben', peerId: 2 },
      ],
      notUpdated: [{ name: 'old', peerId: 1, reason: expect.stringContaining('does not understand') }],
    });
    expect(told).toEqual([0, 2].map((peerId) => [peerId, { options: ['-dns'], addresses: null }]));
    expect(await updater.push({ name: 'nobody' }, ['-dns'])).toEqual({ updated: [], notUpdated: [] });
    expect(await updater.push({ address: '10.8.0.4' }, ['-dns'])).toMatchObject({ updated: [{ name: 'ben' }] });
  });

  test('moves a lease once the client has been told', async () => {
    const lab = newLab();
    lab.connect('ann', 0);
    expect(await lab.updater.push({ name: 'ann' }, ifconfig(5))).toMatchObject({ updated: [{ name: 'ann' }] });
    expect(lab.told[0]?.[1].addresses?.ipv4).toEqual({ address: '10.8.0.5', netmask: '255.255.255.0' });
    expect(lab.addressOf('ann')).toBe('10.8.0.5');
    for (const [i, name] of ['b', 'c', 'd', 'e', 'f', 'g'].entries()) lab.connect(name, i + 1);
    expect(['b', 'c', 'd', 'e', 'f', 'g'].map(lab.addressOf)).toEqual(
      [3, 4, 6, 7, 8, 9].map((host) => `10.8.0.${host}`),
    );
    lab.leave(0);
    lab.connect('h', 8);
    lab.connect('i', 9);
    expect(['h', 'i'].map(lab.addressOf).sort()).toEqual(['10.8.0.2', '10.8.0.5']);
  });

  test('a second move, and one back home, give the former address back', async () => {
    const lab = newLab();
    lab.connect('ann', 0);
    for (const host of [5, 6, 2]) await lab.updater.push({ name: 'ann' }, ifconfig(host));
    expect(lab.addressOf('ann')).toBe('10.8.0.2');
    lab.connect('ben', 1);
    expect(await lab.updater.push({ name: 'ben' }, ifconfig(6))).toMatchObject({ updated: [{ name: 'ben' }] });
    expect(await lab.updater.push({ name: 'ann' }, ifconfig(5))).toMatchObject({ updated: [{ name: 'ann' }] });
  });

  test('an address that somebody has is not given to another one', async () => {
    const lab = newLab();
    lab.connect('ann', 0);
    lab.connect('ben', 1);
    expect(await lab.updater.push({ name: 'ann' }, ifconfig(3))).toMatchObject({
      notUpdated: [{ name: 'ann', reason: 'ben has that address' }],
    });
    await lab.updater.push({ name: 'ann' }, ifconfig(200));
    expect(await lab.updater.push({ name: 'ben' }, ifconfig(200))).toMatchObject({
      notUpdated: [{ reason: 'ann has that address' }],
    });
    // Its own slot in the pool is still its own.
    expect(await lab.updater.push({ name: 'ben' }, ifconfig(2))).toMatchObject({
      notUpdated: [{ reason: 'somebody has that address' }],
    });
    await expect(lab.updater.push('all', ifconfig(9))).rejects.toThrow('for one client, and 2 are meant');
  });

  test('a client that could not be told keeps what it has; one that may have been told keeps both', async () => {
    const lab = newLab();
    lab.connect('ann', 0);
    lab.connect('ben', 1);
    lab.answers.next = 'the client has left';
    expect(await lab.updater.push({ name: 'ann' }, ifconfig(5))).toMatchObject({ notUpdated: [{ name: 'ann' }] });
    expect(lab.addressOf('ann')).toBe('10.8.0.2');
    lab.answers.next = null;
    expect(await lab.updater.push({ name: 'ben' }, ifconfig(5))).toMatchObject({ updated: [{ name: 'ben' }] });
    expect(await lab.updater.push({ name: 'ben' }, ifconfig(6))).toMatchObject({ updated: [{ name: 'ben' }] });
    lab.answers.next = NO_ANSWER;
    await lab.updater.push({ name: 'ann' }, ifconfig(5));
    lab.answers.next = null;
    expect(await lab.updater.push({ name: 'ben' }, ifconfig(5))).toMatchObject({
      notUpdated: [{ reason: 'somebody has that address' }],
    });
  });

  test('moved addresses go over to another process', async () => {
    const [old, next] = [newLab(), newLab()];
    old.connect('ann', 0);
    await old.updater.push({ name: 'ann' }, ifconfig(5));
    next.registry.takeOver(REGISTRY_STATE.parse(JSON.parse(JSON.stringify(old.registry.state()))));
    expect(next.addressOf('ann')).toBe('10.8.0.5');
    next.connect('ben', 1);
    expect(await next.updater.push({ name: 'ben' }, ifconfig(5))).toMatchObject({ notUpdated: [{ name: 'ben' }] });
    next.leave(0);
    expect(await next.updater.push({ name: 'ben' }, ifconfig(5))).toMatchObject({ updated: [{ name: 'ben' }] });
  });

  test('what a new worker knows of the addresses counts', () => {
    const lab = newLab();
    lab.connect('ann', 0);
    const lease = { ipv4: { address: '10.8.0.5', netmask: '255.255.255.0' }, ipv6: null, push: [] };
    const shown = { cipher: 'x', tls: 'y', keyDerivation: 'prf', since: 1, lease } as const;
    lab.registry.handle(0, { type: 'restored', peerId: asPeerId(0), ...shown });
    expect(lab.addressOf('ann')).toBe('10.8.0.5');
  });
});

describe('kicks', () => {
  test('end the selected clients in the way that was asked for', () => {
    const lab = newLab();
    lab.connect('ann', 0);
    lab.connect('ben', 1);
    lab.sent.splice(0);
    const notice = { type: 'restart', keepCredentials: true, nextServer: false, text: 'new rules' } as const;
    expect(lab.registry.kick({ name: 'ann' }, notice).map(({ peerId }) => peerId)).toEqual([0]);
    expect(lab.sent).toEqual([{ type: 'disconnect', peerId: 0, reason: 'kicked', detail: 'new rules', notice }]);
    expect(lab.registry.sendInfo('all', 'hello')).toHaveLength(1);
    expect(lab.sent[1]).toEqual({ type: 'info', peerId: 1, text: 'hello' });
    expect(lab.registry.kick({ peerId: 99 }, notice)).toEqual([]);
  });
});
