import type { AuthDecision, ClientIdentity, EndReason, Lease, LeaseDecision, Notice, PeerId } from '@shardvpn/core';
import type { FromShard, ToShard } from '@shardvpn/worker';
import type { Authenticator } from '../auth/authenticator.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { type ClientSelector, isSelected } from './client-selector.js';
import { decodeClient, encodeClient } from './client-state.js';
import { addressOf, type ClientRecord, Identities, isSameIdentity, nameOf } from './identities.js';
import { decodeLeaseFile, encodeLeaseFile } from './lease-file.js';
import { Leases } from './leases.js';
import { MoveLog } from './move-log.js';
import { Refusals } from './refusals.js';
import type { RegistryState } from './registry-state.js';
import { RevocationList } from './revocation.js';

export type RegistryOptions = Pick<ServerConfig, 'ipv4' | 'ipv6' | 'duplicateCn' | 'maxClients'>;

export interface RegistryPorts {
  /** Decides about clients; absent or null: whoever has a certificate that is not revoked may come in. */
  readonly authenticator?: Authenticator | null;
  readonly send: (shard: number, message: ToShard) => void;
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** What a shard says about its clients. */
export type ClientMessage = Exclude<
  FromShard,
  { readonly type: 'ready' | 'drops' | 'reconfigured' | 'push-updated' | 'drained' | 'released' | 'verify-key' }
>;

/** The only writer of addresses and identities; answers the shards' questions, always at once. */
export class Registry {
  #options: RegistryOptions;
  readonly #ports: RegistryPorts;
  readonly #leases: Leases;
  readonly #identities = new Identities();
  readonly #refusals: Refusals;
  readonly #moves: MoveLog;
  #revoked = RevocationList.empty;
  readonly #ended = new Map<string, number>();

  constructor(options: RegistryOptions, ports: RegistryPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#leases = new Leases(options.ipv4, options.ipv6);
    const { log, now = () => performance.now() } = ports;
    this.#refusals = new Refusals(now);
    this.#moves = new MoveLog(log, now);
  }

