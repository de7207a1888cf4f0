import type { DataCommand, DataEvent } from '../data-plane.js';
import { createDropCounters, type DropReason, isDrop } from '../drop-reason.js';
import { isStream, listenerIndex, type Millis, type Path, type PeerId, type UnixSeconds } from '../ids.js';
import type { Deadline } from '../session/deadline.js';
import { DeadlineQueue } from '../session/deadline-queue.js';
import { Outbox, type Transmit } from '../session/outbox.js';
import { WallClock } from '../session/wall-clock.js';
import { PacketReader } from '../wire/cursor.js';
import type { Notice } from '../wire/notice.js';
import { continuesSession, decodeFirstByte } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import { decodePacketHead } from '../wrap/packet-head.js';
import { type Admission, AdmissionGate } from './admission.js';
import type { AuthDecision } from './auth-decision.js';
import { DropReports } from './drop-reports.js';
import { handleDataEvent } from './handle-data-event.js';
import type { KeyVerdict } from './key-verdicts.js';
import { openSession } from './open-session.js';
import { PeerIdPool } from './peer-id-pool.js';
import { Questions } from './questions.js';
import { randomLifeShare } from './random-life-share.js';
import { restorePeers } from './restore-peers.js';
import type { InheritedPeer } from './restore-session.js';
import type { EndReason, LeaseDecision, ServerEvent } from './server-event.js';
import type { LiveOptions, ServerOptions } from './server-options.js';
import type { ServerPorts } from './server-ports.js';
import { ServerSession } from './server-session.js';
import type { SessionHost } from './session-host.js';
import { SessionTable } from './session-table.js';
import { type SharedOptions, sharedOptions } from './shared-options.js';
import { SnapshotBook, type SnapshotChange } from './snapshot-book.js';
import { isHandshaking, isOver } from './stage.js';
import { type Succession, successionOf } from './succession.js';
import type { PushUpdate } from './update-client.js';

/**
 * The protocol of one shard. The drive loop is: hand in what happened (`handle*`), then drain `pollCommand`,
 * `pollTransmit`, `pollEvent` in this order until each is empty, then arm a timer for `pollTimeout`.
 * Nothing here throws because of what a peer sent.
 */
export class Server {
  #options: ServerOptions;
  readonly #context: SessionHost<ServerSession> & { -readonly [K in keyof SharedOptions]: SharedOptions[K] };
  readonly #gate: AdmissionGate;
  readonly #outbox = new Outbox<ServerEvent>();
  readonly #table = new SessionTable();
  readonly #snapshots: SnapshotBook;
  readonly #questions = new Questions();
  readonly #deadlines = new DeadlineQueue<ServerSession>();
  /** Sessions whose TLS engine has news. */
  readonly #progressed = new Set<ServerSession>();
  /** About to be closed. */
  readonly #leftListeners = new Set<number>();
  readonly #drops = createDropCounters();
  readonly #reports = new DropReports((event) => this.#outbox.events.push(event));
  readonly #busyWith: (peerId: PeerId | null) => void;
  #handshakes = 0;
  #isShutDown = false;

