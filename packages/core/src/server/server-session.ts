import { type DropReason, isDrop } from '../drop-reason.js';
import { assertNever } from '../errors.js';
import type { KeyId, Millis, Path, PeerId } from '../ids.js';
import { type Deadline, deadline, earliest } from '../session/deadline.js';
import type { KeyChannelEvent } from '../session/key-channel.js';
import type { KeyExchange } from '../session/key-exchange.js';
import type { Key, Session, SessionHandler } from '../session/session.js';
import { parseControlMessage, splitControlMessages } from '../wire/control-message.js';
import { OPCODE } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import { handleKeyMethod } from './await-key-method.js';
import { connectClient, describeClient, renegotiatedKeys } from './connect-client.js';
import { closedStage, type Farewell, farewellMessage, SHUTDOWN_LINGER, sendFarewell, withText } from './farewell.js';
import { finishRenegotiation } from './finish-renegotiation.js';
import type { IdentityLock } from './identity-lock.js';
import type { Opening } from './open-session.js';
import { timeoutHint, tlsHint } from './refusal-hint.js';
import type { AuthDecision, EndReason, Lease, LeaseDecision } from './server-event.js';
import type { ServerPhase } from './server-phase.js';
import type { SessionHost } from './session-host.js';
import { isHandshaking, isOver, type KnownClient, type Stage, type StageOf } from './stage.js';

/** One client at the server, from the echoed cookie to its last ack. */
export class ServerSession implements SessionHandler<ServerPhase> {
  readonly clientId: SessionId;
  readonly #context: SessionHost<ServerSession>;
  readonly #session: Session<ServerPhase>;
  readonly #handshakeEnd: Millis;
  #stage: Stage;
  #touchedAt = Number.NEGATIVE_INFINITY;
  #renegotiationFault = '';

