/** One `pull-filter` line. */
export interface PullFilter {
  readonly action: 'accept' | 'ignore' | 'reject';
  /** What the option starts with. */
  readonly start: string;
}

/** What becomes of a pushed option. The first filter that fits decides; an option that none fits is accepted. */
export const pullAction = (filters: readonly PullFilter[], option: string): PullFilter['action'] =>
  filters.find(({ start }) => option.startsWith(start))?.action ?? 'accept';
