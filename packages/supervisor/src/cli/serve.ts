import { type ConfigSource, type LoadedConfig, loadConfig } from '../config/load-config.js';
import { type Problem, problemText } from '../config/problem.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import type { RunningServer } from '../shards/supervisor.js';
import { compileLate } from '../system/compile-late.js';
import { complain } from './complain.js';
import { controlBySignals } from './control-signals.js';
import { awaitEnd, type EndReason } from './end-signals.js';
import { faultFile } from './fault-switch.js';
import { openLog, writePid } from './process-files.js';

/** Called once the server accepts clients. */
export type OnListening = (server: RunningServer, config: ServerConfig) => void;

/** Runs a server in the foreground until a signal ends it. Resolves to the exit code; what is wrong is told, not thrown. */
export const serve = async (
  source: ConfigSource,
  onListening: OnListening = () => {},
  allowFaults = false,
): Promise<number> => {
  // Relative names count from where the server was started, then and later.
  const base = process.cwd();
  const read = (): LoadedConfig => loadConfig(source, base);
  const faults = faultFile(process.env, allowFaults);
  const { config, problems } = read();
  if (config === null) {
    for (const problem of problems.filter(({ severity }) => severity === 'error')) complain(problemText(problem));
    return 1;
  }
  const end = awaitEnd();
  try {
    return await run({ config, problems, read, faults }, end, onListening);
  } catch (error) {
    complain(`shardvpn: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    end.release();
  }
};

type End = ReturnType<typeof awaitEnd>;

interface Readable {
  readonly config: ServerConfig;
  readonly problems: readonly Problem[];
  /** Reads it again. */
  readonly read: () => LoadedConfig;
  /** File of faults to inject. */
  readonly faults: string | null;
}

const run = async (
  { config, problems, read, faults }: Readable,
  end: End,
  onListening: OnListening,
): Promise<number> => {
  const log = openLog(config);
  for (const problem of problems) log[problem.severity === 'warning' ? 'warn' : 'info'](problemText(problem));
  end.useLog(log);
  writePid(config);
  compileLate();
  // The certificate library alone takes a while to load: commands that do not serve do without it.
  const { startServer } = await import('../shards/supervisor.js');
  const server = await startServer(config, log, undefined, read, faults);
  end.useControl(controlBySignals(server, log));
  log.info('ready', { pid: process.pid, workers: server.workers });
  onListening(server, config);
  const reason: EndReason = await Promise.race([end.signal, server.failed]);
  if (reason instanceof Error) log.error(`the server cannot go on: ${reason.message}`);
  else log.info(`${reason}: stopping`);
  const inTime = await stopInTime(server, log);
  if (reason instanceof Error) complain(`shardvpn: ${reason.message}`);
  return reason instanceof Error || !inTime ? 1 : 0;
};

const STOP_LIMIT_MS = 2_800;

/** Whoever stops a server waits for at most 3 s. */
const stopInTime = async (server: RunningServer, log: Log): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, STOP_LIMIT_MS, false);
  });
  const inTime = await Promise.race([server.stop().then(() => true), late]);
  clearTimeout(timer);
  if (!inTime) log.error(`stopping took more than ${STOP_LIMIT_MS} ms, leaving`);
  return inTime;
};
