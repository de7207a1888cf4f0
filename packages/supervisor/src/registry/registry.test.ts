import { beforeEach, describe, expect, test } from '@jest/globals';
import { asPeerId, type ClientIdentity } from '@shardvpn/core';
import type { ToShard } from '@shardvpn/worker';
import fc from 'fast-check';
import type { Log } from '../log.js';
import { Registry, type RegistryOptions } from './registry.js';
import type { RevocationList } from './revocation.js';

const OPTIONS: RegistryOptions = {
  ipv4: {
    network: '10.8.0.0',
    netmask: '255.255.255.0',
    bits: 24,
    server: '10.8.0.1',
    pool: { first: '10.8.0.2', last: '10.8.0.5' },
  },
  ipv6: { network: 'fd00::', bits: 64, server: 'fd00::1', pool: { first: 'fd00::1000', size: 65_536 } },
  duplicateCn: false,
  maxClients: 100,
};
const SHARDS = 2;
const SHOWN = { cipher: 'AES-256-GCM', tls: 'TLSv1.3', keyDerivation: 'tls-ekm', since: 1000 } as const;

const identityOf = (commonName: string, hash = commonName): ClientIdentity => ({
  commonName,
  username: null,
  certificate: { commonName, subject: '', serial: 'AB', chainHashes: [hash, 'ca'], notAfter: 0 },
  path: { listener: 0, host: '192.0.2.1', port: 4000 },
  peerInfo: new Map([['IV_VER', '2.6.14']]),
});

interface Lab {
  readonly registry: Registry;
  readonly sent: { readonly shard: number; readonly message: ToShard }[];
  readonly lines: string[];
}

const newLab = (options: Partial<RegistryOptions> = {}): Lab => {
  const [sent, lines]: [Lab['sent'], string[]] = [[], []];
  const write = (line: string): void => void lines.push(line);
  const log: Log = { error: write, warn: write, info: write, debug: write };
  const send = (shard: number, message: ToShard): void => void sent.push({ shard, message });
  return { registry: new Registry({ ...OPTIONS, ...options }, { send, log }), sent, lines };
};

const shardOf = (peerId: number): number => peerId % SHARDS;

const askLease = ({ registry, sent }: Lab, peerId: number, identity: ClientIdentity) => {
  registry.handle(shardOf(peerId), { type: 'lease', request: 7, identity, peerId: asPeerId(peerId) });
  const answer = sent.pop()?.message;
  if (answer?.type !== 'lease-decision' || answer.request !== 7) throw new Error('no answer');
  return answer.decision;
};

const connect = (lab: Lab, peerId: number, identity: ClientIdentity): void => {
  askLease(lab, peerId, identity);
  lab.registry.handle(shardOf(peerId), { type: 'connected', peerId: asPeerId(peerId), ...SHOWN });
};

const leave = ({ registry }: Lab, peerId: number): void =>
  registry.handle(shardOf(peerId), {
    type: 'disconnected',
    peerId: asPeerId(peerId),
    reason: 'exit-notify',
    detail: '',
  });

