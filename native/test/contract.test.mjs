import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as native from '../index.js';
import { ADD_PEER, encodeAddPeer, encodeAddress, startPlane, until } from './lab.mjs';

const declared = [
  ...readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8').matchAll(/^export (?:function|class) (\w+)/gm),
]
  .map((match) => match[1])
  .sort();

test('the add-on, its entry and its typed face have the same functions', () => {
  const addon = createRequire(import.meta.url)(`../shardvpn.${process.platform}-${process.arch}.node`);
  assert.deepEqual(Object.keys(addon).sort(), declared);
  assert.deepEqual(Object.keys(native).sort(), declared);
});

test('every answer has the fields of the typed face', () => {
  const face = readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8');
  const fieldsOf = (name) => {
    let depth = 0;
    const from = face.indexOf(`interface ${name} {`);
    const body = [...face.slice(face.indexOf('{', from))];
    const end = body.findIndex((c) => {
      if (c === '{') depth++;
      if (c === '}') depth--;
      return depth === 0;
    });
    const outer = body
      .slice(1, end)
      .join('')
      .replace(/\{[^}]*\}/g, '')
      .replace(/\/\*[\s\S]*?\*\//g, '');
    return [...outer.matchAll(/(\w+):/g)].map((match) => match[1]).sort();
  };
  const plane = native.createPlane({ shards: 1, clientToClient: false, mssfix: 0, tunMtu: 1500, maxPeers: 1 });
  const group = native.openUdpGroup({ host: '::1', port: 0, shards: 1, receiveBuffer: 0, sendBuffer: 0 });
  assert.deepEqual(Object.keys(native.shardCounters(plane, 0)).sort(), fieldsOf('ShardCounters'));
  assert.deepEqual(Object.keys(native.probeHost()).sort(), fieldsOf('HostCapabilities'));
  assert.deepEqual(Object.keys(group).sort(), fieldsOf('UdpGroup'));
  native.closeFds(group.fds);
  native.destroyPlane(plane);
});

test('errors say what was being done and carry the errno', () => {
  const options = { host: '127.0.0.1', port: 0, shards: 2, receiveBuffer: 0, sendBuffer: 0 };
  const group = native.openUdpGroup(options);
  assert.throws(() => native.openUdpGroup({ ...options, port: group.port }), {
    code: 'EADDRINUSE',
    message: /^cannot bind UDP 127\.0\.0\.1:\d+: Address already in use/,
  });
  native.closeFds(group.fds);
  assert.throws(() => native.openUdpGroup({ ...options, host: 'localhost' }), { code: 'EINVAL' });
  assert.throws(() => native.openUdpGroup({ ...options, host: '192.0.2.1' }), { code: 'EADDRNOTAVAIL' });
  assert.throws(() => native.shardCounters(999_999, 0), { code: 'EINVAL', message: /plane 999999/ });
  const tun = { name: 'a-name-longer-than-15', queues: 1, mtu: 1500, addresses: [], routes: [] };
  assert.throws(() => native.openTun(tun), { code: 'EINVAL' });
});

test('a ring that is no ring is refused before a thread starts', () => {
  const plane = native.createPlane({ shards: 1, clientToClient: false, mssfix: 0, tunMtu: 1500, maxPeers: 1 });
  const bad = new Uint8Array(new SharedArrayBuffer(1000));
  const fds = { shard: 0, udp: [], tun: null, toData: bad, toWorker: bad, hopIn: [null], hopOut: [null] };
  assert.throws(() => native.startShard(plane, fds), { code: 'EINVAL', message: /1000 bytes/ });
  assert.throws(() => native.startShard(plane, { ...fds, toData: new Uint8Array(0) }), { code: 'EINVAL' });
  assert.throws(() => native.startShard(plane, { ...fds, udp: [99_999] }), { code: 'EBADF' });
  assert.equal(native.shardCounters(plane, 0).state, 'stopped');
  native.destroyPlane(plane);
});

test('a peer whose address another one has taken has none', async (t) => {
  const plane = startPlane(1);
  t.after(() => plane.stop());
  for (const [peerId, ipv4] of [
    [1, '10.8.0.2'],
    [2, '10.8.0.3'],
  ])
    plane.command(0, ADD_PEER, encodeAddPeer(peerId, 40_000, ipv4));
  const peers = await until('both peers', () => {
    const all = native.shardPeers(plane.plane, 0);
    return all[1]?.path && all;
  });
  assert.deepEqual(
    peers.map(({ peerId, path }) => [peerId, path && Buffer.from(path)]),
    [
      [1, null],
      [2, encodeAddress(40_000)],
    ],
  );
});
