import type { FlowAccount, LoadNative, OpenFlow } from '../load-native.js';
import { numberOf } from '../plan-traffic.js';
import type { FlowEnd, FlowRecord, Gap } from './flow-record.js';

/** A connected client, as far as its flows need it. */
export interface FlowEndpoint {
  readonly client: number;
  readonly peerId: number;
  readonly ipv4: string;
}

export interface FlowBookOptions {
  readonly pps: number;
  readonly size: number;
  readonly echo: { readonly host: string; readonly port: number };
}

/**
 * Opens and closes the flows of clients that come and go: each sends to the echo, and in pairs to each other.
 * A pair is parted when one of both leaves.
 */
export class FlowBook {
  readonly closed: FlowRecord[] = [];
  readonly #native: LoadNative;
  readonly #load: number;
  readonly #options: FlowBookOptions;
  readonly #open = new Map<number, OpenRecord>();
  readonly #present = new Map<number, FlowEndpoint>();
  readonly #partners = new Map<number, number>();
  /** Present, and without a partner. */
  #single: FlowEndpoint | undefined;

  constructor(native: LoadNative, load: number, options: FlowBookOptions) {
    this.#native = native;
    this.#load = load;
    this.#options = options;
  }

  open(end: FlowEndpoint): void {
    this.#present.set(end.client, end);
    this.#start('echo', end, end, this.#options.echo.host);
    this.#match(end);
  }

  /** The client's flows send nothing more; its partner is free for somebody else. */
  stop(client: number): void {
    if (!this.#present.delete(client)) return;
    if (this.#single?.client === client) this.#single = undefined;
    for (const record of this.#of(client)) {
      if (record.stoppedAt !== null) continue;
      this.#native.stopFlow(this.#load, record.flow);
      record.stoppedAt = this.#native.loadClock();
    }
    const partner = this.#partners.get(client);
    if (partner === undefined) return;
    this.#partners.delete(client);
    this.#partners.delete(partner);
    const left = this.#present.get(partner);
    if (left !== undefined) this.#match(left);
  }

  close(client: number, end: FlowEnd): void {
    this.stop(client);
    for (const record of this.#of(client)) {
      this.#open.delete(record.flow);
      const account = this.#native.closeFlow(this.#load, record.flow);
      const { kind, from, to, openedAt } = record;
      this.closed.push({
        ...{ kind, from, to, openedAt, end, stoppedAt: record.stoppedAt ?? openedAt },
        ...{ sent: account.sent, unsent: account.unsent, received: account.received },
        ...{ reordered: account.reordered, duplicated: account.duplicated, gaps: gapsOf(account) },
      });
    }
  }

  #match(end: FlowEndpoint): void {
    const partner = this.#single;
    this.#single = partner === undefined ? end : undefined;
    if (partner === undefined) return;
    this.#partners.set(end.client, partner.client);
    this.#partners.set(partner.client, end.client);
    this.#start('pair', end, partner, partner.ipv4);
    this.#start('pair', partner, end, end.ipv4);
  }

  #of(client: number): OpenRecord[] {
    return [...this.#open.values()].filter(({ from, to }) => from === client || to === client);
  }

  #start(kind: FlowRecord['kind'], from: FlowEndpoint, to: FlowEndpoint, destination: string): void {
    const { pps, size, echo } = this.#options;
    const plan: OpenFlow = {
      peerId: from.peerId,
      source: numberOf(from.ipv4),
      destination: numberOf(destination),
      echoPort: kind === 'echo' ? echo.port : null,
      pace: pps,
      payload: size,
    };
    const flow = this.#native.openFlow(this.#load, plan);
    const openedAt = this.#native.loadClock();
    this.#open.set(flow, { flow, kind, from: from.client, to: to.client, openedAt, stoppedAt: null });
  }
}

interface OpenRecord extends Pick<FlowRecord, 'kind' | 'from' | 'to' | 'openedAt'> {
  readonly flow: number;
  stoppedAt: number | null;
}

const gapsOf = ({ gaps }: FlowAccount): Gap[] =>
  Array.from({ length: gaps.length / 4 }, (_, n) => {
    const [first = 0, packets = 0, from = 0, to = 0] = gaps.slice(4 * n, 4 * n + 4);
    return { first, packets, from, to };
  });