describe('registry', () => {
  let lab: Lab;
  beforeEach(() => {
    lab = newLab();
  });

  test('a lease has what the client needs', () => {
    expect(askLease(lab, 0, identityOf('alice'))).toEqual({
      type: 'lease',
      lease: {
        ipv4: { address: '10.8.0.2', netmask: '255.255.255.0' },
        ipv6: { address: 'fd00::1000', bits: 64, gateway: 'fd00::1' },
        push: [],
      },
    });
  });

  test('a client is listed when it has connected, until it leaves', () => {
    askLease(lab, 0, identityOf('alice'));
    expect(lab.registry.connected()).toHaveLength(0);
    connect(lab, 0, identityOf('alice'));
    expect(lab.registry.connected().map(({ identity }) => identity.commonName)).toEqual(['alice']);
    leave(lab, 0);
    expect(lab.registry.connected()).toHaveLength(0);
  });

  test('a name that connects again replaces itself, on whatever shard, and keeps its address', () => {
    connect(lab, 0, identityOf('alice'));
    const again = askLease(lab, 1, identityOf('alice'));
    expect(again).toMatchObject({ lease: { ipv4: { address: '10.8.0.2' } } });
    expect(lab.sent).toEqual([
      { shard: 0, message: { type: 'disconnect', peerId: 0, reason: 'replaced', detail: expect.any(String) } },
    ]);
    leave(lab, 0);
    lab.registry.handle(1, { type: 'restored', peerId: asPeerId(1), ...SHOWN });
    expect(lab.registry.connected().map(({ peerId }) => peerId)).toEqual([1]);
  });

  test('with duplicate-cn both stay', () => {
    lab = newLab({ duplicateCn: true });
    connect(lab, 0, identityOf('alice'));
    connect(lab, 1, identityOf('alice'));
    expect(lab.sent).toEqual([]);
    expect(lab.registry.connected()).toHaveLength(2);
  });

  test('clients without a name do not replace each other', () => {
    connect(lab, 0, identityOf(''));
    connect(lab, 1, identityOf(''));
    expect(lab.registry.connected()).toHaveLength(2);
  });

  test('max-clients and an exhausted pool refuse with a reason', () => {
    lab = newLab({ maxClients: 1 });
    connect(lab, 0, identityOf('alice'));
    expect(askLease(lab, 1, identityOf('bob'))).toEqual({
      type: 'refuse',
      reason: expect.stringContaining('max-clients'),
    });
    lab = newLab();
    for (const i of [0, 1, 2, 3]) connect(lab, i, identityOf(`c${i}`));
    expect(askLease(lab, 4, identityOf('late'))).toEqual({
      type: 'refuse',
      reason: expect.stringContaining('ifconfig-pool'),
    });
    leave(lab, 2);
    expect(askLease(lab, 4, identityOf('late'))).toMatchObject({ lease: { ipv4: { address: '10.8.0.4' } } });
  });

  test('a client that moves onto its older self ends that one, onto another it does not', () => {
    lab = newLab({ duplicateCn: true });
    connect(lab, 0, identityOf('alice', 'h1'));
    connect(lab, 1, identityOf('alice', 'h1'));
    connect(lab, 2, identityOf('bob', 'h2'));
    const path = { listener: 0, host: '2001:db8::1', port: 9 };
    lab.registry.handle(0, { type: 'float-conflict', peerId: asPeerId(0), holder: asPeerId(2), path });
    expect(lab.sent).toEqual([]);
    expect(lab.lines.at(-1)).toContain('cannot move');
    lab.registry.handle(0, { type: 'float-conflict', peerId: asPeerId(0), holder: asPeerId(1), path });
    expect(lab.sent).toMatchObject([{ shard: 1, message: { type: 'disconnect', peerId: 1, reason: 'replaced' } }]);
  });

  test('a move is remembered', () => {
    connect(lab, 0, identityOf('alice'));
    lab.registry.handle(0, { type: 'floated', peerId: asPeerId(0), path: { listener: 0, host: '192.0.2.9', port: 1 } });
    expect(lab.registry.connected()[0]?.path.host).toBe('192.0.2.9');
  });

  test('a new CRL ends the clients it revokes and refuses their next attempt', () => {
    connect(lab, 0, identityOf('alice'));
    connect(lab, 1, identityOf('bob'));
    const revoked = { revokes: ({ chainHashes }: { chainHashes: readonly string[] }) => chainHashes[0] === 'alice' };
    lab.registry.setRevocation(revoked as unknown as RevocationList);
    expect(lab.sent).toMatchObject([{ shard: 0, message: { type: 'disconnect', peerId: 0, reason: 'kicked' } }]);
    expect(lab.registry.connected().map(({ identity }) => identity.commonName)).toEqual(['bob']);
    const ask = { type: 'authenticate', request: 1, password: null, renegotiation: false } as const;
    lab.registry.handle(1, { ...ask, identity: identityOf('alice') });
    lab.registry.handle(1, { ...ask, identity: identityOf('bob') });
    expect(lab.sent.slice(1).map(({ message }) => message)).toMatchObject([
      { decision: { type: 'refuse' } },
      { decision: { type: 'accept' } },
    ]);
    expect(askLease(lab, 4, identityOf('alice'))).toMatchObject({ type: 'refuse', final: true });
  });

  test('a new worker keeps the clients that it has taken over, the others of its shard give their lease back', () => {
    connect(lab, 0, identityOf('alice'));
    connect(lab, 1, identityOf('bob'));
    connect(lab, 2, identityOf('carol'));
    askLease(lab, 4, identityOf('dave'));
    const before = lab.registry.connected().find(({ peerId }) => peerId === 0)?.connection;
    for (const peerId of [0, 4, 6]) lab.registry.handle(0, { type: 'restored', peerId: asPeerId(peerId), ...SHOWN });
    lab.registry.handle(0, { type: 'taken-over', peerIds: [0, 4, 6].map(asPeerId) });
    expect(lab.registry.connected().map(({ identity }) => identity.commonName)).toEqual(['alice', 'bob', 'dave']);
    expect(lab.registry.connected()[0]?.connection).toBe(before);
    expect(lab.sent).toMatchObject([{ shard: 0, message: { type: 'disconnect', peerId: 6 } }]);
    expect(lab.lines.filter((line) => line.includes('disconnected'))).toHaveLength(1);
  });

  test('restored leases are handed out again, bad lines are named', () => {
    lab.registry.restoreLeases('alice,10.8.0.5\nnonsense\nbob,10.9.0.1\n', 'ipp.txt');
    expect(lab.lines).toEqual([expect.stringContaining('ipp.txt:2:'), expect.stringContaining('bob')]);
    expect(askLease(lab, 0, identityOf('alice'))).toMatchObject({ lease: { ipv4: { address: '10.8.0.5' } } });
    expect(lab.registry.leaseFile()).toBe('alice,10.8.0.5,fd00::1003\n');
  });
});