  constructor(context: SessionHost<ServerSession>, clientId: SessionId, open: Opening, now: Millis) {
    this.#context = context;
    this.clientId = clientId;
    this.#handshakeEnd = now + context.times.handWindow;
    const { session, stage } = open(context, this, () => context.openTls(this), now);
    this.#session = session;
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

  /** Identity of a connected client, for the comparison with an older self. */
  get lock(): IdentityLock | null {
    return this.#stage.type === 'connected' ? this.#stage.client.lock : null;
  }

  get nextDeadline(): Deadline | undefined {
    const stage = this.#stage;
    if (stage.type === 'gone') {
      return undefined;
    }
    const closing = stage.type === 'closing' ? deadline(stage.until, 'end of a closed session') : undefined;
    const handshake = isHandshaking(stage) ? deadline(this.#handshakeEnd, 'hand-window') : undefined;
    return earliest([this.#session.nextDeadline, closing, handshake]);
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
      this.#touch(now);
      this.#session.settle(now);
    }
    return drop;
  }

  /** TLS has news. */
  handleTls(now: Millis): void {
    this.#session.settle(now);
  }

  handleAuthDecision(now: Millis, request: number, decision: AuthDecision): void {
    const stage = this.#stage;
    const key = this.#session.keys.find(({ phase }) => phase.type === 'await-auth' && phase.request === request);
    if (key?.phase.type !== 'await-auth') {
      return;
    }
    if (decision.type === 'refuse') {
      const reply = withText('AUTH_FAILED', decision.reason);
      this.#finish(now, 'auth-failed', decision.reason, '', { message: reply, key });
    } else if (stage.type === 'handshaking' && stage.client !== null) {
      this.#stage = { type: 'await-push-request', client: stage.client, exchange: key.phase.exchange, asked: false };
      key.phase = { type: 'complete' };
      this.#context.handleAuthenticated(now, this);
    } else if (stage.type === 'connected') {
      const { tls } = key.phase;
      this.#context.outbox.events.push({ type: 'renegotiated', peerId: stage.peerId, tls });
      this.#stage = { ...stage, client: { ...stage.client, tls } };
      key.phase = { type: 'complete' };
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
      const temporary = stage.client.choice.features.temporaryAuthFailure ? 'TEMP: ' : '';
      const message = withText('AUTH_FAILED', temporary + decision.reason);
      this.#finish(now, 'auth-failed', decision.reason, '', { message, key: this.#session.current });
    }
    this.#session.settle(now);
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
    } else if (isHandshaking(stage) && this.#handshakeEnd <= now) {
      const { detail, hint } = timeoutHint(stage.type, this.#session.current.phase);
      this.#finish(now, 'handshake-timeout', detail, hint, null);
    } else if (stage.type !== 'gone') {
      this.#session.handleTimeout(now);
      this.#session.settle(now);
    }
  }

  /** Ends the connection; tells the client where the protocol has a word for it. */
  end(now: Millis, reason: EndReason, detail: string): void {
    const message = farewellMessage(reason, detail, this.#context.options.explicitExitNotify);
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

  firstPhase(): ServerPhase {
    return { type: 'await-tls' };
  }

  handleTlsEvent(now: Millis, key: Key<ServerPhase>, event: KeyChannelEvent): void {
    if (isOver(this.#stage)) {
      finishRenegotiation(now, this.#context, this.#session, key, event);
      return;
    }
    switch (event.type) {
      case 'established':
        this.#handleEstablished(now, key, event);
        break;
      case 'plaintext':
        this.#handlePlaintext(now, key, event.bytes);
        break;
      case 'failed':
        this.#handleKeyFault(now, key, 'tls-failed', event.reason);
        break;
      default:
        assertNever(event);
    }
  }

  handleSettled(now: Millis): void {
    const stage = this.#stage;
    if (stage.type === 'closing' && stage.whenFlushed && this.#session.isFlushed) {
      this.#stage = { type: 'gone', reason: stage.reason };
    }
    if (stage.type !== 'await-push-request' || !this.#session.current.channel.isFlushed) {
      return;
    }
    if (stage.asked || stage.client.choice.features.requestPush) {
      this.#askForLease(now, stage);
    }
  }

  handleRenegotiationFailed(_now: Millis, detail: string): void {
    this.#renegotiationFault = detail;
  }

  handleKeysExpired(now: Millis): void {
    this.end(now, 'renegotiation-failed', this.#renegotiationFault || 'no renegotiation succeeded within tran-window');
  }

  #handleEstablished(
    now: Millis,
    key: Key<ServerPhase>,
    event: Extract<KeyChannelEvent, { type: 'established' }>,
  ): void {
    const { certificate, version, cipher } = event;
    if (certificate === null && this.#context.options.clientCertificate === 'require') {
      this.#handleKeyFault(now, key, 'tls-failed', 'the peer did not return a certificate');
    } else if (key.phase.type === 'await-tls') {
      key.phase = { type: 'await-key-method', certificate, tls: `${version} ${cipher}` };
    }
  }

  #handlePlaintext(now: Millis, key: Key<ServerPhase>, bytes: Uint8Array): void {
    if (key.phase.type === 'await-key-method') {
      this.#handleKeyMethod(now, key, key.phase, bytes);
      return;
    }
    for (const text of splitControlMessages(bytes)) {
      this.#handleMessage(now, text);
    }
  }

  #handleKeyMethod(
    now: Millis,
    key: Key<ServerPhase>,
    phase: Extract<ServerPhase, { type: 'await-key-method' }>,
    bytes: Uint8Array,
  ): void {
    const known = this.#stage.type === 'connected' ? this.#stage.client : null;
    const outcome = handleKeyMethod(this.#context, key, phase, bytes, this.path, known);
    switch (outcome.type) {
      case 'broken':
        this.#handleKeyFault(now, key, 'protocol-error', outcome.detail);
        break;
      case 'refused':
        this.#finish(now, 'auth-failed', outcome.detail, outcome.hint, { message: outcome.reply, key });
        break;
      case 'ask': {
        const { client, password, exchange } = outcome;
        if (known !== null && !this.#installRenegotiated(now, key, exchange, known)) {
          return;
        }
        const request = this.#context.ask(this);
        key.phase = { type: 'await-auth', request, exchange, tls: client.tls };
        if (known === null) {
          this.#stage = { type: 'handshaking', client };
        }
        const { identity } = client;
        this.#context.outbox.events.push({
          type: 'authenticate',
          request,
          identity,
          password,
          renegotiation: known !== null,
        });
        break;
      }
      default:
        assertNever(outcome);
    }
  }

  #handleMessage(now: Millis, text: string): void {
    const stage = this.#stage;
    const message = parseControlMessage(text);
    if (message.type === 'exit') {
      this.end(now, 'exit-notify', 'the client said goodbye');
    } else if (message.type === 'push-request') {
      if (stage.type === 'await-push-request') {
        this.#stage = { ...stage, asked: true };
      } else if (stage.type === 'connected' && now >= stage.pushedAt + PUSH_REPEAT) {
        this.#push(stage.pushed);
        this.#stage = { ...stage, pushedAt: now };
      }
    }
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
    const peerId = this.#context.peerIds.take(now);
    if (peerId === null) {
      this.#finish(now, 'auth-failed', 'no peer-id is free', '', {
        message: 'AUTH_FAILED',
        key: this.#session.current,
      });
      return;
    }
    const request = this.#context.ask(this, peerId);
    const { client, exchange } = stage;
    this.#stage = { type: 'await-lease', client, exchange, peerId };
    this.#context.outbox.events.push({ type: 'lease', request, identity: client.identity, peerId });
  }

  #connect(now: Millis, stage: StageOf<'await-lease'>, lease: Lease): void {
    const { client, peerId } = stage;
    const result = connectClient(now, this.#context, this.#session, stage, lease);
    const pushed = 'fault' in result ? [] : result;
    const since = this.#context.clock.unixAt(now);
    this.#stage = { type: 'connected', client, lease, peerId, pushed, pushedAt: now, since };
    if ('fault' in result) {
      this.end(now, 'protocol-error', result.fault);
      return;
    }
    this.#push(pushed);
    this.#context.handleConnected(this, peerId);
    this.#context.outbox.events.push({ type: 'connected', client: describeClient(client, peerId, lease, since) });
  }

  #push(messages: readonly string[]): void {
    for (const message of messages) {
      this.#session.sendMessage(message);
    }
  }

