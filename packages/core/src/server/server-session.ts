import { type DropReason, isDrop } from '../drop-reason.js';
import { assertNever } from '../errors.js';
import { isStream, type KeyId, type Millis, type Path, type PeerId } from '../ids.js';
import { type Deadline, earliest } from '../session/deadline.js';
import type { KeyChannelEvent } from '../session/key-channel.js';
import type { Key, Session, SessionHandler } from '../session/session.js';
import { parseControlMessage } from '../wire/control-message.js';
import type { Notice } from '../wire/notice.js';
import { OPCODE } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import type { AuthDecision, AuthRefusal } from './auth-decision.js';
import { type AskedKey, AuthDialogue } from './auth-dialogue.js';
import { connectClient, describeClient } from './connect-client.js';
import { closedStage, type Farewell, farewellMessage, SHUTDOWN_LINGER, sendFarewell, withText } from './farewell.js';
import { finishRenegotiation } from './finish-renegotiation.js';
import { Heir } from './heir.js';
import { LifeSigns } from './life-signs.js';
import { type KeyNegotiation, negotiateKey } from './negotiate-key.js';
import type { Opening } from './open-session.js';
import { timeoutHint, tlsHint } from './refusal-hint.js';
import { refusalMessage } from './refusal-message.js';
import type { EndReason, Lease, LeaseDecision } from './server-event.js';
import type { ServerPhase } from './server-phase.js';
import type { SessionHost } from './session-host.js';
import { isHandshaking, isOver, PUSH_REPEAT, type Stage, type StageOf, stageDeadline } from './stage.js';
import { tellEnd } from './tell-end.js';
import { type PushUpdate, updateClient } from './update-client.js';

/** One client at the server, from the echoed cookie to its last ack. */
export class ServerSession implements SessionHandler<ServerPhase> {
  readonly clientId: SessionId;
  readonly #context: SessionHost<ServerSession>;
  readonly #session: Session<ServerPhase>;
  readonly #auth: AuthDialogue;
  readonly #heir: Heir;
  #handshakeEnd: Millis;
  #stage: Stage;
  readonly #signs: LifeSigns;
  #renegotiationFault = '';

  constructor(context: SessionHost<ServerSession>, clientId: SessionId, open: Opening, now: Millis) {
    this.#context = context;
    this.#signs = new LifeSigns(context.outbox.commands);
    this.clientId = clientId;
    this.#handshakeEnd = now + context.times.handWindow;
    const { session, stage } = open(context, this, context.tlsOf(this), now);
    this.#session = session;
    this.#auth = new AuthDialogue(context, session);
    this.#heir = new Heir(context, session);
    this.#stage = stage;
  }

  /** For reading only: the server's snapshots are made of it. */
  get control(): Session<ServerPhase> {
    return this.#session;
  }

