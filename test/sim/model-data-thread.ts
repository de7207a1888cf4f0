import { createHmac } from 'node:crypto';
import {
  type AdmissionOrder,
  type DataCommand,
  type DataEvent,
  type DataSuite,
  type DirectionKey,
  type KeyId,
  type Path,
  type PeerId,
  pathKey,
} from '@shardvpn/core';

interface ModelKey {
  readonly keyId: KeyId;
  readonly suite: DataSuite;
  readonly seal: DirectionKey;
  readonly open: DirectionKey;
}

interface ModelPeer {
  readonly peerId: PeerId;
  path: Path;
  readonly dataV2: boolean;
  /** Inner addresses. */
  readonly inner: readonly (string | null)[];
  readonly pingTimeout: number;
  /** At most two, the newest first. */
  readonly keys: ModelKey[];
  sendKey: ModelKey | null;
  lastSent: number;
  readonly pingInterval: number;
  limits: Limits | null;
  /** Packets under each key. */
  readonly carried: Map<KeyId, number>;
  active: { since: number; bytes: number };
  /** The last sign of life, or the last report of silence: it is said again after each further timeout. */
  silentSince: number;
}

export interface ModelDataThreadPorts {
  now(): number;
  transmit(path: Path, bytes: Uint8Array): void;
  report(event: DataEvent): void;
}

const OP_DATA_V1 = 6;
const OP_DATA_V2 = 9;
const TAG_LENGTH = 8;
/** Opcode, payload and tag. */
const SHORTEST = 2 + TAG_LENGTH;
const PING = 0;
const EXIT = 1;
const TRAFFIC = 2;
type Limits = Extract<DataCommand, { type: 'limit-peer' }>;

/**
 * What the data thread is to the core: a table of peers and keys that obeys orders, with every order checked. Its
 * packets carry a tag that only the matching key of the other side can have made.
 */
export class ModelDataThread {
  readonly #ports: ModelDataThreadPorts;
  readonly #role: 'server' | 'client';
  readonly #lost = new Set<PeerId>();
  readonly #peers = new Map<PeerId, ModelPeer>();
  /** Connections that were closed by command. */
  readonly closed: Path[] = [];
  /** Orders that make no sense; has to stay empty. */
  readonly faults: string[] = [];
  /** How it is told to answer unknown clients; it leaves that to the worker all the same. */
  admission: AdmissionOrder | null = null;
  received = 0;
  /** Packets of a known peer under a key that is not there. */
  unknownKey = 0;
  badTag = 0;

  constructor(role: 'server' | 'client', ports: ModelDataThreadPorts) {
    this.#role = role;
    this.#ports = ports;
  }

