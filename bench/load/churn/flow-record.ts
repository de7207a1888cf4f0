/** What became of one flow between the coming and the going of its clients. Times in milliseconds of the load's clock. */
export interface FlowRecord {
  readonly kind: 'echo' | 'pair';
  /** Numbers of the clients; the same one for an echo. */
  readonly from: number;
  readonly to: number;
  readonly openedAt: number;
  readonly stoppedAt: number;
  readonly end: FlowEnd;
  readonly sent: number;
  readonly unsent: number;
  readonly received: number;
  readonly reordered: number;
  readonly duplicated: number;
  readonly gaps: readonly Gap[];
}

/** `drained`: nothing was under way any more. `cut`: a client went without waiting for its answers. `lost`: its session ended by itself. */
export type FlowEnd = 'drained' | 'cut' | 'lost';

/** Packets in a row that never arrived. */
export interface Gap {
  readonly first: number;
  readonly packets: number;
  /** When the first and the last were sent. */
  readonly from: number;
  readonly to: number;
}

/** A client went on from another socket. */
export interface Move {
  readonly client: number;
  readonly at: number;
}

/** This process did not run for so long, although it had to. */
export interface Stall {
  readonly from: number;
  readonly to: number;
}
