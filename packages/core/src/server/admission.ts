import type { AdmissionOrder } from '../data-plane.js';
import { type DropReason, isDrop } from '../drop-reason.js';
import { isStream, type Millis, type Path } from '../ids.js';
import { wrappedKeyName } from '../keys/tls-crypt-v2.js';
import type { CryptoProvider } from '../ports.js';
import type { WallClock } from '../session/wall-clock.js';
import { type ControlBody, decodeControlBody, encodeControlBody } from '../wire/control-packet.js';
import { OPCODE } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import { encodeText } from '../wire/text.js';
import type { ControlProtection } from '../wrap/control-protection.js';
import { encodeResendRequest, offersEarlyNegotiation } from '../wrap/early-negotiation.js';
import { admissionOrder } from './admission-order.js';
import { ConnectionLimit } from './connection-limit.js';
import { CookieJar } from './cookie.js';
import { type FirstPacket, FirstPackets, keyFault } from './first-packet.js';
import { type HeldPacket, type KeyQuestion, type KeyVerdict, KeyVerdicts } from './key-verdicts.js';
import { ReplyLimit } from './reply-limit.js';
import type { ServerOptions } from './server-options.js';
import { wrappingFault } from './wrapping-fault.js';

export type Admission =
  /** Answer and forget. */
  | { readonly type: 'reply'; readonly bytes: Uint8Array }
  /** The client has echoed the cookie: it is where it says it is. */
  | {
      readonly type: 'admit';
      readonly clientId: SessionId;
      readonly serverId: SessionId;
      readonly protection: ControlProtection;
    }
  /** A client that cannot prove its address first, or has done so by a connection: the session answers its reset. [wire 7, 7.1] */
  | { readonly type: 'admit-reset'; readonly clientId: SessionId; readonly protection: ControlProtection }
  /** Kept until there is a verdict about the client's key. */
  | { readonly type: 'held' };

/** What is done with packets of unknown clients, without keeping anything about them. [wire 7] */
export class AdmissionGate {
  readonly #packets: FirstPackets;
  readonly #crypto: CryptoProvider;
  readonly #clock: WallClock;
  readonly #verdicts: KeyVerdicts;
  #options: ServerOptions;
  #cookies: CookieJar;
  /** Of the hand-window before: its cookies are still on their way. */
  #earlierCookies: CookieJar | null = null;
  #limit: ReplyLimit;
  #connections: ConnectionLimit | null;

  constructor(
    options: ServerOptions,
    crypto: CryptoProvider,
    clock: WallClock,
    askAboutKey: (question: KeyQuestion) => void,
  ) {
    this.#verdicts = new KeyVerdicts(askAboutKey);
    this.#packets = new FirstPackets(options.wrap, options.tlsCryptV2 ?? null, crypto);
    this.#crypto = crypto;
    this.#options = options;
    this.#cookies = new CookieJar(crypto, options.cookieKey, options.handWindow);
    this.#limit = createLimit(options, crypto);
    this.#connections = limitOf(options.connectFreq);
    this.#clock = clock;
  }

  /** `hasClient`: a client is connected there. Whoever sends resets in its name is not to keep it from beginning anew. */
  handlePacket(now: Millis, path: Path, bytes: Uint8Array, hasClient = false): Admission | DropReason {
    const admission = this.#admit(now, path, bytes, hasClient);
    return isDrop(admission) ? (wrappingFault(this.#options.wrap, bytes) ?? admission) : admission;
  }

  #admit(now: Millis, path: Path, bytes: Uint8Array, hasClient: boolean): Admission | DropReason {
    const opened = this.#packets.open(bytes);
    if (isDrop(opened)) {
      return opened;
    }
    const first = { ...opened, bytes };
    const { packet } = first;
    if (packet.opcode === OPCODE.hardResetServerV2) {
      return 'wrong-direction';
    }
    if (packet.keyId !== 0 || packet.opcode === OPCODE.softResetV1) {
      return 'unknown-session';
    }
    const body = decodeControlBody(packet.opcode, packet.body);
    if (isDrop(body)) {
      return body;
    }
    switch (packet.opcode) {
      case OPCODE.hardResetClientV2:
      case OPCODE.hardResetClientV3:
        return this.#handleReset(now, path, first, body, hasClient);
      default:
        // A connection begins with a reset. [wire 7]
        return isStream(path) ? 'unknown-session' : this.#checkCookie(now, path, first, body);
    }
  }

  /** For the packets from now on. */
  reconfigure(options: ServerOptions): void {
    const before = this.#options;
    this.#options = options;
    this.#packets.reconfigure(options.tlsCryptV2 ?? null);
    this.#verdicts.forget();
    if (options.handWindow !== before.handWindow) {
      this.#earlierCookies = this.#cookies;
      this.#cookies = new CookieJar(this.#crypto, options.cookieKey, options.handWindow);
    }
    const [rate, rateBefore] = [options.connectFreqInitial, before.connectFreqInitial];
    if (rate.count !== rateBefore.count || rate.seconds !== rateBefore.seconds) {
      this.#limit = createLimit(options, this.#crypto);
    }
    const { connectFreq: freq } = options;
    if (freq?.count !== before.connectFreq?.count || freq?.seconds !== before.connectFreq?.seconds) {
      this.#connections = limitOf(freq);
    }
  }

  /** How the data thread does the first half of this. */
  order(now: Millis): AdmissionOrder | null {
    return admissionOrder(this.#options, this.#clock.unixAt(now));
  }

  /** One more client has a session now, over whichever transport; false for one too many. */
  #takeConnection(now: Millis): boolean {
    return this.#connections?.take(now) ?? true;
  }

  /** The answer to a question about a key: these packets are to be handled now. */
  settleKey(now: Millis, key: string, verdict: KeyVerdict): readonly HeldPacket[] {
    return this.#verdicts.settle(now, key, verdict);
  }

  /** A connection is closed: nothing that came over it waits any more. */
  forgetPath(path: Path): void {
    this.#verdicts.forgetPath(path);
  }

  /** A client that was answered has completed its handshake. */
  refund(path: Path): void {
    this.#limit.refund(path.host);
  }

  #handleReset(
    now: Millis,
    path: Path,
    first: ReceivedPacket,
    body: ControlBody,
    hasClient: boolean,
  ): Admission | DropReason {
    if (body.messageId !== 0) {
      return 'bad-message-id';
    }
    const { packet, metadata } = first;
    if (isStream(path)) {
      return this.#stop(now, path, first) ?? this.#admitReset(now, first);
    }
    const cannotResend = metadata !== null && !offersEarlyNegotiation(packet.replayId);
    const stop = cannotResend ? this.#stopWithoutCookie(now, path, first) : null;
    if (stop !== null) {
      return stop;
    }
    const isFree = hasClient && !cannotResend;
    if (!isFree && !this.#limit.take(now, path.host)) {
      return 'rate-limited';
    }
    if (!cannotResend) {
      return { type: 'reply', bytes: this.#answer(now, path, first) };
    }
    return this.#admitReset(now, first);
  }

  #admitReset(now: Millis, { packet, protection }: FirstPacket): Admission | DropReason {
    return this.#takeConnection(now) ? { type: 'admit-reset', clientId: packet.sessionId, protection } : 'connect-freq';
  }

