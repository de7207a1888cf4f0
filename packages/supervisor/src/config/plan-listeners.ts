import { parseAddress } from '../registry/ip-address.js';
import type { ListenerConfig } from './server-config.js';

/**
 * What becomes of the clients of a listener that is closed.
 * `covered`: another one hears all they send, and moves them.
 * `shared`: another one hears those who send to its address.
 * `kept`: their connections last, and another one takes those to come.
 * `lost`: nobody hears them any more.
 */
export type Succession =
  | { readonly type: 'covered'; readonly by: ListenerConfig }
  | { readonly type: 'shared' }
  | { readonly type: 'kept' }
  | { readonly type: 'lost' };

/** How the listeners that are open become those that are wanted. */
export interface ListenerPlan {
  /** `beside`: one of the open ones has the port, with other addresses. */
  readonly added: readonly { readonly listener: ListenerConfig; readonly beside: boolean }[];
  readonly removed: readonly { readonly listener: ListenerConfig; readonly succession: Succession }[];
}

/** Two listeners are the same when transport, address and port are; one that stays is not touched. */
export const planListeners = (open: readonly ListenerConfig[], wanted: readonly ListenerConfig[]): ListenerPlan => ({
  added: wanted
    .filter((listener) => !open.some((other) => isSame(listener, other)))
    .map((listener) => ({ listener, beside: open.some((other) => overlap(listener, other)) })),
  removed: open
    .filter((listener) => !wanted.some((other) => isSame(listener, other)))
    .map((listener) => ({ listener, succession: successionOf(listener, wanted) })),
});

/** Whether some datagram could be for both. */
export const overlap = (one: ListenerConfig, other: ListenerConfig): boolean =>
  one.transport === other.transport &&
  one.port === other.port &&
  one.family === other.family &&
  (addressOf(one) === addressOf(other) || isAny(one) || isAny(other));

export const isSame = (one: ListenerConfig, other: ListenerConfig): boolean =>
  one.transport === other.transport &&
  one.port === other.port &&
  one.family === other.family &&
  addressOf(one) === addressOf(other);

/** Connections stay where they are, whoever takes the next ones. */
const successionOf = (gone: ListenerConfig, wanted: readonly ListenerConfig[]): Succession => {
  const heirs = wanted.filter((listener) => overlap(gone, listener));
  const by = heirs.find(isAny);
  if (gone.transport === 'tcp') return { type: by === undefined ? 'lost' : 'kept' };
  if (by !== undefined) return { type: 'covered', by };
  return { type: heirs.length > 0 ? 'shared' : 'lost' };
};

const isAny = (listener: ListenerConfig): boolean => addressOf(listener) === 0n;

const addressOf = ({ host }: ListenerConfig): bigint | undefined => parseAddress(host)?.value;
