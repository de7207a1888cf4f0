import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

type Timers = Pick<ServerConfig, 'pingInterval' | 'pingTimeout' | 'renegSec' | 'handWindow' | 'tranWindow'> & {
  /** Push options of `keepalive`. */
  readonly push: readonly string[];
};

/** All times in seconds. A server drops a silent client whichever of `ping-restart` and `ping-exit` says so; the later one counts. `keepalive a b` pushes both and waits twice as long itself, so that clients notice first. */
export const readTimers = (settings: Settings): Timers => {
  const windows = {
    renegSec: settings.integer('reneg-sec', 3600, 0, MAX_SECONDS),
    handWindow: settings.integer('hand-window', 60, 1, MAX_SECONDS),
    tranWindow: settings.integer('tran-window', 3600, 0, MAX_SECONDS),
  };
  const keepalive = settings.last('keepalive');
  if (keepalive === undefined) {
    const pingInterval = settings.integer('ping', 0, 0, MAX_SECONDS);
    const silence = settings.last('ping-restart', 'ping-exit');
    const pingTimeout = silence === undefined ? 0 : settings.integerAt(silence, 0, 0, 0, MAX_SECONDS);
    if (pingTimeout === 0) {
      const place = { file: settings.source, line: 0 };
      settings.problems.add(
        'warning',
        place,
        'keepalive',
        'missing: clients that vanish keep their address; add: keepalive 10 60',
      );
    }
    return { ...windows, pingInterval, pingTimeout, push: [] };
  }
  for (const entry of ['ping', 'ping-restart', 'ping-exit'].flatMap((name) => settings.all(name))) {
    settings.error(entry, 'keepalive sets it already; remove one of the two');
  }
  const interval = settings.integerAt(keepalive, 0, 10, 1, MAX_SECONDS);
  const timeout = settings.integerAt(keepalive, 1, 60, 1, MAX_SECONDS);
  if (timeout < 2 * interval) {
    settings.error(
      keepalive,
      `the second number must be at least twice the first; write: keepalive ${interval} ${6 * interval}`,
    );
  }
  const push = [`ping ${interval}`, `ping-restart ${timeout}`];
  return { ...windows, pingInterval: interval, pingTimeout: 2 * timeout, push };
};

/** Timers take 32-bit milliseconds. */
const MAX_SECONDS = 2_000_000;
