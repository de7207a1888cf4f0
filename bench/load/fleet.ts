import {
  Client,
  type ClientEvent,
  type ClientOptions,
  type CryptoProvider,
  type DataCommand,
  type DataEvent,
  type Deadline,
  DeadlineQueue,
  type Millis,
  Outbox,
  type Path,
  type PeerId,
  type TlsEngine,
  type Transmit,
  type UnixSeconds,
} from '@shardvpn/core';
import type { Protocol } from '@shardvpn/worker';
import { ReleasableTls } from './releasable-tls.js';

export interface FleetInput {
  readonly client: ClientOptions;
  readonly crypto: CryptoProvider;
  readonly tls: TlsEngine;
  readonly unixNow: () => UnixSeconds;
  /** A TLS session has news: `handleTls` is due. */
  readonly onTlsProgress: () => void;
}

export type FleetEvent =
  | {
      readonly type: 'connected';
      /** Of the client. */
      readonly number: number;
      readonly peerId: PeerId;
      readonly ipv4: string | null;
      /** From the first packet on. */
      readonly after: Millis;
    }
  | { readonly type: 'renegotiated'; readonly number: number }
  /** By itself: not after `remove` or `leave`. */
  | { readonly type: 'ended'; readonly number: number; readonly wasConnected: boolean; readonly reason: string };

/** Many clients behind the verbs of one: a client's number is the `listener` of its paths. */
export class Fleet implements Protocol<FleetEvent> {
  readonly #input: FleetInput;
  readonly #members = new Map<number, Member>();
  readonly #byPeerId = new Map<PeerId, Member>();
  readonly #deadlines = new DeadlineQueue<Member>();
  readonly #progressed = new Set<Member>();
  readonly #outbox = new Outbox<FleetEvent>();

  constructor(input: FleetInput) {
    this.#input = input;
  }

  start(now: Millis, number: number): void {
    const { client: options, crypto, unixNow } = this.#input;
    const tls = new ReleasableTls(this.#input.tls);
    const onTlsProgress = (): void => {
      this.#progressed.add(member);
      this.#input.onTlsProgress();
    };
    const remote = { ...options.remote, listener: number };
    const client = new Client({ ...options, remote }, { crypto, tls, onTlsProgress }, now, unixNow());
    const member: Member = { number, client, tls, startedAt: now, peerId: null };
    this.#members.set(number, member);
    this.#settle(now, member);
  }

  /** Every server is told on the data channel, and at once: a control session that is wound up would take seconds. */
  leave(): void {
    for (const peerId of this.#byPeerId.keys()) {
      this.#outbox.commands.push({ type: 'notify-exit', peerId });
      this.#outbox.commands.push({ type: 'remove-peer', peerId });
    }
    for (const member of this.#members.values()) {
      member.tls.release();
      this.#deadlines.set(member, undefined);
    }
    this.#members.clear();
    this.#byPeerId.clear();
    this.#progressed.clear();
  }

  /** One client goes, at once and without an event: the server is told on the data channel, or not at all. */
  remove(number: number, goodbye: boolean): void {
    const member = this.#members.get(number);
    if (member === undefined) return;
    this.#members.delete(number);
    this.#progressed.delete(member);
    this.#deadlines.set(member, undefined);
    member.tls.release();
    const { peerId } = member;
    if (peerId === null || this.#byPeerId.get(peerId) !== member) return;
    this.#byPeerId.delete(peerId);
    if (goodbye) this.#outbox.commands.push({ type: 'notify-exit', peerId });
    this.#outbox.commands.push({ type: 'remove-peer', peerId });
  }

  handleDatagram(now: Millis, path: Path, bytes: Uint8Array): void {
    const member = this.#members.get(path.listener);
    if (member === undefined) return;
    member.client.handleDatagram(now, path, bytes);
    this.#settle(now, member);
  }

  handleDataEvent(now: Millis, event: DataEvent): void {
    if (event.type === 'reset') {
      for (const member of this.#byPeerId.values()) this.#handDataEvent(now, member, event);
      return;
    }
    // These clients come over UDP, and nobody comes to them.
    if (event.type === 'closed' || event.type === 'rate-limited') return;
    const member = this.#byPeerId.get(event.peerId);
    if (member !== undefined) this.#handDataEvent(now, member, event);
  }

  #handDataEvent(now: Millis, member: Member, event: DataEvent): void {
    member.client.handleDataEvent(now, event);
    this.#settle(now, member);
  }

  handleTls(now: Millis): void {
    const members = [...this.#progressed];
    this.#progressed.clear();
    for (const member of members) {
      member.client.handleTls(now);
      this.#settle(now, member);
    }
  }

  handleTimeout(now: Millis): void {
    for (let due = this.#deadlines.pollDue(now); due !== undefined; due = this.#deadlines.pollDue(now)) {
      due.client.handleTimeout(now);
      this.#settle(now, due);
    }
  }

  pollTimeout(): Deadline | undefined {
    return this.#deadlines.peek();
  }

  pollCommand(): DataCommand | undefined {
    return this.#outbox.commands.poll();
  }

  pollTransmit(): Transmit | undefined {
    return this.#outbox.transmits.poll();
  }

  pollEvent(): FleetEvent | undefined {
    return this.#outbox.events.poll();
  }

  /** Takes over what the member has to say. Its commands come before its transmits, as with a single client. */
  #settle(now: Millis, member: Member): void {
    const { client } = member;
    const { commands, transmits } = this.#outbox;
    for (let command = client.pollCommand(); command !== undefined; command = client.pollCommand())
      commands.push(command);
    for (let transmit = client.pollTransmit(); transmit !== undefined; transmit = client.pollTransmit())
      transmits.push(transmit);
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent())
      this.#handleEvent(now, member, event);
    this.#deadlines.set(member, client.pollTimeout());
    // It may have had news after another one has begun with its number.
    if (client.isEnded && this.#members.get(member.number) === member) this.#members.delete(member.number);
  }

  #handleEvent(now: Millis, member: Member, event: ClientEvent): void {
    switch (event.type) {
      case 'connected':
        member.peerId = event.peerId;
        this.#byPeerId.set(event.peerId, member);
        this.#outbox.events.push({
          type: 'connected',
          number: member.number,
          peerId: event.peerId,
          ipv4: event.options.ifconfig?.address ?? null,
          after: now - member.startedAt,
        });
        member.tls.release();
        break;
      case 'renegotiated':
        member.tls.release();
        this.#outbox.events.push({ type: 'renegotiated', number: member.number });
        break;
      case 'ended':
        this.#handleEnd(member, event.detail === '' ? event.reason : `${event.reason}: ${event.detail}`);
        break;
      case 'info':
      case 'auth-pending':
        break;
    }
  }

  #handleEnd(member: Member, reason: string): void {
    const wasConnected = member.peerId !== null;
    // The id may have been dealt to another client in between.
    if (member.peerId !== null && this.#byPeerId.get(member.peerId) === member) this.#byPeerId.delete(member.peerId);
    this.#outbox.events.push({ type: 'ended', number: member.number, wasConnected, reason });
  }
}

interface Member {
  readonly number: number;
  readonly client: Client;
  readonly tls: ReleasableTls;
  readonly startedAt: Millis;
  peerId: PeerId | null;
}
