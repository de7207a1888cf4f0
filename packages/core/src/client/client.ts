import type { DataCommand, DataEvent } from '../data-plane.js';
import { createDropCounters, type DropReason, isDrop } from '../drop-reason.js';
import { assertNever } from '../errors.js';
import { asPeerId, type Millis, type Path, pathKey, type UnixSeconds } from '../ids.js';
import { OptionCollector } from '../negotiate/option-collector.js';
import { type PushedOptions, PushReplyCollector } from '../negotiate/pushed-options.js';
import type { CryptoProvider } from '../ports.js';
import { type Deadline, earliest } from '../session/deadline.js';
import type { KeyChannelEvent } from '../session/key-channel.js';
import { deriveDataKeys, keepKeyMethod } from '../session/key-exchange.js';
import { Outbox, type Transmit } from '../session/outbox.js';
import type { Key, Session, SessionHandler } from '../session/session.js';
import { parseAuthFailed } from '../wire/auth-failed.js';
import { type ControlMessage, parseControlMessage, splitControlMessages } from '../wire/control-message.js';
import { decodeKeyMethod, encodeKeyMethod } from '../wire/key-method.js';
import { OPCODE } from '../wire/opcode.js';
import { asksToResendKey } from '../wrap/early-negotiation.js';
import { createTlsCryptWrapper } from '../wrap/tls-crypt.js';
import type { ClientEndReason, ClientEvent } from './client-event.js';
import type { ClientOptions, ClientPorts } from './client-options.js';
import type { ClientPhase } from './client-phase.js';
import { type ClientStage, type Ending, isOver, stageDeadlines } from './client-stage.js';
import { CLOSE_LINGER, FIRST_PUSH_REQUEST, PUSH_REQUEST_PERIOD } from './client-times.js';
import { judgeDataEvent } from './handle-data-event.js';
import { infoEvent, pendingWait } from './handle-pending.js';
import { deriveFromPush, endFromPush, ordersFromPush, updateFromPush, withToken } from './handle-push.js';
import { isAnswerToReset, openSession, ownKeyMethod } from './open-session.js';
import { sayGoodbye } from './say-goodbye.js';

/**
 * One connection of a client, from its hard reset to its end; the mirror image of `Server` with the same verbs and
 * the same drive loop. A client that is to come back is a new `Client`.
 */
export class Client {
  readonly #options: ClientOptions;
  readonly #crypto: CryptoProvider;
  readonly #outbox = new Outbox<ClientEvent>();
  readonly #session: Session<ClientPhase>;
  readonly #pushReply: PushReplyCollector;
  readonly #pushUpdate = new OptionCollector();
  readonly #drops = createDropCounters();
  #handshakeEnd: Millis;
  #credentials: ClientOptions['credentials'];
  #stage: ClientStage = { type: 'handshaking' };

  /** The hard reset is ready to be polled. */
  constructor(options: ClientOptions, ports: ClientPorts, now: Millis, unixNow: UnixSeconds) {
    this.#options = options;
    this.#crypto = ports.crypto;
    this.#credentials = options.credentials;
    this.#pushReply = new PushReplyCollector(options.pullFilters);
    this.#handshakeEnd = now + 1000 * Math.min(options.connectTimeout, options.handWindow);
    const { commands, transmits } = this.#outbox;
    this.#session = openSession(options, ports, { commands, transmits, handler: this.#handler() }, now, unixNow);
    this.#session.settle(now);
  }

  get drops(): Readonly<Record<DropReason, number>> {
    return this.#drops;
  }

  /** Nothing is left to be sent or waited for. */
  get isEnded(): boolean {
    return this.#stage.type === 'ended';
  }

  get isConnected(): boolean {
    return this.#stage.type === 'connected';
  }