test('whatever happens, nobody shares an address and a name without duplicate-cn is there once', () => {
  const name = fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f');
  const step = fc.oneof(
    fc.record({ join: name, peerId: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ leave: fc.integer({ min: 0, max: 9 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), fc.boolean(), (steps, duplicateCn) => {
      const lab = newLab({ duplicateCn, maxClients: 3 });
      const model = new Map<number, string>();
      for (const one of steps) {
        if ('join' in one) join(lab, model, one.peerId, one.join, duplicateCn);
        else {
          leave(lab, one.leave);
          model.delete(one.leave);
        }
        const here = lab.registry.connected();
        expect(here.map(({ peerId }) => Number(peerId)).sort()).toEqual([...model.keys()].sort());
        expect(new Set(here.map(({ lease }) => lease.ipv4?.address)).size).toBe(here.length);
      }
    }),
    { numRuns: 300 },
  );
});

/** The rules for one newcomer, on a plain map of peer-id to name. */
const join = (lab: Lab, model: Map<number, string>, peerId: number, name: string, duplicateCn: boolean): void => {
  model.delete(peerId);
  for (const [other, theirs] of model) if (!duplicateCn && name !== '' && theirs === name) model.delete(other);
  const fits = model.size < 3;
  connect(lab, peerId, identityOf(name));
  if (fits) model.set(peerId, name);
  expect(lab.registry.connected().some((record) => record.peerId === peerId)).toBe(fits);
};

describe('clients that are not taken', () => {
  const path = { listener: 0, host: '192.0.2.9', port: 4000 };

  test('are counted each time and told of once a minute', () => {
    const lab = newLab();
    const refused = {
      type: 'refused',
      path,
      reason: 'tls-failed',
      detail: 'no shared cipher',
      hint: 'compare',
    } as const;
    for (let i = 0; i < 3; i++) lab.registry.handle(0, refused);
    expect(lab.lines).toEqual(['client refused: no shared cipher']);
    expect(lab.registry.refusals()).toMatchObject({ 'tls-cipher': 3, other: 0 });
  });

  test('two shards tell of one whose packets are dropped', () => {
    const lab = newLab();
    const dropped = {
      type: 'turned-away',
      path,
      reason: 'bad-hmac',
      detail: 'it does not fit',
      hint: 'compare',
    } as const;
    for (const shard of [0, 1]) lab.registry.handle(shard, dropped);
    expect(lab.lines).toEqual(['client turned away: it does not fit']);
  });

  test('settings that do not fit are told once', () => {
    const lab = newLab();
    const mismatched = { type: 'mismatched', path, detail: 'comp-lzo', hint: 'compress migrate' } as const;
    for (const shard of [0, 1]) lab.registry.handle(shard, mismatched);
    expect(lab.lines).toEqual(['nothing will pass between a client and this server: comp-lzo']);
  });
});
