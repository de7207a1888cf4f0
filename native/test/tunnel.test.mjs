import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as native from '../index.js';
import {
  ADD_PEER,
  echoRequest,
  encodeAddPeer,
  encodeInstallKey,
  INSTALL_KEY,
  makeKeys,
  open,
  openSocket,
  REMOVE_PEER,
  seal,
  sendTo,
  startPlane,
  until,
} from './lab.mjs';

/** The tests run again inside a network namespace of their own, where they may make devices. */
const INSIDE = process.env.SHARDVPN_TEST_NAMESPACE === '1';
const SHARDS = 3;
const TUN = {
  name: 'tun',
  queues: SHARDS,
  mtu: 1500,
  addresses: ['10.8.0.1/24', 'fd00:8::1/64'],
  routes: [
    { destination: '10.99.0.0/16', via: null, metric: 50 },
    { destination: '10.98.0.0/16', via: '10.8.0.2', metric: null },
  ],
};

if (INSIDE) {
  inNamespace();
} else {
  const skip = process.getuid() === 0 ? false : 'makes a network namespace: needs root';
  test('a tunnel in a network namespace of its own', { skip }, () => {
    const script = `ip link set lo up && exec ${process.execPath} --test-reporter=spec ${fileURLToPath(import.meta.url)}`;
    const run = spawnSync('unshare', ['--net', 'sh', '-c', script], {
      env: { ...process.env, SHARDVPN_TEST_NAMESPACE: '1', NODE_TEST_CONTEXT: '' },
      encoding: 'utf8',
      timeout: 300_000,
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  });
}

function inNamespace() {
  const ip = (...args) => spawnSync('ip', args, { encoding: 'utf8' }).stdout;

  test('a TUN gets its addresses, MTU, routes and offloads', (t) => {
    const tun = native.openTun(TUN);
    t.after(() => native.closeFds(tun.fds));
    assert.equal(tun.name, 'tun0');
    assert.equal(tun.fds.length, SHARDS);
    assert.ok(tun.offloads.includes('tso4'), tun.offloads.join());
    assert.match(
      ip('addr', 'show', 'tun0'),
      /mtu 1500[\s\S]*inet 10\.8\.0\.1\/24[\s\S]*inet6 fd00:8::1\/64 scope global nodad \n/,
    );
    assert.match(
      ip('route'),
      /10\.98\.0\.0\/16 via 10\.8\.0\.2 dev tun0[\s\S]*10\.99\.0\.0\/16 dev tun0 scope link metric 50/,
    );
    assert.throws(() => native.openTun({ ...TUN, name: 'tun0' }), {
      code: 'EBUSY',
      message: /tun0, another process uses it/,
    });
    assert.throws(() => native.openTun({ ...TUN, name: 'tun7', addresses: ['10.8.0.1'] }), { code: 'EINVAL' });
  });

  test('a ping crosses from a client to the kernel and back, on every shard', async (t) => {
    const tun = native.openTun(TUN);
    const plane = startPlane(SHARDS, { tun });
    const socket = await openSocket();
    t.after(() => {
      socket.close();
      plane.stop();
    });
    const got = [];
    socket.on('message', (bytes) => got.push(bytes));
    for (const peerId of [3, 4, 5]) {
      const keys = makeKeys(peerId * 10);
      const [shard, inner] = [peerId % SHARDS, `10.8.0.${peerId}`];
      plane.command(shard, ADD_PEER, encodeAddPeer(peerId, socket.address().port, inner));
      plane.command(shard, INSTALL_KEY, encodeInstallKey(peerId, 0, keys));
      await until('the peer', () => plane.counters(shard).peers.length === 1);
      const sentAt = performance.now();
      await sendTo(socket, plane.port, seal(keys.up, peerId, 1, echoRequest(inner, '10.8.0.1', peerId)));
      const reply = open(keys.down, await until(`the reply to peer ${peerId}`, () => got.pop()));
      assert.equal(reply[20], 0, 'an echo reply');
      assert.equal(reply[27], peerId);
      const counters = plane.counters(shard);
      assert.deepEqual(
        counters.drops.filter((drop) => drop.reason !== 'no-route' && drop.reason !== 'unroutable-source'),
        [],
      );
      assert.equal(counters.peers[0].packetsIn, 1);
      assert.equal(counters.peers[0].packetsOut, 1);
      assert.ok(counters.peers[0].idleSeconds <= 1 + (performance.now() - sentAt) / 1000);
      await sendTo(socket, plane.port, seal(keys.up, peerId, 1, echoRequest(inner, '10.8.0.1', 99)));
      await until('the replay', () => plane.counters(shard).drops.some((drop) => drop.reason === 'replayed'));
      await sendTo(socket, plane.port, seal(keys.up, peerId, 2, echoRequest('10.8.0.77', '10.8.0.1', 98)));
      await until('the spoof', () => plane.counters(shard).drops.some((drop) => drop.reason === 'spoofed-source'));
      plane.command(shard, REMOVE_PEER, encodeAddPeer(peerId, 0, '0.0.0.0').subarray(0, 4));
      await until('the end of the peer', () => plane.counters(shard).peers.length === 0);
    }
  });

  test('clients on two shards reach each other, and one answers from a new port', async (t) => {
    const plane = startPlane(2, { clientToClient: true });
    const [a, b, roamed] = [await openSocket(), await openSocket(), await openSocket()];
    t.after(() => {
      for (const socket of [a, b, roamed]) socket.close();
      plane.stop();
    });
    const [keysA, keysB] = [makeKeys(1), makeKeys(101)];
    for (const [peerId, socket, keys] of [
      [10, a, keysA],
      [11, b, keysB],
    ]) {
      plane.command(peerId % 2, ADD_PEER, encodeAddPeer(peerId, socket.address().port, `10.8.0.${peerId}`));
      plane.command(peerId % 2, INSTALL_KEY, encodeInstallKey(peerId, 0, keys));
      await until('the peer', () => plane.counters(peerId % 2).peers.length === 1);
    }
    const heard = (socket) => new Promise((resolve) => socket.once('message', resolve));
    let packet = heard(b);
    const request = echoRequest('10.8.0.10', '10.8.0.11', 1);
    await sendTo(a, plane.port, seal(keysA.up, 10, 1, request));
    assert.deepEqual(open(keysB.down, await packet), request);
    assert.equal(plane.counters(0).hops.find((hop) => hop.reason === 'client-to-client').value, 1);
    packet = heard(a);
    await sendTo(roamed, plane.port, seal(keysB.up, 11, 1, echoRequest('10.8.0.11', '10.8.0.10', 2)));
    await packet;
    const floated = await until('FLOATED', () => plane.drain(1).find((record) => record.kind === 2));
    assert.equal(floated.payload.readUInt32LE(0), 11);
    assert.equal(floated.payload.readUInt16LE(12), roamed.address().port);
    packet = heard(roamed);
    await sendTo(a, plane.port, seal(keysA.up, 10, 2, request));
    await packet;
  });

  test('a TUN that is taken down is left alone, not read in a loop', async (t) => {
    const tun = native.openTun({ ...TUN, queues: 1 });
    const plane = startPlane(1, { tun });
    t.after(() => plane.stop());
    ip('link', 'set', tun.name, 'down');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const turns = () => plane.counters(0).counters.find((counter) => counter.name === 'turns').value;
    const [before, began] = [turns(), performance.now()];
    ip('link', 'del', tun.name);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const [count, ms] = [turns() - before, performance.now() - began];
    assert.ok(count < ms / 2, `${count} turns in ${ms} ms`);
    assert.equal(plane.counters(0).state, 'running');
  });
}
