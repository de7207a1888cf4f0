import type { Millis } from '../ids.js';
import type { Key, Session } from '../session/session.js';
import { encodeControlMessage } from '../wire/control-message.js';
import { type Notice, noticeHead } from '../wire/notice.js';
import { cutText } from '../wire/text.js';
import type { EndReason } from './server-event.js';
import type { ServerPhase } from './server-phase.js';
import type { StageOf } from './stage.js';

/** A last message, and the key id whose TLS session takes it; null: the one that the client will listen to. */
export interface Farewell {
  readonly message: string;
  readonly key: Key<ServerPhase> | null;
}

/** The last control message for a client, null where the protocol has none or nobody is there to read it. [wire 15] */
export const farewellMessage = (
  reason: EndReason,
  detail: string,
  explicitExitNotify: 0 | 1 | 2,
  notice: Notice | null = null,
): string | null => {
  if (notice !== null) {
    return noticeMessage(notice);
  }
  switch (reason) {
    case 'kicked':
      return withText('HALT', detail);
    case 'auth-failed':
      return withText('AUTH_FAILED', detail);
    case 'shutdown':
      return explicitExitNotify === 0 ? null : explicitExitNotify === 2 ? 'RESTART,[N]' : 'RESTART';
    case 'listener-closed':
      return 'RESTART,[PN]';
    case 'data-reset':
    case 'inactive':
      return 'RESTART,[P]';
    case 'restarted':
    case 'session-timeout':
    case 'renegotiation-failed':
    case 'protocol-error':
      return 'RESTART';
    case 'exit-notify':
    case 'ping-restart':
    case 'replaced':
    case 'handshake-timeout':
    case 'tls-failed':
    case 'connection-closed':
    case 'state-lost':
      return null;
  }
};

/** A notice with its text, which follows flags directly. [wire 15] */
const noticeMessage = (notice: Notice): string => {
  const head = noticeHead(notice);
  return head.includes(',') ? head + withText('', notice.text).slice(1) : withText(head, notice.text);
};

/** `keyword,text` with a text that any client can read: no control characters, well below 1024 bytes. [wire 10] */
export const withText = (keyword: string, text: string): string => {
  const clean = cutText(text.replace(/\p{Cc}+/gu, ' '), MAX_TEXT_LENGTH);
  return clean === '' ? keyword : `${keyword},${clean}`;
};

/** At most so long after `shutdown` for acks. [wire 15] */
export const SHUTDOWN_LINGER: Millis = 2000;

/** To be called while the session still has its data keys: it may have to renegotiate for it. */
export const sendFarewell = (now: Millis, session: Session<ServerPhase>, { message, key }: Farewell): void => {
  if (key === null) {
    session.sendLastMessage(now, message);
  } else {
    key.channel.send(encodeControlMessage(message));
  }
};

/** Where a session is when it is over: gone, or kept for a while. */
export const closedStage = (now: Millis, reason: EndReason, told: boolean): StageOf<'closing' | 'gone'> => {
  const linger = lingerTime(reason, told);
  return linger === 0
    ? { type: 'gone', reason }
    : { type: 'closing', until: now + linger, whenFlushed: reason === 'shutdown', reason };
};

/** How long a session is kept for acks, TLS alerts and late packets. [wire 15] */
const lingerTime = (reason: EndReason, told: boolean): Millis => {
  if (reason === 'shutdown') {
    return told ? SHUTDOWN_LINGER : 0;
  }
  return told || reason === 'exit-notify' || reason === 'tls-failed' ? 5000 : 0;
};

/** Bytes: of 1024 some stay free for the keyword. */
const MAX_TEXT_LENGTH = 1000;