  get peers(): readonly PeerId[] {
    return [...this.#peers.keys()];
  }

  innerOf(peerId: PeerId): readonly (string | null)[] {
    return this.#peers.get(peerId)?.inner ?? [];
  }

  pathOf(peerId: PeerId): Path | null {
    return this.#peers.get(peerId)?.path ?? null;
  }

  keysOf(peerId: PeerId): readonly KeyId[] {
    return (this.#peers.get(peerId)?.keys ?? []).map(({ keyId }) => keyId).reverse();
  }

  sendKeyOf(peerId: PeerId): KeyId | null {
    return this.#peers.get(peerId)?.sendKey?.keyId ?? null;
  }

  /** What one direction of a key is, as text; undefined when the key is not there. */
  fingerprint(peerId: PeerId, keyId: KeyId, direction: 'seal' | 'open'): string | undefined {
    const key = this.#peers.get(peerId)?.keys.find((each) => each.keyId === keyId);
    return (
      key &&
      [
        JSON.stringify(key.suite),
        ...Object.values(key[direction]).map((slot) => Buffer.from(slot).toString('hex')),
      ].join(' ')
    );
  }

  handleCommand(command: DataCommand): void {
    if (command.type === 'add-peer') {
      this.#addPeer(command);
      return;
    }
    if (command.type === 'close-connection') {
      this.closed.push(command.path);
      return;
    }
    if (command.type === 'admit-by') {
      this.admission = command.order;
      return;
    }
    const peer = this.#peers.get(command.peerId);
    if (peer === undefined && command.type === 'remove-peer' && this.#lost.delete(command.peerId)) {
      return;
    }
    if (peer === undefined) {
      this.faults.push(`${this.#role}: ${command.type} for unknown peer ${command.peerId}`);
      return;
    }
    switch (command.type) {
      case 'install-key':
        this.#installKey(peer, command);
        break;
      case 'update-peer': {
        const { ipv4, ipv6 } = command;
        const pingInterval = command.pingInterval ?? peer.pingInterval;
        const pingTimeout = command.pingTimeout ?? peer.pingTimeout;
        this.#peers.set(peer.peerId, { ...peer, inner: [ipv4, ipv6], pingInterval, pingTimeout });
        break;
      }
      case 'limit-peer':
        this.#check(peer.keys.length === 0, 'limit-peer behind a key');
        peer.limits = command;
        break;
      case 'use-key': {
        const key = peer.keys.find(({ keyId }) => keyId === command.keyId);
        this.#check(key !== undefined, `use-key ${command.keyId} that is not installed`);
        this.#check(peer.sendKey !== key || areTwins(peer.keys), `use-key ${command.keyId} twice`);
        peer.sendKey = key ?? null;
        break;
      }
      case 'retire-key': {
        const key = [...peer.keys].reverse().find(({ keyId }) => keyId === command.keyId);
        this.#check(peer.sendKey !== key, `retire-key ${command.keyId} that is in use`);
        this.#check(key !== undefined, `retire-key ${command.keyId} that is not installed`);
        peer.keys.splice(0, 2, ...peer.keys.filter((each) => each !== key));
        break;
      }
      case 'touch-peer':
        this.#hear(peer);
        break;
      case 'notify-exit':
        this.#send(peer, EXIT);
        break;
      case 'remove-peer':
        this.#peers.delete(command.peerId);
        break;
    }
  }

  /** A fault: it starts anew without peers. Those of before are removed by the worker all the same. */
  reset(): void {
    for (const peerId of this.#peers.keys()) this.#lost.add(peerId);
    this.#peers.clear();
    this.#ports.report({ type: 'reset' });
  }

  /** One packet that is no ping to every peer. */
  traffic(): void {
    for (const peer of this.#peers.values()) {
      this.#note(peer);
      this.#send(peer, TRAFFIC);
    }
  }

  /** One ping to every peer. */
  chatter(): void {
    for (const peer of this.#peers.values()) {
      this.#send(peer, PING);
    }
  }

  handleDatagram(path: Path, bytes: Uint8Array): void {
    const view = Buffer.from(bytes);
    const op = (view[0] ?? 0) >> 3;
    const keyId = ((view[0] ?? 0) & 7) as KeyId;
    const peer = view.length < SHORTEST ? undefined : this.#find(op, path, view);
    if (peer === undefined) {
      return;
    }
    const keys = peer.keys.filter((each) => each.keyId === keyId);
    if (keys.length === 0) {
      this.unknownKey++;
      return;
    }
    const body = view.subarray(0, view.length - TAG_LENGTH);
    const tag = view.subarray(body.length);
    const opener = keys.find((key) => tagOf(key.suite, key.open, body).equals(tag));
    if (opener === undefined) {
      this.badTag++;
      return;
    }
    if (keys.length === 2 && opener === keys[0]) peer.sendKey = opener;
    this.#accept(peer, path, op, body);
  }

  /** Pings that are due, and reports of silence. */
  tick(): void {
    const now = this.#ports.now();
    for (const peer of [...this.#peers.values()]) {
      if (peer.pingInterval > 0 && now >= peer.lastSent + 1000 * peer.pingInterval) {
        this.#send(peer, PING);
      }
      if (peer.pingTimeout > 0 && now >= peer.silentSince + 1000 * peer.pingTimeout) {
        peer.silentSince = now;
        this.#ports.report({ type: 'silent', peerId: peer.peerId });
      }
      const { seconds = 0 } = peer.limits?.inactive ?? {};
      if (seconds > 0 && now >= peer.active.since + 1000 * seconds) {
        peer.active = { since: now, bytes: 0 };
        this.#ports.report({ type: 'inactive', peerId: peer.peerId });
      }
    }
  }

  #addPeer(command: Extract<DataCommand, { type: 'add-peer' }>): void {
    const { peerId, path, dataV2, ipv4, ipv6, pingInterval, pingTimeout } = command;
    this.#check(!this.#peers.has(peerId), `add-peer ${peerId} twice`);
    const now = this.#ports.now();
    this.#peers.set(peerId, {
      peerId,
      path,
      dataV2,
      inner: [ipv4, ipv6],
      pingInterval,
      pingTimeout,
      keys: [],
      sendKey: null,
      lastSent: now,
      silentSince: now,
      limits: null,
      carried: new Map(),
      active: { since: now, bytes: 0 },
    });
  }

  #installKey(peer: ModelPeer, command: Extract<DataCommand, { type: 'install-key' }>): void {
    const { keyId, suite, seal, open } = command;
    const isKnown = peer.keys.some((each) => each.keyId === keyId);
    // One that is not sent with makes room for another one with its id.
    const before = isKnown ? peer.keys.filter((each) => each === peer.sendKey) : peer.keys;
    this.#check(before.length < 2, 'a third key');
    peer.carried.delete(keyId);
    const key = { keyId, suite, seal, open };
    peer.keys.splice(0, 2, key, ...before);
    peer.sendKey ??= key;
  }

