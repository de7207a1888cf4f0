import type { LiveOptions, ServerOptions } from '@shardvpn/core';
import { createRing } from '@shardvpn/ring';
import { type ShardStart, SUSPECTS_BYTES } from '@shardvpn/worker';
import type { ServerConfig } from '../config/server-config.js';

/** Secrets and sizes that all shards of one server share. */
export interface ShardPlan {
  readonly shards: number;
  readonly plane: number;
  /** 32 random bytes. */
  readonly cookieKey: Uint8Array;
}

/** What each worker is started with, in shard order. A replaced worker gets the same again. */
export const planShardStarts = (config: ServerConfig, plan: ShardPlan): ShardStart[] =>
  Array.from({ length: plan.shards }, (_, shard) => ({
    server: serverOptions(config, plan, shard),
    tls: config.tls,
    plane: plan.plane,
    toData: createRing(CONTROL_RING_BYTES),
    toWorker: createRing(CONTROL_RING_BYTES),
    heartbeat: new SharedArrayBuffer(4),
    suspects: new SharedArrayBuffer(SUSPECTS_BYTES),
  }));

/** The same workers, which leave it to certificates and leases who comes in unless somebody decides about logins. */
export const askingAbout = (starts: readonly ShardStart[], logins: boolean): ShardStart[] =>
  starts.map((start) => ({ ...start, server: { ...start.server, asksAboutLogins: logins } }));

/** Hop rings as `[from][to]`, null on the diagonal. */
export const createHopRings = (shards: number): (Uint8Array | null)[][] => {
  const capacity = hopCapacity(shards);
  return Array.from({ length: shards }, (_, from) =>
    Array.from({ length: shards }, (_, to) => (from === to ? null : new Uint8Array(createRing(capacity)))),
  );
};

const CONTROL_RING_BYTES = 1 << 20;

/** Handshakes that may be under way beside the connected clients, on each shard. */
const HANDSHAKE_ROOM = 1024;

/**
 * A shard's turn brings up to 768 KiB, and its neighbour may have to wait for a CPU: 4 MiB up to 4 shards. Their number grows with the
 * square of the shards, so there is less of each then; two superpackets fit in any case.
 */
const hopCapacity = (shards: number): number =>
  shards <= 4 ? 1 << 22 : shards <= 8 ? 1 << 20 : shards <= 16 ? 1 << 19 : 1 << 18;

const serverOptions = (config: ServerConfig, { shards, cookieKey }: ShardPlan, shard: number): ServerOptions => ({
  shard,
  shards,
  wrap: config.wrap,
  cookieKey,
  tunMtu: config.tunMtu,
  ...liveOptions(config, shards),
});

/** The part that each shard of a running server takes over; the same for all of them. */
export const liveOptions = (config: ServerConfig, shards: number): LiveOptions => ({
  tlsCryptV2: config.tlsCryptV2,
  dataCiphers: config.dataCiphers,
  fallbackCipher: config.fallbackCipher,
  occ: { cipher: config.cipher, auth: config.auth, tunMtu: config.tunMtu },
  clientCertificate: config.tls.clientCertificate,
  push: config.push,
  layers: config.layers,
  pingInterval: config.pingInterval,
  pingTimeout: config.pingTimeout,
  handWindow: config.handWindow,
  tranWindow: config.tranWindow,
  renegSec: config.renegSec,
  tlsTimeout: config.tlsTimeout,
  connectFreqInitial: shareOf(config.connectFreqInitial, shards),
  connectFreq: config.connectFreq && shareOf(config.connectFreq, shards),
  dataLimits: config.dataLimits,
  sessionTimeout: config.sessionTimeout,
  ...(config.replayWindow && { replayWindow: config.replayWindow }),
  maxPacketSize: config.maxPacketSize,
  explicitExitNotify: config.explicitExitNotify,
  maxSessions: config.maxClients + HANDSHAKE_ROOM,
});

/** Clients are dealt out evenly, so each shard takes its part of a rate, and one at least. */
const shareOf = ({ count, seconds }: ServerConfig['connectFreqInitial'], shards: number) => ({
  count: Math.max(1, Math.ceil(count / shards)),
  seconds,
});
