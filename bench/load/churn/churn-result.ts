import type { LossCause, Losses } from './attribute-losses.js';
import type { FlowRecord } from './flow-record.js';
import type { LifeEvent } from './life.js';

/** What a run has seen; the file of `--json`. */
export interface ChurnResult {
  readonly seed: number;
  /** From the first connect to the last goodbye. */
  readonly seconds: number;
  readonly events: Readonly<Record<LifeEvent | 'renegotiations', number>>;
  /** Sessions that ended by themselves and handshakes that failed, by reason. */
  readonly ended: Readonly<Record<string, number>>;
  readonly flows: number;
  readonly packets: Readonly<
    Record<
      'sent' | 'unsent' | 'received' | 'lost' | 'reordered' | 'duplicated' | 'corrupted' | 'late' | 'foreign',
      number
    >
  >;
  readonly lost: Readonly<Record<LossCause, number>>;
  readonly unexplained: readonly UnexplainedLoss[];
  /** Milliseconds from a client's first packet to its keys. */
  readonly connectMs: Readonly<Record<'p50' | 'p99' | 'max', number>>;
  /** Of the clients' data path and sockets, those that are not 0. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface UnexplainedLoss {
  readonly kind: FlowRecord['kind'];
  readonly from: number;
  readonly to: number;
  readonly packets: number;
  /** When they were sent, ISO 8601, and how long after the flow began and before it ended, in seconds. */
  readonly at: string;
  readonly until: string;
  readonly afterBegin: number;
  readonly beforeEnd: number;
}

/** `epoch` is when the clock of the records began, in milliseconds since 1970. */
export const unexplainedLosses = ({ unexplained }: Losses, epoch: number): UnexplainedLoss[] =>
  unexplained.map(({ flow, gap }) => ({
    ...{ kind: flow.kind, from: flow.from, to: flow.to, packets: gap.packets },
    at: new Date(epoch + gap.from).toISOString(),
    until: new Date(epoch + gap.to).toISOString(),
    afterBegin: (gap.from - flow.openedAt) / 1000,
    beforeEnd: (flow.stoppedAt - gap.to) / 1000,
  }));

export const sumOf = (flows: readonly FlowRecord[], key: 'sent' | 'unsent' | 'received' | 'reordered' | 'duplicated') =>
  flows.reduce((sum, flow) => sum + flow[key], 0);
