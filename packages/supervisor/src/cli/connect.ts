import { loadProfile } from '../client/load-profile.js';
import type { ClientProfile } from '../client/profile.js';
import { type Problem, problemText } from '../config/problem.js';
import { complain } from './complain.js';
import { awaitEnd } from './end-signals.js';
import { openLog, openPidFile } from './process-files.js';

/** Runs a client in the foreground until a signal or the server ends it. Resolves to the exit code; what is wrong is told, not thrown. */
export const connect = async (words: readonly string[]): Promise<number> => {
  const { profile, problems } = loadProfile({ arguments: words });
  if (profile === null) {
    for (const problem of problems.filter(({ severity }) => severity === 'error')) complain(problemText(problem));
    return 1;
  }
  const end = awaitEnd();
  try {
    return await run(profile, problems, end);
  } catch (error) {
    complain(`shardvpn: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    end.release();
  }
};

/** Whoever stops a client waits for at most 3 s. */
const LEAVE_LIMIT_MS = 2_000;

const run = async (
  profile: ClientProfile,
  problems: readonly Problem[],
  end: ReturnType<typeof awaitEnd>,
): Promise<number> => {
  const log = openLog(profile);
  for (const problem of problems) log[problem.severity === 'warning' ? 'warn' : 'info'](problemText(problem));
  end.useLog(log);
  openPidFile(profile)?.write();
  const [{ RunningClient }, native] = await Promise.all([
    import('../client/run-client.js'),
    import('../shards/native-port.js').then(({ loadNative }) => loadNative()),
  ]);
  const client = new RunningClient(native, profile, log);
  const outcome = await Promise.race([end.signal, client.ended]);
  if (typeof outcome === 'string') {
    log.info(`${outcome}: leaving`);
    await client.stop(LEAVE_LIMIT_MS);
    return 0;
  }
  if (outcome.fault === null) return 0;
  log.error(outcome.fault);
  complain(`shardvpn: ${outcome.fault}`);
  return 1;
};