  /** `bytes` are read during the call only. */
  handleDatagram(now: Millis, path: Path, bytes: Uint8Array): void {
    if (this.#stage.type === 'ended') return;
    const drop = this.#handleControlPacket(now, path, bytes);
    if (drop === null) this.#session.settle(now);
    else this.#drops[drop]++;
  }

  handleTls(now: Millis): void {
    this.#session.settle(now);
  }

  handleDataEvent(now: Millis, event: DataEvent): void {
    const verdict = judgeDataEvent(event, this.#session.current.channel.keyId, this.#options, this.#stage);
    if (verdict?.type === 'renegotiate') {
      this.renegotiate(now);
    } else if (verdict?.type === 'leave') {
      this.#leave(now, verdict.reason, verdict.detail);
    } else if (verdict?.type === 'end') {
      this.#end(now, verdict.reason, verdict.detail);
    }
  }

  /** Asks for new keys. */
  renegotiate(now: Millis): void {
    this.#session.renegotiate(now);
    this.#session.settle(now);
  }

  /** The user's answer to a question of the server, in base64. [wire 15] */
  respond(now: Millis, answer: string): void {
    this.#session.sendMessage(`CR_RESPONSE,${answer}`);
    this.#session.settle(now);
  }

  /** Leaves. The server is told on the control channel when it has pushed `cc-exit`, else in the data channel. [wire 13, 15] */
  exit(now: Millis): void {
    this.#leave(now, 'exit', '');
  }

  handleTimeout(now: Millis): void {
    const stage = this.#stage;
    if (stage.type === 'closing' && stage.until <= now) {
      this.#vanish();
    } else if ((stage.type === 'handshaking' || stage.type === 'await-push') && this.#handshakeEnd <= now) {
      this.#end(now, 'handshake-timeout', 'the server did not connect us within hand-window');
    } else if (stage.type === 'connected' && stage.endAt !== null && stage.endAt <= now) {
      this.#leave(now, 'session-timeout', 'connected for as long as session-timeout allows');
    } else if (stage.type !== 'ended') {
      this.#session.handleTimeout(now);
      this.#session.settle(now);
    }
  }

  pollTimeout(): Deadline | undefined {
    return this.#stage.type === 'ended'
      ? undefined
      : earliest([this.#session.nextDeadline, ...stageDeadlines(this.#stage, this.#handshakeEnd)]);
  }

  pollCommand(): DataCommand | undefined {
    return this.#outbox.commands.poll();
  }

  pollTransmit(): Transmit | undefined {
    return this.#outbox.transmits.poll();
  }

  pollEvent(): ClientEvent | undefined {
    return this.#outbox.events.poll();
  }

  #handleControlPacket(now: Millis, path: Path, bytes: Uint8Array): DropReason | null {
    const { link } = this.#session;
    if (pathKey(path) !== pathKey(link.path)) {
      return 'unknown-session';
    }
    const packet = link.open(now, bytes);
    if (isDrop(packet)) {
      return packet;
    }
    if (packet.opcode === OPCODE.hardResetClientV2 || packet.opcode === OPCODE.hardResetClientV3) {
      return 'wrong-direction';
    }
    if (link.peerSessionId === null) {
      if (!isAnswerToReset(packet)) {
        return 'missing-cookie';
      }
      link.peerSessionId = packet.sessionId;
      if (link.wrappedKeyLength > 0 && asksToResendKey(packet.body.payload)) {
        this.#session.current.channel.resendKey();
      }
      this.#handshakeEnd = now + 1000 * this.#options.handWindow;
    }
    const drop = this.#session.handlePacket(now, packet);
    if (drop === null && this.#stage.type === 'connected') {
      this.#outbox.commands.push({ type: 'touch-peer', peerId: this.#stage.peerId });
    }
    return drop;
  }

  #handler(): SessionHandler<ClientPhase> {
    return {
      mayRenegotiate: true,
      firstPhase: () => ({ type: 'await-tls' }),
      handleTlsEvent: (now, key, event) => this.#handleTlsEvent(now, key, event),
      handleSettled: (now) => this.#handleSettled(now),
      handleRenegotiationFailed: () => undefined,
      handleKeysExpired: (now) =>
        this.#end(now, 'renegotiation-failed', 'no renegotiation succeeded within tran-window'),
    };
  }

  #handleTlsEvent(now: Millis, key: Key<ClientPhase>, event: KeyChannelEvent): void {
    // Once we have left, only a renegotiation goes on: the EXIT may wait for its end. [wire 17]
    if (isOver(this.#stage) && key === this.#session.current) {
      return;
    }
    switch (event.type) {
      case 'established':
        this.#sendKeyMethod(key, `${event.version} ${event.cipher}`);
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

  #sendKeyMethod(key: Key<ClientPhase>, tls: string): void {
    const own = ownKeyMethod(this.#crypto, this.#options, this.#credentials);
    key.channel.send(encodeKeyMethod('client', own));
    key.phase = { type: 'await-key-method', own, tls };
  }

  #handlePlaintext(now: Millis, key: Key<ClientPhase>, bytes: Uint8Array): void {
    if (key.phase.type !== 'await-key-method') {
      for (const text of splitControlMessages(bytes)) {
        this.#handleMessage(now, parseControlMessage(text));
      }
      return;
    }
    const { own, tls } = key.phase;
    const server = decodeKeyMethod('server', bytes);
    if (isDrop(server)) {
      this.#handleKeyFault(now, key, 'protocol-error', `the key-method message is ${server}`);
      return;
    }
    const exchange = { client: own, server: keepKeyMethod(server) };
    key.phase = { type: 'complete', exchange, tls };
    if (this.#stage.type === 'connected') {
      this.#completeRenegotiation(now, key, tls);
    } else if (this.#stage.type === 'closing') {
      this.#session.promoteNext();
    } else {
      this.#stage = { type: 'await-push', requestAt: null };
    }
  }

  #handleMessage(now: Millis, message: ControlMessage): void {
    switch (message.type) {
      case 'push-reply': {
        const options = this.#pushReply.handlePart(message.options);
        if (options !== undefined && this.#stage.type === 'await-push') {
          this.#connect(now, options);
        }
        break;
      }
      case 'auth-failed':
        this.#end(now, 'auth-failed', message.reason, { refusal: parseAuthFailed(message.reason) });
        break;
      case 'restart':
        this.#end(now, 'restart', message.text, { linger: 0, nextServer: message.nextServer });
        break;
      case 'halt':
        this.#end(now, 'halt', message.text);
        break;
      case 'exit':
        this.#end(now, 'server-exit', 'the server said goodbye');
        break;
      case 'info':
      case 'info-pre':
        this.#outbox.events.push(infoEvent(message));
        break;
      case 'auth-pending':
        this.#waitForDecision(now, message.timeout);
        break;
      case 'push-update': {
        const update = this.#pushUpdate.handlePart(message.options);
        if (update !== undefined) this.#update(now, update);
        break;
      }
      case 'push-request':
      case 'challenge-response':
      case 'unknown':
        this.#drops['unexpected-message']++;
        break;
      default:
        assertNever(message);
    }
  }

  #update(now: Millis, update: readonly string[]): void {
    const stage = this.#stage;
    if (stage.type !== 'connected') return;
    const outcome = updateFromPush(this.#options, stage.peerId, stage.options, update);
    if ('fault' in outcome) {
      this.#end(now, 'update-refused', outcome.fault, { linger: 0 });
      return;
    }
    this.#stage = { ...stage, options: outcome.options };
    this.#outbox.commands.push(outcome.command);
    this.#outbox.events.push({ type: 'updated', options: outcome.options, update });
  }

  /** The server may keep us waiting for as long as it says, within reason. [wire 15] */
  #waitForDecision(now: Millis, timeout: number | null): void {
    const wait = pendingWait(this.#options, timeout);
    this.#handshakeEnd = Math.max(this.#handshakeEnd, now + wait);
    this.#outbox.events.push({ type: 'auth-pending', timeout: timeout === null ? null : wait / 1000 });
  }

  #handleSettled(now: Millis): void {
    const stage = this.#stage;
    if (stage.type === 'closing' && this.#session.isFlushed) {
      this.#vanish();
    }
    if (stage.type !== 'await-push') {
      return;
    }
    if (stage.requestAt === null) {
      const delay = this.#options.promptPushRequest ? 0 : FIRST_PUSH_REQUEST;
      const active = this.#session.current.channel.isFlushed;
      this.#stage = { type: 'await-push', requestAt: active ? now + delay : null };
    } else if (stage.requestAt <= now) {
      this.#session.sendMessage('PUSH_REQUEST');
      this.#stage = { type: 'await-push', requestAt: now + PUSH_REQUEST_PERIOD };
    }
  }

  #connect(now: Millis, options: PushedOptions): void {
    const { current } = this.#session;
    if (current.phase.type !== 'complete' || current.phase.exchange === null) {
      return;
    }
    const { exchange, tls } = current.phase;
    const terms = deriveFromPush(this.#options, this.#crypto, this.#session, exchange, options);
    if ('fault' in terms) {
      this.#end(now, 'protocol-error', terms.fault);
      return;
    }
    const { choice, keys, renegotiationKey } = terms;
    const peerId = options.peerId ?? asPeerId(0);
    current.phase = { type: 'complete', exchange: null, tls };
    this.#stage = { type: 'connected', peerId, choice, options, endAt: endFromPush(now, this.#options, options) };
    this.#credentials = withToken(this.#credentials, options);
    this.#outbox.commands.push(...ordersFromPush(this.#options, peerId, options));
    this.#session.installFirstKeys(now, peerId, choice.suite, keys);
    if (renegotiationKey !== null) {
      const wrapper = createTlsCryptWrapper(renegotiationKey, 'client', this.#crypto);
      this.#session.link.useForRenegotiation(now, wrapper, renegotiationKey);
    }
    this.#outbox.events.push({
      type: 'connected',
      peerId,
      cipher: choice.suite.cipher,
      keyDerivation: choice.derivation,
      tls,
      options,
    });
  }