  #find(op: number, path: Path, view: Buffer): ModelPeer | undefined {
    if (op === OP_DATA_V2) {
      // The client has one peer and does not look at the number. [wire 16]
      return this.#role === 'client' ? [...this.#peers.values()][0] : this.#peers.get(view.readUIntBE(1, 3) as PeerId);
    }
    return [...this.#peers.values()].find((peer) => pathKey(peer.path) === pathKey(path));
  }

  #accept(peer: ModelPeer, path: Path, op: number, body: Buffer): void {
    this.received++;
    this.#hear(peer);
    this.#carry(peer, ((body[0] ?? 0) & 7) as KeyId);
    if (body[body.length - 1] === TRAFFIC) {
      this.#note(peer);
    }
    if (this.#role === 'server' && op === OP_DATA_V2 && pathKey(path) !== pathKey(peer.path)) {
      const holder = [...this.#peers.values()].find((other) => pathKey(other.path) === pathKey(path));
      if (holder === undefined) {
        peer.path = path;
        this.#ports.report({ type: 'floated', peerId: peer.peerId, path });
      } else {
        this.#ports.report({ type: 'float-conflict', peerId: peer.peerId, holder: holder.peerId, path });
      }
    }
    if (body[body.length - 1] === EXIT) {
      this.#ports.report({ type: 'exit', peerId: peer.peerId });
    }
  }

  #send(peer: ModelPeer, payload: number): void {
    const key = peer.sendKey;
    if (key === null) {
      this.faults.push(`${this.#role}: no key to send with`);
      return;
    }
    peer.lastSent = this.#ports.now();
    this.#carry(peer, key.keyId);
    const op = peer.dataV2 ? OP_DATA_V2 : OP_DATA_V1;
    const header = peer.dataV2 ? [0, peer.peerId >> 8, peer.peerId & 255] : [];
    const body = Buffer.from([(op << 3) | key.keyId, ...header, payload]);
    this.#ports.transmit(peer.path, new Uint8Array(Buffer.concat([body, tagOf(key.suite, key.seal, body)])));
  }

  /** Every packet of the model counts for 100 bytes. */
  #note(peer: ModelPeer): void {
    peer.active.bytes += 100;
    if (peer.active.bytes >= (peer.limits?.inactive.bytes ?? 0)) {
      peer.active = { since: this.#ports.now(), bytes: 0 };
    }
  }

  #carry(peer: ModelPeer, keyId: KeyId): void {
    const carried = (peer.carried.get(keyId) ?? 0) + 1;
    peer.carried.set(keyId, carried);
    if (carried === (peer.limits?.renegPackets ?? 0)) {
      this.#ports.report({ type: 'key-limit', peerId: peer.peerId, keyId });
    }
  }

  #hear(peer: ModelPeer): void {
    peer.silentSince = this.#ports.now();
  }

  #check(condition: boolean, fault: string): void {
    if (!condition) {
      this.faults.push(`${this.#role}: ${fault}`);
    }
  }
}

const areTwins = ([newer, older]: readonly ModelKey[]): boolean => newer !== undefined && newer.keyId === older?.keyId;

const tagOf = (suite: DataSuite, key: DirectionKey, body: Uint8Array): Buffer =>
  createHmac('sha1', Buffer.concat([key.cipher, key.hmac, Buffer.from(JSON.stringify(suite))]))
    .update(body)
    .digest()
    .subarray(0, TAG_LENGTH);
