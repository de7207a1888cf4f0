import { type DropReason, isDrop } from '../drop-reason.js';
import type { Millis, Path } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import type { WallClock } from '../session/wall-clock.js';
import { type ControlBody, decodeControlBody, encodeControlBody } from '../wire/control-packet.js';
import { OPCODE } from '../wire/opcode.js';
import type { SessionId } from '../wire/session-id.js';
import type { UnwrappedPacket, Wrapper } from '../wrap/wrapper.js';
import { CookieJar } from './cookie.js';
import { ReplyLimit } from './reply-limit.js';
import type { ServerOptions } from './server-options.js';

export type Admission =
  /** Answer and forget. */
  | { readonly type: 'reply'; readonly bytes: Uint8Array }
  /** The client has echoed the cookie: it is where it says it is. */
  | { readonly type: 'admit'; readonly clientId: SessionId; readonly serverId: SessionId };

/** What is done with packets of unknown clients, without keeping anything about them. [wire 7] */
export class AdmissionGate {
  readonly #wrapper: Wrapper;
  readonly #crypto: CryptoProvider;
  readonly #clock: WallClock;
  #options: ServerOptions;
  #cookies: CookieJar;
  /** Of the hand-window before: its cookies are still on their way. */
  #earlierCookies: CookieJar | null = null;
  #limit: ReplyLimit;

  constructor(options: ServerOptions, crypto: CryptoProvider, wrapper: Wrapper, clock: WallClock) {
    this.#wrapper = wrapper;
    this.#crypto = crypto;
    this.#options = options;
    this.#cookies = new CookieJar(crypto, options.cookieKey, options.handWindow);
    this.#limit = new ReplyLimit(options.connectFreqInitial);
    this.#clock = clock;
  }

  handlePacket(now: Millis, path: Path, bytes: Uint8Array): Admission | DropReason {
    const packet = this.#wrapper.unwrap(bytes);
    if (isDrop(packet)) {
      return packet;
    }
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
    return packet.opcode === OPCODE.hardResetClientV2
      ? this.#answerReset(now, path, packet, body)
      : this.#checkCookie(now, path, packet, body);
  }

  /** For the packets from now on. */
  reconfigure(options: ServerOptions): void {
    const before = this.#options;
    this.#options = options;
    if (options.handWindow !== before.handWindow) {
      this.#earlierCookies = this.#cookies;
      this.#cookies = new CookieJar(this.#crypto, options.cookieKey, options.handWindow);
    }
    const [rate, rateBefore] = [options.connectFreqInitial, before.connectFreqInitial];
    if (rate.count !== rateBefore.count || rate.seconds !== rateBefore.seconds) {
      this.#limit = new ReplyLimit(rate);
    }
  }

  /** A client that was answered has completed its handshake. */
  refund(): void {
    this.#limit.refund();
  }

  #answerReset(now: Millis, path: Path, packet: UnwrappedPacket, body: ControlBody): Admission | DropReason {
    if (body.messageId !== 0) {
      return 'bad-message-id';
    }
    if (!this.#limit.take(now)) {
      return 'rate-limited';
    }
    const unixNow = this.#clock.unixAt(now);
    const answer = { acks: [0], ackedSessionId: packet.sessionId, messageId: 0, payload: new Uint8Array(0) };
    const bytes = this.#wrapper.wrap({
      opcode: OPCODE.hardResetServerV2,
      keyId: packet.keyId,
      sessionId: this.#cookies.bake(unixNow, path, packet.sessionId),
      body: encodeControlBody(answer),
      replayId: this.#wrapper.replayProtected ? { counter: STATELESS_REPLAY_COUNTER, time: unixNow } : null,
    });
    return { type: 'reply', bytes };
  }

  #checkCookie(now: Millis, path: Path, packet: UnwrappedPacket, body: ControlBody): Admission | DropReason {
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
    return { type: 'admit', clientId: packet.sessionId, serverId: ackedSessionId };
  }
}

/** Replay counter of every stateless reset; the session goes on behind it. [wire 6] */
export const STATELESS_REPLAY_COUNTER = 1;
/** Later packets belong to a session that is gone, and must not begin another one. [wire 7] */
const LAST_EARLY_ID = 1;
