import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSocket, sendTo, startPlane, until } from './lab.mjs';

const SHARDS = 4;

const dropsOf = (plane, shard, reason) =>
  plane.counters(shard).drops.find((drop) => drop.reason === reason)?.value ?? 0;
const hopsOf = (plane, shard) => plane.counters(shard).hops.reduce((sum, hop) => sum + hop.value, 0);

test('packets arrive on the shard of their peer-id or session id, without a hop', async (t) => {
  const plane = startPlane(SHARDS);
  const socket = await openSocket();
  t.after(() => {
    socket.close();
    plane.stop();
  });
  assert.equal(plane.group.steering, 'bpf');
  for (let peerId = 0; peerId < 40; peerId++) {
    const data = Buffer.alloc(60, 1);
    data.writeUInt32BE((((9 << 3) << 24) | peerId) >>> 0);
    await sendTo(socket, plane.port, data);
    const reset = Buffer.alloc(14, 7);
    reset[0] = 7 << 3;
    reset.writeUInt32BE(0xfedc0000 + peerId * 3, 1);
    await sendTo(socket, plane.port, reset);
  }
  for (let shard = 0; shard < SHARDS; shard++) {
    await until('the data packets', () => dropsOf(plane, shard, 'unknown-peer') === 10);
    const records = [];
    await until('the control packets', () => records.push(...plane.drain(shard)) >= 10);
    assert.equal(records.length, 10);
    for (const { kind, payload } of records) {
      assert.equal(kind, 1);
      assert.equal(payload.readUInt32BE(25) % SHARDS, shard);
      assert.equal(payload.readUInt16LE(4), socket.address().port);
      assert.equal(payload.length, 24 + 14);
    }
    assert.equal(hopsOf(plane, shard), 0);
  }
});

test('a datagram that the kernel puts anywhere is counted, not answered', async (t) => {
  const plane = startPlane(2);
  const socket = await openSocket();
  t.after(() => {
    socket.close();
    plane.stop();
  });
  for (const bytes of [[], [0x48], [0x38, 1, 2], [0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]])
    await sendTo(socket, plane.port, Buffer.from(bytes));
  const total = () =>
    [0, 1].reduce((sum, shard) => sum + plane.counters(shard).drops.reduce((all, drop) => all + drop.value, 0), 0);
  await until('the drops', () => total() === 3 || total() === 4);
  assert.deepEqual(plane.counters(0).state, 'running');
});

test('TRANSMIT records leave through the listener, in order', async (t) => {
  const plane = startPlane(1);
  const socket = await openSocket();
  t.after(() => {
    socket.close();
    plane.stop();
  });
  const got = [];
  socket.on('message', (bytes) => got.push(bytes));
  const { encodeAddress } = await import('./lab.mjs');
  for (const text of ['one', 'two two', 'three'])
    plane.command(0, 1, Buffer.concat([encodeAddress(socket.address().port), Buffer.from(text)]));
  await until('three datagrams', () => got.length === 3);
  assert.deepEqual(got.map(String), ['one', 'two two', 'three']);
});

test('an idle shard sleeps', async (t) => {
  const plane = startPlane(1);
  t.after(() => plane.stop());
  const turns = () => plane.counters(0).counters.find((counter) => counter.name === 'turns').value;
  // It begins when the machine lets it.
  await until('a while without turns', async () => {
    const before = turns();
    await new Promise((resolve) => setTimeout(resolve, 300));
    return before > 0 && turns() - before <= 2;
  });
});