  constructor(options: ServerOptions, ports: ServerPorts, now: Millis, unixNow: UnixSeconds) {
    const clock = new WallClock(now, unixNow);
    this.#options = options;
    this.#busyWith = ports.onBusyWith ?? (() => undefined);
    this.#snapshots = new SnapshotBook(this.#busyWith);
    this.#gate = new AdmissionGate(options, ports.crypto, clock, (question) =>
      this.#outbox.events.push({ type: 'verify-key', ...question }),
    );
    const handleProgress = (session: ServerSession) => (): void => {
      this.#progressed.add(session);
      ports.onTlsProgress();
    };
    this.#context = {
      ...sharedOptions(options),
      crypto: ports.crypto,
      clock,
      outbox: this.#outbox,
      peerIds: new PeerIdPool(options.shard, options.shards),
      lifeShare: () => randomLifeShare(ports.crypto),
      tlsOf: (session) => ({
        open: () => ports.tls.open('server', handleProgress(session)),
        resume: (kept) => ports.tls.resume?.(kept, handleProgress(session)) ?? null,
      }),
      count: (reason) => {
        this.#drops[reason]++;
      },
      ask: (session, peerId) => this.#questions.ask(session, peerId ?? null),
      handleAuthenticated: (at, session) => this.#replaceOlder(at, session),
      predecessorOf: (at, session) => this.#predecessorOf(at, session),
      giveWay: (older) => this.#run(older, () => older.giveWay()),
      handleConnected: (session, peerId) => this.#handleConnected(session, peerId),
    };
    this.#outbox.commands.push({ type: 'admit-by', order: this.#gate.order(now) });
  }

  /** Control packets that were not taken, by reason. */
  get drops(): Readonly<Record<DropReason, number>> {
    return this.#drops;
  }

  /** Sessions that are not connected yet. */
  get handshakes(): number {
    return this.#handshakes;
  }

  /** After `shutdown`: nothing is left to be sent or waited for. */
  get isDrained(): boolean {
    return this.#isShutDown && this.#table.size === 0;
  }

  /** `bytes` are read during the call only. */
  handleDatagram(now: Millis, path: Path, bytes: Uint8Array): void {
    const head = decodePacketHead(new PacketReader(bytes));
    const drop = isDrop(head) ? head : this.#handleControlPacket(now, path, head.sessionId, bytes);
    if (drop !== null) {
      this.#drops[drop]++;
    }
  }

  /** To be called after `onTlsProgress`. */
  handleTls(now: Millis): void {
    const sessions = [...this.#progressed];
    this.#progressed.clear();
    for (const session of sessions) {
      this.#run(session, () => session.handleTls(now));
    }
  }

  handleDataEvent(now: Millis, event: DataEvent): void {
    if (event.type === 'closed') this.#gate.forgetPath(event.path);
    handleDataEvent(now, event, {
      table: this.#table,
      run: (session, step) => this.#run(session, step),
      tell: (told) => this.#outbox.events.push(told),
      turnAway: (path, reason) => this.#context.count(this.#reports.report(now, path, reason)),
    });
  }

  /** Answer to a `verify-key` event: whoever has waited for it comes in, or does not. */
  handleKeyVerdict(now: Millis, key: string, verdict: KeyVerdict): void {
    for (const { path, bytes } of this.#gate.settleKey(now, key, verdict)) {
      this.handleDatagram(now, path, bytes);
    }
  }

  /** Answer to an `authenticate` event; the question stays open behind `pending`. */
  handleAuthDecision(now: Millis, request: number, decision: AuthDecision): void {
    const question = decision.type === 'pending' ? this.#questions.find(request) : this.#questions.take(request);
    if (question !== undefined) {
      const { session } = question;
      this.#run(session, () => session.handleAuthDecision(now, request, decision));
    }
  }

  /** Answer to a `lease` event. A lease that comes too late is given back by a `disconnected` event. */
  handleLeaseDecision(now: Millis, request: number, decision: LeaseDecision): void {
    const question = this.#questions.take(request);
    if (question === undefined || question.peerId === null) {
      return;
    }
    const { session, peerId } = question;
    const { stage } = session;
    if (!isOver(stage)) {
      this.#run(session, () => session.handleLeaseDecision(now, decision));
      return;
    }
    this.#context.peerIds.release(now, peerId);
    if (decision.type === 'lease') {
      this.#outbox.events.push({
        type: 'disconnected',
        peerId,
        reason: stage.reason,
        detail: 'gone before its lease came',
      });
    }
  }

  /** Ends a connected client, and tells it by `notice` or where the protocol has a word for the reason. */
  disconnect(now: Millis, peerId: PeerId, reason: EndReason, detail: string, notice: Notice | null = null): void {
    const session = this.#table.byPeerId(peerId);
    if (session !== undefined) {
      this.#run(session, () => session.end(now, reason, detail, notice));
    }
  }

  /** Gives a connected client new options; why not, or null. [wire 15] */
  pushUpdate(now: Millis, peerId: PeerId, update: PushUpdate): string | null {
    const session = this.#table.byPeerId(peerId);
    return session === undefined ? 'the client has left' : this.#run(session, () => session.pushUpdate(now, update));
  }

  /** Shows a connected client a line. [wire 15] */
  sendInfo(now: Millis, peerId: PeerId, text: string): void {
    const session = this.#table.byPeerId(peerId);
    if (session !== undefined) {
      this.#run(session, () => session.sendInfo(now, text));
    }
  }

  /**
   * Goes on with the clients of a server that is gone, whose data thread lives. Once, before anything else is handed in.
   * Clients whose snapshot is missing or unusable lose their peer, and are told to connect again.
   */
  restore(now: Millis, peers: readonly InheritedPeer[]): void {
    restorePeers(now, peers, {
      context: this.#context,
      add: (peerId, session) => {
        this.#table.add(session);
        this.#table.setPeerId(peerId, session);
        this.#run(session, () => undefined);
      },
      dropSnapshot: (peerId) => this.#snapshots.drop(peerId),
      busyWith: this.#busyWith,
    });
  }

  /** Tells the clients of a listener that is about to be closed to connect elsewhere, and takes nobody there any more. */
  leaveListener(now: Millis, listener: number): void {
    this.#leftListeners.add(listener);
    for (const session of this.#table.all()) {
      if (listenerIndex(session.path) === listener) {
        this.#run(session, () => session.end(now, 'listener-closed', 'the server no longer listens there'));
      }
    }
  }

  /** For the sessions from now on; those that are there keep their times, ciphers and what was pushed to them. */
  reconfigure(now: Millis, options: LiveOptions): void {
    this.#options = { ...this.#options, ...options };
    Object.assign(this.#context, sharedOptions(this.#options));
    this.#gate.reconfigure(this.#options);
    this.#outbox.commands.push({ type: 'admit-by', order: this.#gate.order(now) });
  }

  /** The wall clock of the machine, now and then: what has been decided by it stays. */
  handleWallClock(now: Millis, unixNow: UnixSeconds): void {
    if (this.#context.clock.follow(now, unixNow) && !this.#isShutDown) {
      this.#outbox.commands.push({ type: 'admit-by', order: this.#gate.order(now) });
    }
  }

  /** Says goodbye to everybody and takes nobody any more. `isDrained` within about two seconds. */
  shutdown(now: Millis): void {
    this.#isShutDown = true;
    this.#outbox.commands.push({ type: 'admit-by', order: null });
    for (const session of this.#table.all()) {
      this.#run(session, () => session.shutdown(now));
    }
  }

  handleTimeout(now: Millis): void {
    for (let session = this.#deadlines.pollDue(now); session !== undefined; session = this.#deadlines.pollDue(now)) {
      const due = session;
      this.#run(due, () => due.handleTimeout(now));
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

  /** To be kept when the commands of the turn take effect: a server is restored as if it had said them. */
  pollSnapshot(): SnapshotChange | undefined {
    return this.#snapshots.poll(this.#context.peerIds.nextFresh);
  }

  pollEvent(): ServerEvent | undefined {
    return this.#outbox.events.poll();
  }

  #handleControlPacket(now: Millis, path: Path, clientId: SessionId, bytes: Uint8Array): DropReason | null {
    const session = this.#table.find(path, clientId);
    if (session !== undefined) {
      return this.#run(session, () => session.handleDatagram(now, bytes));
    }
    const admission = this.#admit(now, path, bytes);
    if (isDrop(admission)) {
      this.#closeUnused(path);
      // A client that moves in the middle of a renegotiation is no stranger with a wrong key.
      return continuesSession(decodeFirstByte(bytes[0] ?? 0).opcode)
        ? admission
        : this.#reports.report(now, path, admission);
    }
    if (admission.type === 'held') return null;
    if (admission.type === 'reply') {
      this.#outbox.transmits.push({ path, bytes: admission.bytes });
      return null;
    }
    const { protection } = admission;
    const cookie = admission.type === 'admit' ? admission.serverId : null;
    const admitted = new ServerSession(
      this.#context,
      clientId,
      openSession({ path, clientId, cookie, protection }),
      now,
    );
    this.#table.add(admitted);
    this.#handshakes++;
    return this.#run(admitted, () => admitted.handleDatagram(now, bytes));
  }

  #admit(now: Millis, path: Path, bytes: Uint8Array): Admission | DropReason {
    if (isStream(path) && this.#isHandshakingAt(path)) {
      return 'unknown-session';
    }
    const hasClient = this.#hasClientAt(path);
    const admission = this.#gate.handlePacket(now, path, bytes, hasClient);
    if (isDrop(admission)) {
      return admission;
    }
    if (this.#isShutDown || this.#leftListeners.has(listenerIndex(path))) {
      return 'session-closing';
    }
    const isFull = admission.type.startsWith('admit') && this.#table.size >= this.#options.maxSessions;
    // A connected client may begin anew, once at a time, however many strangers there are.
    const isSuccessor = hasClient && !this.#isHandshakingAt(path);
    return isFull && !isSuccessor ? 'too-many-sessions' : admission;
  }

  #hasClientAt(path: Path): boolean {
    return this.#table.atPath(path).some(({ peerId }) => peerId !== null);
  }

  /** A connection is one client's, which has one handshake at a time: no connection fills the table by itself. */
  #isHandshakingAt(path: Path): boolean {
    return this.#table.atPath(path).some(({ stage }) => isHandshaking(stage));
  }

  /** A connection without a session would stay for nothing. */
  #closeUnused(path: Path): void {
    if (isStream(path) && this.#table.atPath(path).length === 0) {
      this.#outbox.commands.push({ type: 'close-connection', path });
    }
  }

  /** Runs one step of a session and brings the server's books up to date with what it has become. */
  #run<T>(session: ServerSession, step: () => T): T {
    const wasHandshaking = isHandshaking(session.stage);
    const { peerId } = session;
    if (peerId !== null) this.#busyWith(peerId);
    const result = step();
    if (peerId !== null) this.#busyWith(null);
    const { stage } = session;
    if (wasHandshaking && !isHandshaking(stage)) {
      this.#handshakes--;
    }
    if (peerId !== null && session.peerId === null) {
      this.#table.clearPeerId(peerId);
    }
    if (isOver(stage)) {
      for (const request of this.#questions.forget(session)) {
        this.#outbox.events.push({ type: 'auth-withdrawn', request });
      }
    }
    if (stage.type === 'gone') {
      this.#table.remove(session);
      this.#progressed.delete(session);
      session.destroy();
      if (stage.reason !== 'connection-closed') this.#closeUnused(session.path);
    }
    this.#deadlines.set(session, session.nextDeadline);
    this.#snapshots.note(session);
    return result;
  }

  /** One client per address: the newcomer has proved itself. [wire 7] */
  #replaceOlder(now: Millis, session: ServerSession): void {
    for (const other of this.#table.atPath(session.path)) {
      if (other !== session) {
        this.#run(other, () => other.end(now, 'replaced', 'the client started anew from the same address'));
      }
    }
  }

  #predecessorOf(now: Millis, newer: ServerSession): { session: ServerSession; left: Succession } | null {
    for (const session of this.#table.atPath(newer.path)) {
      const left = session === newer ? null : successionOf(now, session, newer.stage);
      if (left !== null) return { session, left };
    }
    return null;
  }

  #handleConnected(session: ServerSession, peerId: PeerId): void {
    this.#table.setPeerId(peerId, session);
    this.#gate.refund(session.path);
  }
}
