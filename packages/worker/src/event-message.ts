import type { ServerEvent } from '@shardvpn/core';
import type { FromShard } from './messages.js';

/** The message that tells the supervisor of an event. */
export function eventMessage(event: ServerEvent): FromShard {
  if (event.type !== 'connected' && event.type !== 'restored') return event;
  const { peerId, lease, cipher, tls, keyDerivation, since } = event.client;
  return { type: event.type, peerId, ...(event.type === 'restored' && { lease }), cipher, tls, keyDerivation, since };
}
