// What the add-on's tests share: a plane on loopback whose rings the test reads and writes, and a client made of node:crypto.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRing, RingConsumer, RingProducer } from '@shardvpn/ring';
import * as native from '../index.js';

const RING = 1 << 18;

/** A listener on 127.0.0.1 and running data threads; `stop` joins and closes everything. */
export function startPlane(shards, { clientToClient = false, tun = null } = {}) {
  const group = native.openUdpGroup({ host: '127.0.0.1', port: 0, shards, receiveBuffer: 0, sendBuffer: 0 });
  const plane = native.createPlane({ shards, clientToClient, mssfix: 1492, tunMtu: 1500, maxPeers: 100 });
  const hop = Array.from({ length: shards }, (_, from) =>
    Array.from({ length: shards }, (_, to) => (from === to ? null : new Uint8Array(createRing(RING)))),
  );
  const seats = group.fds.map((fd, shard) => {
    const [toData, toWorker] = [createRing(RING), createRing(RING)];
    native.startShard(plane, {
      shard,
      udp: [fd],
      tun: tun?.fds[shard] ?? null,
      toData: new Uint8Array(toData),
      toWorker: new Uint8Array(toWorker),
      hopIn: hop.map((row) => row[shard]),
      hopOut: hop[shard],
    });
    return { commands: new RingProducer(toData), records: new RingConsumer(toWorker), toWorker };
  });
  return {
    plane,
    seats,
    port: group.port,
    group,
    counters: (shard) => native.shardCounters(plane, shard),
    command(shard, kind, bytes) {
      seats[shard].commands.reserve(kind, bytes.length).set(bytes);
      if (seats[shard].commands.publish()) native.wakeShard(plane, shard);
    },
    /** Everything the data thread has said so far. */
    drain(shard) {
      const records = [];
      seats[shard].records.drain(10_000, (kind, payload) => records.push({ kind, payload: Buffer.from(payload) }));
      return records;
    },
    stop() {
      native.destroyPlane(plane);
      native.closeFds(group.fds);
      if (tun !== null) native.closeFds(tun.fds);
    },
  };
}

/** Waits until `probe` gives something other than undefined or false. */
export async function until(what, probe) {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    await sleep(5);
  }
  throw new Error(`still waiting for ${what}`);
}

export async function openSocket() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

export const sendTo = (socket, port, bytes) => new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve));

export const ADD_PEER = 2;
export const INSTALL_KEY = 3;
export const REMOVE_PEER = 7;

export function encodeAddress(port) {
  const bytes = Buffer.alloc(24);
  bytes[2] = 4;
  bytes.writeUInt16LE(port, 4);
  bytes.set([127, 0, 0, 1], 8);
  return bytes;
}

/** DATA_V2, an IPv4 address, no pings. */
export function encodeAddPeer(peerId, port, ipv4) {
  const bytes = Buffer.alloc(56);
  bytes.writeUInt32LE(peerId, 0);
  bytes.writeUInt32LE(3, 4);
  bytes.set(encodeAddress(port), 8);
  bytes.set(ipv4.split('.').map(Number), 32);
  return bytes;
}

/** The key of a test client: the server seals with `down` and opens with `up`. */
export function encodeInstallKey(peerId, keyId, { up, down }) {
  const bytes = Buffer.alloc(8 + 4 * 64);
  bytes.writeUInt32LE(peerId, 0);
  // Key-id, AES-256-GCM, no digest, AEAD v1.
  bytes.set([keyId, 3, 0, 1], 4);
  for (const [at, slot] of [down.key, down.iv, up.key, up.iv].entries()) bytes.set(slot, 8 + 64 * at);
  return bytes;
}

export const makeKeys = (seed) => ({
  up: { key: Buffer.alloc(32, seed), iv: Buffer.alloc(8, seed + 1) },
  down: { key: Buffer.alloc(32, seed + 2), iv: Buffer.alloc(8, seed + 3) },
});

/** AES-256-GCM, AEAD v1: header, packet id, tag, ciphertext. */
export function seal(key, peerId, packetId, inner) {
  const aad = Buffer.alloc(8);
  aad.writeUInt32BE((((9 << 3) << 24) | peerId) >>> 0, 0);
  aad.writeUInt32BE(packetId, 4);
  const cipher = createCipheriv('aes-256-gcm', key.key, Buffer.concat([aad.subarray(4), key.iv]));
  cipher.setAAD(aad);
  const text = Buffer.concat([cipher.update(inner), cipher.final()]);
  return Buffer.concat([aad, cipher.getAuthTag(), text]);
}

export function open(key, packet) {
  const decipher = createDecipheriv('aes-256-gcm', key.key, Buffer.concat([packet.subarray(4, 8), key.iv]));
  decipher.setAAD(packet.subarray(0, 8));
  decipher.setAuthTag(packet.subarray(8, 24));
  return Buffer.concat([decipher.update(packet.subarray(24)), decipher.final()]);
}

/** An ICMP echo request with valid checksums. */
export function echoRequest(from, to, sequence) {
  const packet = Buffer.alloc(20 + 8 + 56);
  packet.set([0x45, 0, 0, packet.length, 0, sequence, 0x40, 0, 64, 1, 0, 0], 0);
  packet.set(from.split('.').map(Number), 12);
  packet.set(to.split('.').map(Number), 16);
  packet.set([8, 0, 0, 0, 0x12, 0x34, 0, sequence], 20);
  packet.writeUInt16BE(checksum(packet.subarray(0, 20)), 10);
  packet.writeUInt16BE(checksum(packet.subarray(20)), 22);
  return packet;
}

function checksum(bytes) {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
