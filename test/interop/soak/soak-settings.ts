import { availableParallelism } from 'node:os';

/** What a soak does; the environment changes it. */
export interface SoakSettings {
  readonly isLong: boolean;
  readonly seed: number;
  readonly clients: number;
  readonly shards: number;
  /** Packets a second of each flow; a connected client has one to the echo and one to another client. */
  readonly pps: number;
  /** Of churn, once all clients are connected, and how often that is done. */
  readonly seconds: number;
  readonly rounds: number;
  /** Of clients that come one after the other before anything is measured. */
  readonly warmUpSeconds: number;
  /** Mean seconds that a client stays, is away, and uses one socket. */
  readonly stay: number;
  readonly away: number;
  readonly float: number;
  readonly renegotiateEvery: number;
  /** Mean seconds between two reloads, and between two crashes of workers; 0 = none. */
  readonly reloadEvery: number;
  readonly crashEvery: number;
}

/**
 * `SOAK_MINUTES` makes it the long form: 500 clients on 8 shards. `SOAK_SEED`, `SOAK_CLIENTS`, `SOAK_SHARDS`, `SOAK_PPS`,
 * `SOAK_ROUNDS`, `SOAK_STAY`, `SOAK_AWAY`, `SOAK_FLOAT`, `SOAK_CRASH_EVERY` and `SOAK_RELOAD_EVERY` (seconds, 0 = never)
 * change one thing of either form.
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
  const rounds = number('ROUNDS', isLong ? 2 : 1);
  return {
    isLong,
    seed: number('SEED', 1 + (Date.now() % 1_000_000)),
    clients: number('CLIENTS', isLong ? 500 : 100),
    shards: number('SHARDS', isLong ? 8 : 4),
    pps: number('PPS', isLong ? 4 : 10),
    seconds: isLong ? Math.ceil((60 * minutes) / rounds) : 12,
    rounds,
    warmUpSeconds: isLong ? 30 : 2,
    stay: number('STAY', isLong ? 40 : 20),
    away: number('AWAY', 3),
    float: number('FLOAT', 8),
    // Half of it has to be long enough for packets that are lost to be sent again, on a busy machine as well.
    renegotiateEvery: 60,
    reloadEvery: number('RELOAD_EVERY', isLong ? 20 : 4),
    crashEvery: number('CRASH_EVERY', isLong ? 15 : 0),
  };
}

/** Handshakes a second that leave room for everything else. */
export const connectRate = (): number => 15 * availableParallelism();