  get path(): Path {
    return this.#session.link.path;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Number of a connected client. */
  get peerId(): PeerId | null {
    return this.#stage.type === 'connected' ? this.#stage.peerId : null;
  }

  get nextDeadline(): Deadline | undefined {
    const handshakeEnd = this.#isDecided ? this.#handshakeEnd : null;
    const own = stageDeadline(this.#stage, handshakeEnd);
    return this.#stage.type === 'gone'
      ? undefined
      : earliest([this.#session.nextDeadline, own, isOver(this.#stage) ? undefined : this.#auth.nextDeadline]);
  }

  handleDatagram(now: Millis, bytes: Uint8Array): DropReason | null {
    const packet = this.#session.link.open(now, bytes);
    if (isDrop(packet)) {
      return packet;
    }
    if (packet.opcode === OPCODE.hardResetServerV2) {
      return 'wrong-direction';
    }
    const drop = this.#session.handlePacket(now, packet);
    if (drop === null) {
      this.#signs.note(now, this.peerId);
      this.#session.settle(now);
    }
    return drop;
  }

  /** TLS has news. */
  handleTls(now: Millis): void {
    this.#session.settle(now);
  }

  handleAuthDecision(now: Millis, request: number, decision: AuthDecision): void {
    const key = this.#auth.keyOf(request);
    if (key === null) return;
    if (decision.type === 'accept') {
      this.#accept(now, key, key.phase, decision.push ?? []);
    } else if (decision.type === 'pending') {
      const fault = this.#auth.wait(now, key, decision);
      if (fault !== null) this.#refuse(now, key, { type: 'refuse', reason: fault });
    } else {
      this.#refuse(now, key, decision);
    }
    this.#session.settle(now);
  }

  handleLeaseDecision(now: Millis, decision: LeaseDecision): void {
    const stage = this.#stage;
    if (stage.type !== 'await-lease') {
      return;
    }
    if (decision.type === 'lease') {
      this.#connect(now, stage, decision.lease);
    } else {
      this.#context.peerIds.release(now, stage.peerId);
      const type = decision.final ? 'refuse' : 'temporary';
      this.#refuse(now, this.#session.current, { type, reason: decision.reason });
    }
    this.#session.settle(now);
  }

  /** New options for a connected client; why not, or null. */
  pushUpdate(now: Millis, update: PushUpdate): string | null {
    if (this.#stage.type !== 'connected') return 'the client has left';
    const outcome = updateClient(this.#context, this.#stage, update);
    if ('fault' in outcome) return outcome.fault;
    this.#stage = outcome.stage;
    this.#push(outcome.messages);
    this.#session.settle(now);
    return null;
  }

  sendInfo(now: Millis, text: string): void {
    this.#push([withText('INFO', text)]);
    this.#session.settle(now);
  }

  /** Another session goes on with its peer: nothing is given back. */
  giveWay(): void {
    this.#session.stopData();
    this.#stage = { type: 'gone', reason: 'replaced' };
  }

  /** The data thread has seen the client at another address. */
  handleFloat(path: Path): void {
    this.#session.link.path = path;
  }

  /** The data thread's key is used up. */
  handleKeyLimit(now: Millis, keyId: KeyId): void {
    if (keyId === this.#session.current.channel.keyId) {
      this.#session.renegotiate(now);
    }
    this.#session.settle(now);
  }

  handleTimeout(now: Millis): void {
    const stage = this.#stage;
    if (stage.type === 'closing' && stage.until <= now) {
      this.#stage = { type: 'gone', reason: stage.reason };
    } else if (!isOver(stage) && this.#giveUpAsking(now)) {
      this.#session.settle(now);
    } else if (isHandshaking(stage) && this.#isDecided && this.#handshakeEnd <= now) {
      const { detail, hint } = timeoutHint(stage.type, this.#session.current.phase);
      this.#finish(now, 'handshake-timeout', detail, hint, null);
    } else if (stage.type === 'connected' && stage.endAt !== null && stage.endAt <= now) {
      this.end(now, 'session-timeout', 'connected for as long as session-timeout allows');
    } else if (stage.type !== 'gone') {
      this.#session.handleTimeout(now);
      this.#session.settle(now);
    }
  }

  /** Ends the connection; tells the client, by `notice` or where the protocol has a word for it. */
  end(now: Millis, reason: EndReason, detail: string, notice: Notice | null = null): void {
    const { explicitExitNotify } = this.#context.options;
    const message = farewellMessage(reason, detail, isStream(this.path) ? 0 : explicitExitNotify, notice);
    const told = message !== null && this.#stage.type === 'connected';
    this.#finish(now, reason, detail, '', told ? { message, key: null } : null);
    this.#session.settle(now);
  }

  /** The server ends: whoever is connected hears of it, handshakes just stop. */
  shutdown(now: Millis): void {
    const stage = this.#stage;
    if (stage.type === 'closing') {
      this.#stage = { ...stage, until: Math.min(stage.until, now + SHUTDOWN_LINGER), whenFlushed: true };
      this.#session.settle(now);
    } else {
      this.end(now, 'shutdown', 'the server shuts down');
    }
  }

  destroy(): void {
    this.#session.destroy();
  }

  get mayRenegotiate(): boolean {
    return this.#isDecided;
  }

  firstPhase(): ServerPhase {
    return { type: 'await-tls' };
  }

  handleTlsEvent(now: Millis, key: Key<ServerPhase>, event: KeyChannelEvent): void {
    if (isOver(this.#stage)) {
      finishRenegotiation(now, this.#context, this.#session, key, event);
      return;
    }
    const step = negotiateKey(now, this.#negotiation, key, event);
    switch (step.type) {
      case 'waiting':
        break;
      case 'messages':
        for (const text of step.texts) this.#handleMessage(now, text);
        break;
      case 'asked':
        if (this.#stage.type === 'handshaking') {
          this.#stage = { ...this.#stage, client: step.client };
        }
        if (step.accepted !== null) this.#accept(now, key, step.accepted, []);
        break;
      case 'refused':
        this.#finish(now, 'auth-failed', step.detail, step.hint, { message: step.reply, key });
        break;
      case 'fault':
        this.#handleKeyFault(now, key, step.reason, step.detail);
        break;
      default:
        assertNever(step);
    }
  }

  handleSettled(now: Millis): void {
    const stage = this.#stage;
    if (stage.type === 'closing' && stage.whenFlushed && this.#session.isFlushed) {
      this.#stage = { type: 'gone', reason: stage.reason };
    }
    if (stage.type === 'connected') this.#heir.settle(now);
    else if (stage.type === 'await-push-request') this.#comeIn(now, stage);
  }

  handleRenegotiationFailed(_now: Millis, detail: string): void {
    this.#renegotiationFault = detail;
  }

  handleKeysExpired(now: Millis): void {
    this.end(now, 'renegotiation-failed', this.#renegotiationFault || 'no renegotiation succeeded within tran-window');
  }

  get #negotiation(): KeyNegotiation {
    const known = this.#stage.type === 'connected' ? this.#stage.client : null;
    return {
      context: this.#context,
      session: this.#session,
      auth: this.#auth,
      path: this.path,
      known,
      ask: () => this.#context.ask(this),
      answerBy: known === null ? this.#handshakeEnd : Number.POSITIVE_INFINITY,
    };
  }

  #handleMessage(now: Millis, text: string): void {
    const stage = this.#stage;
    const message = parseControlMessage(text);
    if (message.type === 'exit') {
      this.end(now, 'exit-notify', 'the client said goodbye');
    } else if (message.type === 'push-request') {
      // compat(minivpn 0.0.7): it asks once, at once, while the login may still be undecided.
      if (stage.type === 'await-push-request' || stage.type === 'handshaking') {
        this.#stage = { ...stage, asked: true };
      } else if (stage.type === 'connected' && now >= stage.pushedAt + PUSH_REPEAT) {
        this.#push(stage.pushed);
        this.#stage = { ...stage, pushedAt: now };
      }
    } else if (message.type !== 'challenge-response' || !this.#auth.respond(message.response)) {
      this.#context.count('unexpected-message');
    }
  }

  #accept(now: Millis, key: Key<ServerPhase>, { exchange, tls, pending }: AskedKey, push: readonly string[]): void {
    const stage = this.#stage;
    key.phase = { type: 'complete' };
    if (stage.type === 'handshaking' && stage.client !== null) {
      const client = { ...stage.client, push };
      this.#stage = { type: 'await-push-request', client, exchange, asked: stage.asked };
      this.#handshakeEnd = pending ? now + this.#session.times.handWindow : this.#handshakeEnd;
    } else if (stage.type === 'connected') {
      this.#context.outbox.events.push({ type: 'renegotiated', peerId: stage.peerId, tls });
      this.#stage = { ...stage, client: { ...stage.client, tls } };
    }
  }

  #refuse(now: Millis, key: Key<ServerPhase>, refusal: AuthRefusal, hint = ''): void {
    const stage = this.#stage;
    const message = refusalMessage(refusal, isOver(stage) ? null : (stage.client?.choice.features ?? null));
    const detail = refusal.type === 'challenge' ? 'login: a challenge was sent' : (refusal.detail ?? refusal.reason);
    this.#finish(now, 'auth-failed', detail, hint || tlsHint(detail), { message, key });
  }

  /** True where a question has not been answered in time. */
  #giveUpAsking(now: Millis): boolean {
    const late = this.#auth.late(now);
    if (late !== null) this.#refuse(now, late.key, late.refusal, late.hint);
    return late !== null;
  }

  get #isDecided(): boolean {
    return this.#auth.nextDeadline === undefined;
  }

  /** Fatal for a handshake; a connected client goes on with its data keys and gets another TLS session. */
  #handleKeyFault(now: Millis, key: Key<ServerPhase>, reason: EndReason, detail: string): void {
    if (this.#stage.type !== 'connected') {
      this.#finish(now, reason, detail, tlsHint(detail), null);
    } else if (key === this.#session.current) {
      this.#session.renegotiate(now);
    } else {
      this.#session.abandonNext(now, detail);
    }
  }

  #askForLease(now: Millis, stage: StageOf<'await-push-request'>): void {
    this.#context.handleAuthenticated(now, this);
    const peerId = this.#context.peerIds.take(now);
    if (peerId === null) {
      this.#refuse(now, this.#session.current, { type: 'temporary', reason: 'no peer-id is free' });
      return;
    }
    const request = this.#context.ask(this, peerId);
    const { client, exchange } = stage;
    this.#stage = { type: 'await-lease', client, exchange, peerId };
    this.#context.outbox.events.push({ type: 'lease', request, identity: client.identity, peerId });
  }

  /** In the place of an older session, or with a lease of its own. */
  #comeIn(now: Millis, stage: StageOf<'await-push-request'>): void {
    const older = this.#context.predecessorOf(now, this);
    if (older !== null) {
      const next = this.#heir.takePlace(now, stage, older.left, () => this.#context.giveWay(older.session));
      if (next === null) return;
      this.#stage = next;
      this.#context.handleConnected(this, next.peerId);
      this.#heir.settle(now);
    } else if (this.#session.current.channel.isFlushed && (stage.asked || stage.client.choice.features.requestPush)) {
      this.#askForLease(now, stage);
    }
  }

  #connect(now: Millis, stage: StageOf<'await-lease'>, granted: Lease): void {
    const { next, fault } = connectClient(now, this.#context, this.#session, stage, granted);
    this.#stage = next;
    if (fault !== null) {
      this.end(now, 'protocol-error', fault);
      return;
    }
    this.#push(next.pushed);
    this.#context.handleConnected(this, next.peerId);
    this.#context.outbox.events.push({ type: 'connected', client: describeClient(next) });
  }

  #push(messages: readonly string[]): void {
    for (const message of messages) {
      this.#session.sendMessage(message);
    }
  }

  /** The end of everything but the acks: whatever the session holds is given back here. */
  #finish(now: Millis, reason: EndReason, detail: string, hint: string, farewell: Farewell | null): void {
    const stage = this.#stage;
    if (isOver(stage)) {
      return;
    }
    if (farewell !== null) {
      sendFarewell(now, this.#session, farewell);
    }
    tellEnd(now, this.#context, this.#session, stage, { reason, detail, hint });
    this.#stage = closedStage(now, reason, farewell !== null);
  }
}