  #answer(now: Millis, path: Path, { packet, protection, metadata }: FirstPacket): Uint8Array {
    const unixNow = this.#clock.unixAt(now);
    const payload = metadata === null ? new Uint8Array(0) : encodeResendRequest();
    const answer = { acks: [0], ackedSessionId: packet.sessionId, messageId: 0, payload };
    return protection.wrapper.wrap({
      opcode: OPCODE.hardResetServerV2,
      keyId: packet.keyId,
      sessionId: this.#cookies.bake(unixNow, path, packet.sessionId),
      body: encodeControlBody(answer),
      replayId: protection.wrapper.replayProtected ? { counter: STATELESS_REPLAY_COUNTER, time: unixNow } : null,
    });
  }

  #stopWithoutCookie(now: Millis, path: Path, first: ReceivedPacket): Admission | DropReason | null {
    return this.#options.tlsCryptV2?.forceCookie === true ? 'cookie-required' : this.#stop(now, path, first);
  }

  #checkCookie(now: Millis, path: Path, first: ReceivedPacket, body: ControlBody): Admission | DropReason {
    const { packet, protection } = first;
    if (body.ackedSessionId === null) {
      return 'missing-cookie';
    }
    if (body.acks.some((id) => id > LAST_EARLY_ID) || (body.messageId ?? 0) > LAST_EARLY_ID) {
      return 'bad-message-id';
    }
    const unixNow = this.#clock.unixAt(now);
    const { ackedSessionId } = body;
    const isOurs = (jar: CookieJar | null): boolean =>
      jar?.verify(unixNow, path, packet.sessionId, ackedSessionId) ?? false;
    if (!isOurs(this.#cookies) && !isOurs(this.#earlierCookies)) {
      return 'bad-cookie';
    }
    const stop = this.#stop(now, path, first);
    if (stop !== null) {
      return stop;
    }
    return this.#takeConnection(now)
      ? { type: 'admit', clientId: packet.sessionId, serverId: ackedSessionId, protection }
      : 'connect-freq';
  }

  /** Why a client does not come in with its own key, or not yet; null when it does, or has none. [wire 7.1] */
  #stop(now: Millis, path: Path, { protection, metadata, bytes }: ReceivedPacket): Admission | DropReason | null {
    const { tlsCryptV2 } = this.#options;
    if (metadata === null || protection.wrappedKey === null || tlsCryptV2 == null) {
      return null;
    }
    const fault = keyFault(tlsCryptV2, metadata, this.#clock.unixAt(now));
    if (fault !== null || tlsCryptV2.verify !== true) {
      return fault;
    }
    const stop = this.#verdicts.check(now, { key: wrappedKeyName(protection.wrappedKey), metadata }, { path, bytes });
    return stop === 'held' ? { type: 'held' } : stop;
  }
}

/** As it came. */
interface ReceivedPacket extends FirstPacket {
  readonly bytes: Uint8Array;
}

const createLimit = ({ connectFreqInitial, cookieKey }: ServerOptions, crypto: CryptoProvider): ReplyLimit =>
  new ReplyLimit(connectFreqInitial, crypto.hmac('sha256', cookieKey, [encodeText('connect-freq-initial')]));

const limitOf = (rate: ServerOptions['connectFreq']): ConnectionLimit | null =>
  rate == null ? null : new ConnectionLimit(rate);

/** Replay counter of every stateless reset; the session goes on behind it. [wire 6] */
export const STATELESS_REPLAY_COUNTER = 1;
/** Later packets belong to a session that is gone, and must not begin another one. [wire 7] */
const LAST_EARLY_ID = 1;