  handle(shard: number, message: ClientMessage): void {
    switch (message.type) {
      case 'authenticate':
        this.#authenticate(shard, message);
        break;
      case 'challenge-response':
        this.#ports.authenticator?.respond(shard, message.request, message.response);
        break;
      case 'auth-withdrawn':
        this.#ports.authenticator?.withdraw(shard, message.request);
        break;
      case 'lease':
        this.#send(shard, {
          type: 'lease-decision',
          request: message.request,
          decision: this.#lease(shard, message.peerId, message.identity),
        });
        break;
      case 'connected':
        this.#connected(message);
        break;
      case 'restored':
        this.#restored(shard, message);
        break;
      case 'taken-over':
        this.#takenOver(shard, new Set(message.peerIds));
        break;
      case 'floated':
        this.#floated(message);
        break;
      case 'float-conflict':
        this.#floatConflict(message);
        break;
      case 'renegotiated':
        this.#renegotiated(message);
        break;
      case 'disconnected':
        this.#disconnected(shard, message);
        break;
      case 'refused':
        this.#refused(message);
        break;
      case 'turned-away':
      case 'mismatched':
        this.#adviseOn(message);
        break;
    }
  }

  /** Takes new lists into use and ends the clients that they revoke. */
  setRevocation(revoked: RevocationList): void {
    this.#revoked = revoked;
    for (const record of this.#identities.all()) {
      if (this.#isRevoked(record.identity)) this.#end(record, 'kicked', REVOKED);
    }
  }

  /** For the clients to come; the pools may only have grown at their ends. */
  reconfigure(options: RegistryOptions): void {
    this.#options = options;
    this.#leases.grow(options.ipv4, options.ipv6);
  }

  /** Ends everybody; their clients connect again. Returns how many they were. */
  restartClients(): number {
    const everybody = this.connected();
    for (const record of everybody) this.#end(record, 'restarted', 'the sessions are restarted');
    return everybody.length;
  }

  /** Clients that were refused since this process started, by what was wrong. */
  refusals(): Readonly<Record<string, number>> {
    return { ...this.#refusals.counts };
  }

  /** Everyone who is connected. Live objects: read only, do not keep. */
  connected(): readonly ClientRecord[] {
    return this.#identities.all().filter(({ connection }) => connection !== null);
  }

  /** Connections that have ended since the start of the server, by reason. */
  ended(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#ended);
  }

  select(selector: ClientSelector): readonly ClientRecord[] {
    return this.connected().filter((record) => isSelected(selector, record));
  }

  /** Ends the connections of the selected clients, which are told how. Returns who they were. */
  kick(selector: ClientSelector, notice: Notice): readonly ClientRecord[] {
    const records = this.select(selector);
    for (const record of records) this.#end(record, 'kicked', notice.text, notice);
    return records;
  }

  /** A line for the selected clients to show. Returns who they are. */
  sendInfo(selector: ClientSelector, text: string): readonly ClientRecord[] {
    const records = this.select(selector);
    for (const { shard, peerId } of records) this.#send(shard, { type: 'info', peerId, text });
    return records;
  }

  /** Reserves other addresses for a connected client until it is known whether it takes them; or says who is in the way. */
  moveLease(record: ClientRecord, addresses: Pick<Lease, 'ipv4' | 'ipv6'>): LeaseMove | string {
    const [ipv4, ipv6] = [addresses.ipv4?.address ?? null, addresses.ipv6?.address ?? null];
    const inWay = [ipv4, ipv6]
      .flatMap((address) => (address === null ? [] : this.select({ address })))
      .find((other) => other !== record);
    if (inWay !== undefined) return `${nameOf(inWay.identity)} has that address`;
    const slots = this.#leases.hold({ ipv4, ipv6 }, [record.slot, ...record.held]);
    if (slots === null) return 'somebody has that address';
    const before = record.held;
    record.held = [...before, ...slots];
    const give = (given: readonly number[]): void => {
      if (this.#identities.get(record.peerId) !== record) return;
      record.held = record.held.filter((slot) => !given.includes(slot));
      for (const slot of given) this.#leases.release(slot);
    };
    return {
      commit: () => {
        record.lease = { ...record.lease, ...addresses };
        const needed = this.#leases.slotsOf({ ipv4, ipv6 });
        give(before.filter((slot) => !needed.includes(slot)));
      },
      abandon: () => give(slots),
    };
  }

  /** Takes in the text of an `ifconfig-pool-persist` file. */
  restoreLeases(text: string, file: string): void {
    const { leases, bad } = decodeLeaseFile(text);
    for (const line of bad)
      this.#ports.log.warn(`${file}:${line}: not understood, ignored; lines are NAME,IPV4[,IPV6]`);
    for (const lease of leases) {
      if (!this.#leases.restore(lease.name, lease)) {
        this.#ports.log.warn(`${file}: the address of ${lease.name} is outside the pool or double, ignored`);
      }
    }
  }

  /** Text for the `ifconfig-pool-persist` file. */
  leaseFile(): string {
    return encodeLeaseFile(this.#leases.remembered());
  }

  /** Everyone who is connected, and the pools, for the process that takes over. Who is about to connect starts again there. */
  state(): RegistryState {
    const connected = this.connected();
    const clients = connected.flatMap((record) => encodeClient(record) ?? []);
    const kept = new Set(connected.flatMap(({ slot, held }) => [slot, ...held]));
    return { clients, leases: this.#leases.state(kept), ended: this.ended() };
  }

  /** Goes on where another registry has stopped; this one has no clients yet. */
  takeOver({ clients, leases, ended = {} }: RegistryState): void {
    for (const [reason, count] of Object.entries(ended)) this.#ended.set(reason, count);
    this.#leases.takeOver(leases);
    for (const client of clients) this.#identities.add(decodeClient(client));
    this.setRevocation(this.#revoked);
  }

  #authenticate(shard: number, question: Extract<FromShard, { readonly type: 'authenticate' }>): void {
    const { authenticator } = this.#ports;
    const decide = (decision: AuthDecision): void =>
      this.#send(shard, { type: 'auth-decision', request: question.request, decision });
    if (this.#isRevoked(question.identity)) decide({ type: 'refuse', reason: REVOKED });
    else if (authenticator == null) decide({ type: 'accept' });
    else authenticator.ask(shard, question);
  }

  #lease(shard: number, peerId: PeerId, identity: ClientIdentity): LeaseDecision {
    this.#release(peerId);
    // Its certificate may have been revoked while somebody was deciding about it.
    if (this.#isRevoked(identity)) return { ...this.#deny(identity, REVOKED), final: true };
    const name = identity.commonName;
    if (!this.#options.duplicateCn) {
      for (const older of this.#identities.named(name)) this.#end(older, 'replaced', `${name} has connected again`);
    }
    if (this.#identities.size >= this.#options.maxClients)
      return this.#deny(identity, 'too many clients (max-clients)');
    const slot = this.#leases.acquire(this.#options.duplicateCn ? '' : name);
    if (slot === null) return this.#deny(identity, 'no free address in the pool (ifconfig-pool)');
    const lease = this.#describe(slot);
    this.#identities.add({ shard, peerId, identity, lease, slot, held: [], path: identity.path, connection: null });
    return { type: 'lease', lease };
  }

  #deny(identity: ClientIdentity, reason: string): Extract<LeaseDecision, { type: 'refuse' }> {
    if (this.#refusals.mayTell({ host: identity.path.host, reason: 'auth-failed', detail: reason })) {
      this.#ports.log.warn(`${nameOf(identity)} refused: ${reason}`, { from: addressOf(identity) });
    }
    return { type: 'refuse', reason };
  }

  #describe(slot: number): ClientRecord['lease'] {
    const { ipv4, ipv6 } = this.#options;
    const addresses = this.#leases.addresses(slot);
    return {
      ipv4: ipv4 && addresses.ipv4 ? { address: addresses.ipv4, netmask: ipv4.netmask } : null,
      ipv6: ipv6 && addresses.ipv6 ? { address: addresses.ipv6, bits: ipv6.bits, gateway: ipv6.server } : null,
      push: [],
    };
  }

  /** A client whose worker died before it could say that it is connected; or that has been ended without a worker. */
  #restored(shard: number, { peerId, ...shown }: ShownClient): void {
    const record = this.#identities.get(peerId);
    if (record?.shard !== shard) {
      this.#send(shard, { type: 'disconnect', peerId, reason: 'replaced', detail: 'ended while it had no worker' });
      return;
    }
    // What it was given last, even if its worker died before it could say so.
    if (shown.lease !== undefined) record.lease = shown.lease;
    if (record.connection === null) {
      const { cipher, tls, keyDerivation, since } = shown;
      record.connection = { cipher, tls, keyDerivation, since };
    }
  }

  /** Whoever was about to connect through a worker that is gone, or could not be taken over. */
  #takenOver(shard: number, peerIds: ReadonlySet<PeerId>): void {
    this.#ports.authenticator?.forget(shard);
    if (peerIds.size > 0) this.#ports.log.info(`shard ${shard}: ${peerIds.size} clients have been taken over`);
    for (const record of this.#identities.all()) {
      if (record.shard !== shard || peerIds.has(record.peerId)) continue;
      this.#release(record.peerId);
      this.#sayGone(record, 'state-lost', 'its worker has ended, and it was not connected yet');
    }
  }

  #connected(message: ShownClient): void {
    const { peerId, cipher, tls, keyDerivation, since } = message;
    const record = this.#identities.get(peerId);
    if (record === undefined) return;
    record.connection = { cipher, tls, keyDerivation, since };
    this.#ports.log.info(`${nameOf(record.identity)} connected`, {
      from: addressOf(record),
      address: [record.lease.ipv4?.address, record.lease.ipv6?.address].filter(Boolean).join(' '),
      shard: record.shard,
      peerId,
      cipher,
      tls,
      keys: keyDerivation,
      version: record.identity.peerInfo.get('IV_VER') ?? '?',
    });
  }

  #floated({ peerId, path }: Extract<FromShard, { type: 'floated' }>): void {
    const record = this.#identities.get(peerId);
    if (record === undefined) return;
    this.#moves.tellMove(record, path);
    record.path = path;
  }

  #floatConflict({ peerId, holder, path }: Extract<FromShard, { type: 'float-conflict' }>): void {
    const [mover, older] = [this.#identities.get(peerId), this.#identities.get(holder)];
    if (mover === undefined || older === undefined || mover === older) return;
    if (isSameIdentity(mover.identity, older.identity)) {
      this.#end(older, 'replaced', `${nameOf(mover.identity)} has moved to its address`);
    } else {
      this.#moves.tellConflict(mover, older, path);
    }
  }

  #renegotiated({ peerId, tls }: Extract<FromShard, { type: 'renegotiated' }>): void {
    const record = this.#identities.get(peerId);
    if (record?.connection == null) return;
    record.connection.tls = tls;
    this.#ports.log.debug(`${nameOf(record.identity)} renegotiated`, { tls });
  }

  #disconnected(shard: number, { peerId, reason, detail }: Extract<FromShard, { type: 'disconnected' }>): void {
    if (this.#identities.get(peerId)?.shard !== shard) return;
    const record = this.#release(peerId);
    if (record !== undefined) this.#sayGone(record, reason, detail);
  }

  #refused({ path, reason, detail, hint }: Extract<FromShard, { type: 'refused' }>): void {
    const client = { host: path.host, reason, detail };
    this.#refusals.count(client);
    if (!this.#refusals.mayTell(client)) return;
    this.#ports.log.warn(`client refused: ${detail || reason}`, {
      from: addressOf({ path }),
      reason,
      ...(hint && { hint }),
    });
  }

  #adviseOn(message: Extract<FromShard, { type: 'turned-away' | 'mismatched' }>): void {
    const { path, detail, hint } = message;
    const [reason, what] =
      message.type === 'turned-away'
        ? [message.reason, 'client turned away']
        : [message.type, 'nothing will pass between a client and this server'];
    if (!this.#refusals.mayTellOfDrop(path.host, reason)) return;
    this.#ports.log.warn(`${what}: ${detail}`, { from: addressOf({ path }), reason, hint });
  }

  /** Ends a client at once: its lease is free before its shard has heard of it. */
  #end(record: ClientRecord, reason: EndReason, detail: string, notice: Notice | null = null): void {
    this.#release(record.peerId);
    this.#send(record.shard, {
      type: 'disconnect',
      peerId: record.peerId,
      reason,
      detail,
      ...(notice !== null && { notice }),
    });
    this.#sayGone(record, reason, detail);
  }

  #release(peerId: PeerId): ClientRecord | undefined {
    const record = this.#identities.remove(peerId);
    if (record !== undefined) for (const slot of [record.slot, ...record.held]) this.#leases.release(slot);
    return record;
  }

  #sayGone(record: ClientRecord, reason: EndReason, detail: string): void {
    this.#ended.set(reason, (this.#ended.get(reason) ?? 0) + 1);
    this.#ports.log.info(`${nameOf(record.identity)} disconnected`, {
      from: addressOf(record),
      reason,
      ...(detail && { detail }),
    });
  }

  #isRevoked({ certificate }: ClientIdentity): boolean {
    return certificate !== null && this.#revoked.revokes(certificate);
  }

  #send(shard: number, message: ToShard): void {
    this.#ports.send(shard, message);
  }
}

/** Addresses that are reserved for a client beside those that it has; until one of the two is called, it keeps both. */
export interface LeaseMove {
  commit(): void;
  abandon(): void;
}

type ShownClient = Extract<FromShard, { readonly type: 'connected' | 'restored' }>;

const REVOKED = 'certificate has been revoked';
