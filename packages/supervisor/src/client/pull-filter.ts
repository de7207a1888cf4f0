import { type PullFilter, pullAction } from '@shardvpn/core';

export type Filtered =
  | { readonly accepted: readonly string[] }
  /** The option that ends the connection. */
  | { readonly rejected: string };

/** The pushed options that count. */
export const filterPushed = (
  options: readonly string[],
  filters: readonly PullFilter[],
  routeNopull: boolean,
): Filtered => {
  const rejected = options.find((option) => pullAction(filters, option) === 'reject');
  if (rejected !== undefined) return { rejected };
  const counts = (option: string): boolean =>
    pullAction(filters, option) === 'accept' && !(routeNopull && ABOUT_ROUTES.test(option));
  return { accepted: options.filter(counts) };
};

/** What `route-nopull` leaves out: routes, DNS and the like. */
const ABOUT_ROUTES =
  /^(route|route-ipv6|route-metric|redirect-gateway|redirect-private|dhcp-option|dns|block-\S+)(\s|$)/;
