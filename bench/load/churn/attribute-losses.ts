import type { FlowRecord, Gap, Move, Stall } from './flow-record.js';

export type LossCause = 'float' | 'kill' | 'session-lost' | 'starved' | 'unexplained';

export interface Losses {
  /** Packets by cause. */
  readonly packets: Readonly<Record<LossCause, number>>;
  /** Gaps without a cause, with their flows. */
  readonly unexplained: readonly { readonly flow: FlowRecord; readonly gap: Gap }[];
}

/** A packet that is not answered after so many milliseconds was lost, and not under way. */
const UNDER_WAY_MS = 1000;

/**
 * Why packets were lost, by what their clients did: a packet may be lost that was under way when its client, or its receiver,
 * changed its socket or went. Towards a receiver that has moved packets go astray until its next own packet has told the
 * server, which takes up to `interval` milliseconds. While the machine kept this process from running nothing can be said
 * (`starved`). Everything else is unexplained.
 */
export const attributeLosses = (
  flows: readonly FlowRecord[],
  moves: readonly Move[],
  stalls: readonly Stall[],
  interval: number,
): Losses => {
  const packets = { float: 0, kill: 0, 'session-lost': 0, starved: 0, unexplained: 0 };
  const unexplained: { flow: FlowRecord; gap: Gap }[] = [];
  const moments = new Map<number, number[]>();
  for (const { client, at } of moves) moments.set(client, [...(moments.get(client) ?? []), at]);
  for (const flow of flows) {
    for (const gap of flow.gaps) {
      const own = causeOf(flow, gap, moments, interval);
      const cause = own === 'unexplained' && stalls.some((stall) => isNear(gap, stall)) ? 'starved' : own;
      packets[cause] += gap.packets;
      if (cause === 'unexplained') unexplained.push({ flow, gap });
    }
  }
  return { packets, unexplained };
};

const isNear = (gap: Gap, { from, to }: Stall): boolean => gap.to > from - UNDER_WAY_MS && gap.from < to + UNDER_WAY_MS;

const causeOf = (
  flow: FlowRecord,
  gap: Gap,
  moments: ReadonlyMap<number, readonly number[]>,
  interval: number,
): LossCause => {
  // What was sent at the end, and has no later packet that arrived.
  const isTail = gap.first + gap.packets > flow.sent + flow.unsent;
  if (isTail && flow.end === 'lost') return 'session-lost';
  if (isTail && flow.end === 'cut' && gap.from > flow.stoppedAt - UNDER_WAY_MS) return 'kill';
  const within = (client: number, after: number): boolean =>
    (moments.get(client) ?? []).some((at) => gap.from > at - UNDER_WAY_MS && gap.to <= at + after);
  // The sender's own next packet comes from the new socket, and its answer goes there.
  const floated =
    flow.kind === 'echo' ? within(flow.from, 0) : within(flow.from, 0) || within(flow.to, interval + UNDER_WAY_MS);
  return floated ? 'float' : 'unexplained';
};
