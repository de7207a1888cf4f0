import { availableParallelism } from 'node:os';

/** What a soak does; the environment changes it. */
export interface SoakSettings {
  readonly isLong: boolean;
  readonly seed: number;
  readonly clients: number;
  readonly shards: number;
  /** Packets a second of each flow; a connected client has one to the echo and one to another client. */
  readonly pps: number;
  /** Of churn, once all clients are connected. */
  readonly seconds: number;
  /** Of clients that come one after the other before anything is measured. */
  readonly warmUpSeconds: number;
  /** Mean seconds between two reloads, and between two crashes of workers; 0 = none. */
  readonly reloadEvery: number;
  readonly crashEvery: number;
}

/**
 * `SOAK_MINUTES` makes it the long form: 500 clients on 8 shards. `SOAK_SEED`, `SOAK_CLIENTS`, `SOAK_SHARDS`, `SOAK_PPS`,
 * `SOAK_CRASH_EVERY` and `SOAK_RELOAD_EVERY` (seconds, 0 = never) change one thing of either form.
 */
export function soakSettings(environment: NodeJS.ProcessEnv): SoakSettings {
  const number = (name: string, usual: number): number => {
    const text = environment[`SOAK_${name}`] ?? String(usual);
    const value = Number(text);
    if (text === '' || !(value >= 0)) throw new Error(`SOAK_${name}=${text} is no number`);
    return value;
  };
  const minutes = number('MINUTES', 0);
  const isLong = minutes > 0;
  return {
    isLong,
    seed: number('SEED', 1 + (Date.now() % 1_000_000)),
    clients: number('CLIENTS', isLong ? 500 : 100),
    shards: number('SHARDS', isLong ? 8 : 4),
    pps: number('PPS', isLong ? 5 : 10),
    seconds: isLong ? 60 * minutes : 15,
    warmUpSeconds: isLong ? 10 : 2,
    reloadEvery: number('RELOAD_EVERY', isLong ? 20 : 4),
    crashEvery: number('CRASH_EVERY', 0),
  };
}

/** Handshakes a second that leave room for everything else. */
export const connectRate = (): number => 15 * availableParallelism();
