import type { Millis } from '../ids.js';
import type { KeyChannelEvent } from '../session/key-channel.js';
import type { Key, Session } from '../session/session.js';
import { answerKeyMethod } from './await-key-method.js';
import type { ServerContext } from './server-context.js';
import type { ServerPhase } from './server-phase.js';

/**
 * TLS events of a session that is over. A renegotiation that is under way goes on as far as the key methods: until then the
 * client listens to nobody, and the last message waits. Who the client is and its data keys do not matter any more. [wire 17]
 */
export const finishRenegotiation = (
  now: Millis,
  context: ServerContext,
  session: Session<ServerPhase>,
  key: Key<ServerPhase>,
  event: KeyChannelEvent,
): void => {
  if (key === session.current) {
    return;
  }
  if (event.type === 'failed') {
    session.abandonNext(now, event.reason);
  } else if (event.type === 'established') {
    key.phase = { type: 'await-key-method', certificate: event.certificate, tls: event.version };
  } else if (key.phase.type === 'await-key-method') {
    answerKeyMethod(context, key, session.link.path, '');
    session.promoteNext();
  }
};