  /**
   * Before our key-method message leaves: the client seals with the new key as soon as it has that. The identity is the
   * locked one, and a refusal still to come ends the whole client. [wire 12.6, 17]
   */
  #installRenegotiated(now: Millis, key: Key<ServerPhase>, exchange: KeyExchange, client: KnownClient): boolean {
    const keys = renegotiatedKeys(this.#context, this.#session, key, exchange, client);
    if (keys === null) this.#session.abandonNext(now, 'the data keys came out unusable');
    else this.#session.completeNext(now, keys);
    return keys !== null;
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
    const { outbox, peerIds } = this.#context;
    if (stage.type === 'connected') {
      if (this.#session.hasDataKeys) {
        outbox.commands.push({ type: 'remove-peer', peerId: stage.peerId });
      }
      outbox.events.push({ type: 'disconnected', peerId: stage.peerId, reason, detail });
      peerIds.release(now, stage.peerId);
    } else {
      outbox.events.push({ type: 'refused', path: this.path, reason, detail, hint });
    }
    this.#session.stopData();
    this.#stage = closedStage(now, reason, farewell !== null);
  }

  /** At most one order a second: the data thread counts in seconds. */
  #touch(now: Millis): void {
    const { peerId } = this;
    if (peerId !== null && now >= this.#touchedAt + TOUCH_PERIOD) {
      this.#touchedAt = now;
      this.#context.outbox.commands.push({ type: 'touch-peer', peerId });
    }
  }
}

/** Repeated PUSH_REQUESTs are not answered for so long. [wire 15] */
const PUSH_REPEAT: Millis = 30_000;
const TOUCH_PERIOD: Millis = 1000;
