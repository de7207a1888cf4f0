import type { ClientRecord } from './identities.js';
import { parseAddress } from './ip-address.js';

/** Which connected clients are meant. `name`: everybody of that name; `address`: an inner one. */
export type ClientSelector =
  | 'all'
  | { readonly name: string }
  | { readonly peerId: number }
  | { readonly address: string };

export const isSelected = (selector: ClientSelector, { identity, peerId, lease }: ClientRecord): boolean => {
  if (selector === 'all') return true;
  if ('name' in selector) return identity.commonName === selector.name;
  if ('peerId' in selector) return peerId === selector.peerId;
  const wanted = parseAddress(selector.address)?.value;
  return [lease.ipv4, lease.ipv6].some((own) => own !== null && parseAddress(own.address)?.value === wanted);
};

/** For logs and reports. */
export const selectorText = (selector: ClientSelector): string =>
  selector === 'all' ? 'all clients' : Object.entries(selector).flat().join(' ');
