import { describe, expect, test } from '@jest/globals';
import { asPeerId, type ClientIdentity } from '@shardvpn/core';
import type { ToShard } from '@shardvpn/worker';
import type { Log } from '../log.js';
import { Registry } from './registry.js';
import { REGISTRY_STATE } from './registry-state.js';

const NET = { network: '10.8.0.0', netmask: '255.255.255.0', bits: 24, server: '10.8.0.1' };
const OPTIONS = {
  ipv4: { ...NET, pool: { first: '10.8.0.2', last: '10.8.0.9' } },
  ipv6: null,
  duplicateCn: false,
  maxClients: 10,
};

const identityOf = (commonName: string): ClientIdentity => ({
  commonName,
  username: null,
  certificate: { commonName, subject: `CN=${commonName}`, serial: '0A', chainHashes: ['aa', 'bb'], notAfter: 5 },
  path: { listener: 0, host: '2001:db8::1', port: 4000 },
  peerInfo: new Map([['IV_VER', '2.6.3']]),
});

const newLab = () => {
  const answers: ToShard[] = [];
  const quiet = (): void => {};
  const log: Log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
  const registry = new Registry(OPTIONS, { log, send: (_shard, message) => void answers.push(message) });
  const lease = (name: string, peerId: number): string | undefined => {
    registry.handle(0, { type: 'lease', request: 1, identity: identityOf(name), peerId: asPeerId(peerId) });
    const answer = answers.at(-1);
    if (answer?.type !== 'lease-decision' || answer.decision.type !== 'lease') return undefined;
    return answer.decision.lease.ipv4?.address;
  };
  const connect = (name: string, peerId: number): string | undefined => {
    const address = lease(name, peerId);
    const shown = { cipher: 'AES-256-GCM', tls: 'TLSv1.3', keyDerivation: 'tls-ekm', since: 1000 } as const;
    registry.handle(0, { type: 'connected', peerId: asPeerId(peerId), ...shown });
    return address;
  };
  const leave = (peerId: number): void =>
    registry.handle(0, { type: 'disconnected', peerId: asPeerId(peerId), reason: 'exit', detail: '' } as never);
  return { registry, lease, connect, leave };
};

/** What a state is after the way to another process. */
const sent = (registry: Registry) => REGISTRY_STATE.parse(JSON.parse(JSON.stringify(registry.state())));

describe('the state of a registry', () => {
  test('brings clients and addresses into another one', () => {
    const old = newLab();
    old.connect('alice', 0);
    const gone = old.connect('bob', 2);
    old.leave(2);
    const half = old.lease('carol', 4);
    const { registry, connect } = newLab();
    registry.takeOver(sent(old.registry));
    expect(registry.connected()).toEqual(old.registry.connected());
    expect(registry.connected()[0]?.identity).toEqual(identityOf('alice'));
    expect(connect('dora', 6)).toBe('10.8.0.5');
    expect([connect('bob', 8), connect('carol', 10)]).toEqual([gone, half]);
    expect(registry.leaseFile()).toContain('alice,10.8.0.2');
  });

  test("that cannot be this pool's is refused whole", () => {
    for (const leases of [
      { used: [[90, 'x']], free: [], fresh: 0 },
      { used: [[1, 'x']], free: [[1, 'y']], fresh: 2 },
    ] as never[]) {
      const { registry, connect } = newLab();
      expect(() => registry.takeOver({ clients: [], leases })).toThrow(/slot/);
      expect(connect('alice', 0)).toBe('10.8.0.2');
    }
  });

  test('is strict about its shape', () => {
    const { registry, connect } = newLab();
    connect('alice', 0);
    const state = registry.state();
    const [client] = state.clients;
    for (const change of [{ peerId: 1 << 24 }, { slot: -1 }, { connection: null }, { extra: 1 }]) {
      expect(REGISTRY_STATE.safeParse({ ...state, clients: [{ ...client, ...change }] }).success).toBe(false);
    }
  });
});
