/** One `pull-filter` line. */
export interface PullFilter {
  readonly action: 'accept' | 'ignore' | 'reject';
  /** What the option starts with. */
  readonly start: string;
}

export type Filtered =
  | { readonly accepted: readonly string[]; readonly ignored: readonly string[] }
  /** The option that ends the connection. */
  | { readonly rejected: string };

/** The pushed options that count. The first filter that fits decides; one that none fits is accepted. */
export const filterPushed = (
  options: readonly string[],
  filters: readonly PullFilter[],
  routeNopull: boolean,
): Filtered => {
  const accepted: string[] = [];
  const ignored: string[] = [];
  for (const option of options) {
    const action = filters.find(({ start }) => option.startsWith(start))?.action ?? 'accept';
    if (action === 'reject') return { rejected: option };
    const counts = action === 'accept' && !(routeNopull && ABOUT_ROUTES.test(option));
    (counts ? accepted : ignored).push(option);
  }
  return { accepted, ignored };
};

/** What `route-nopull` leaves out: routes, DNS and the like. */
const ABOUT_ROUTES =
  /^(route|route-ipv6|route-metric|redirect-gateway|redirect-private|dhcp-option|dns|block-\S+)(\s|$)/;
