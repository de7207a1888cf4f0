import type { ServerEvent } from '@shardvpn/core';
import type { FromShard } from './messages.js';

/** The message that tells the supervisor of an event. */
export function eventMessage(event: ServerEvent): FromShard {
  if (event.type !== 'connected') return event;
  const { peerId, identity, cipher, tls, keyDerivation, since } = event.client;
  return { type: 'connected', peerId, identity, cipher, tls, keyDerivation, since };
}
