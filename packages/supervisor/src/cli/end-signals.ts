import type { Log } from '../log.js';

/** Name of the signal, or the fault that ended the server. */
export type EndReason = NodeJS.Signals | Error;

const ENDING = ['SIGTERM', 'SIGINT'] as const;
/** compat: these reload or report in OpenVPN; they must not kill a server whose operator expects that. */
const UNSUPPORTED = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Milliseconds. npm passes on the SIGINT that a terminal has sent to everybody: one Ctrl-C arrives twice. */
const SAME_WISH = 500;

/** Listens for signals until `release`. SIGINT or SIGTERM again, by somebody who has lost patience, ends the process at once. */
export const awaitEnd = (): {
  readonly signal: Promise<NodeJS.Signals>;
  useLog(log: Log): void;
  release(): void;
} => {
  let log: Log | undefined;
  let resolve: (signal: NodeJS.Signals) => void;
  let ended: number | undefined;
  const signal = new Promise<NodeJS.Signals>((done) => {
    resolve = done;
  });
  const onEnd = (name: NodeJS.Signals): void => {
    const now = performance.now();
    if (ended !== undefined && now - ended > SAME_WISH) process.exit(1);
    ended ??= now;
    resolve(name);
  };
  const onOther = (name: NodeJS.Signals): void => log?.warn(`${name} is not supported yet; nothing is done`);
  for (const name of ENDING) process.on(name, onEnd);
  for (const name of UNSUPPORTED) process.on(name, onOther);
  const release = (): void => {
    for (const name of ENDING) process.off(name, onEnd);
    for (const name of UNSUPPORTED) process.off(name, onOther);
  };
  return { signal, useLog: (opened) => (log = opened), release };
};
