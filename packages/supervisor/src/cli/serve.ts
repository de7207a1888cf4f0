import { type ConfigSource, type LoadedConfig, loadConfig } from '../config/load-config.js';
import { type Problem, problemText } from '../config/problem.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { loadNative } from '../shards/native-port.js';
import type { RunningServer } from '../shards/supervisor.js';
import { compileLate } from '../system/compile-late.js';
import { ownProgram, takeOverDescriptor } from '../upgrade/program.js';
import type { TakeOver } from '../upgrade/take-over.js';
import { complain } from './complain.js';
import { controlBySignals } from './control-signals.js';
import { awaitEnd, type EndReason } from './end-signals.js';
import { faultFile } from './fault-switch.js';
import { openLog, openPidFile } from './process-files.js';
import { tellServiceManager } from './service-manager.js';

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
  const takeOver = await openTakeOver();
  const { config, problems } = read();
  if (config === null) {
    const errors = problems.filter(({ severity }) => severity === 'error').map(problemText);
    for (const error of errors) complain(error);
    takeOver?.refuse(errors.join('; '));
    return 1;
  }
  const end = awaitEnd();
  try {
    return await run({ config, problems, faults, read, base, takeOver }, end, onListening);
  } catch (error) {
    takeOver?.refuse(error instanceof Error ? error.message : String(error));
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
  readonly base: string;
  readonly takeOver: TakeOver | null;
}

/** Where another process has started this one to hand over to it. */
const openTakeOver = async (): Promise<TakeOver | null> => {
  const fd = takeOverDescriptor();
  if (fd === null) return null;
  const { TakeOver } = await import('../upgrade/take-over.js');
  return new TakeOver(await loadNative(), fd);
};

const run = async (
  { config, problems, read, faults, base, takeOver }: Readable,
  end: End,
  onListening: OnListening,
): Promise<number> => {
  const log = openLog(config, takeOver !== null);
  for (const problem of problems) log[problem.severity === 'warning' ? 'warn' : 'info'](problemText(problem));
  end.useLog(log);
  const pidFile = openPidFile(config);
  if (takeOver === null) pidFile?.write();
  compileLate();
  // The certificate library alone takes a while to load: commands that do not serve do without it.
  const { startServer } = await import('../shards/supervisor.js');
  const server = await startServer(config, log, undefined, {
    readAgain: read,
    faults,
    program: ownProgram(base),
    takeOver,
  });
  if (takeOver !== null) pidFile?.write();
  end.useControl(controlBySignals(server, log));
  log.info('ready', { pid: process.pid, workers: server.workers });
  await tellServiceManager('READY=1', log);
  onListening(server, config);
  const reason: EndReason | number = await Promise.race([end.signal, server.failed, server.replaced]);
  if (typeof reason === 'number') {
    await tellServiceManager(`MAINPID=${reason}`, log);
    log.info(`process ${reason} has taken over: leaving`);
  } else if (reason instanceof Error) log.error(`the server cannot go on: ${reason.message}`);
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