  #completeRenegotiation(now: Millis, key: Key<ClientPhase>, tls: string): void {
    if (this.#stage.type !== 'connected' || key.phase.type !== 'complete' || key.phase.exchange === null) {
      return;
    }
    const { exchange } = key.phase;
    const keys = deriveDataKeys(this.#crypto, 'client', this.#session.link, key.channel, exchange, this.#stage.choice);
    if (keys === null) {
      this.#session.abandonNext(now, 'the data keys came out unusable');
      return;
    }
    key.phase = { type: 'complete', exchange: null, tls };
    this.#session.completeNext(now, keys);
    this.#outbox.events.push({ type: 'renegotiated', tls });
  }

  /** Fatal for a handshake; a connected client goes on with its data keys and asks for another TLS session. */
  #handleKeyFault(now: Millis, key: Key<ClientPhase>, reason: ClientEndReason, detail: string): void {
    if (this.#stage.type !== 'connected') {
      this.#end(now, reason, detail);
    } else if (key === this.#session.current) {
      this.#session.renegotiate(now);
    } else {
      this.#session.abandonNext(now, detail);
    }
  }

  /** Ends the connection from our side; the server is told where it can be. [wire 13, 15] */
  #leave(now: Millis, reason: ClientEndReason, detail: string): void {
    const linger = sayGoodbye(this.#stage, this.#options, this.#session, this.#outbox.commands);
    this.#end(now, reason, detail, { linger });
    this.#session.settle(now);
  }

  #end(now: Millis, reason: ClientEndReason, detail: string, how: Ending = {}): void {
    const { linger = CLOSE_LINGER, nextServer = false, refusal = null } = how;
    const stage = this.#stage;
    if (isOver(stage)) {
      return;
    }
    if (stage.type === 'connected') {
      this.#outbox.commands.push({ type: 'remove-peer', peerId: stage.peerId });
    }
    this.#session.stopData();
    this.#outbox.events.push({ type: 'ended', reason, detail, nextServer, refusal });
    this.#stage = { type: 'closing', until: now + linger };
  }

  #vanish(): void {
    this.#stage = { type: 'ended' };
    this.#session.destroy();
  }
}
