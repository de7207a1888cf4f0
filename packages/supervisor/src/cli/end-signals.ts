import type { Log } from '../log.js';

/** Name of the signal, or the fault that ended the server. */
export type EndReason = NodeJS.Signals | Error;

const ENDING = ['SIGTERM', 'SIGINT'] as const;
/** SIGHUP reloads, SIGUSR1 restarts the sessions, SIGUSR2 reports. They never end the process, not even while it starts. */
const CONTROL = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
export type ControlSignal = (typeof CONTROL)[number];

/** Milliseconds. npm passes on the SIGINT that a terminal has sent to everybody: one Ctrl-C arrives twice. */
const SAME_WISH = 500;

/** Listens for signals until `release`. SIGINT or SIGTERM again, by somebody who has lost patience, ends the process at once. */
export const awaitEnd = (): {
  readonly signal: Promise<NodeJS.Signals>;
  useLog(log: Log): void;
  /** Takes the control signals from now on. */
  useControl(control: (name: ControlSignal) => void): void;
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
  let control = (name: ControlSignal): void => log?.warn(`${name} came before the server was ready; nothing is done`);
  const onControl = (name: NodeJS.Signals): void => control(name as ControlSignal);
  for (const name of ENDING) process.on(name, onEnd);
  for (const name of CONTROL) process.on(name, onControl);
  const release = (): void => {
    for (const name of ENDING) process.off(name, onEnd);
    for (const name of CONTROL) process.off(name, onControl);
  };
  const useControl = (handler: (name: ControlSignal) => void): void => {
    control = handler;
  };
  return { signal, useLog: (opened) => (log = opened), useControl, release };
};
