import { readFileSync } from 'node:fs';
import { loadConfig } from '../config/load-config.js';
import { problemText } from '../config/problem.js';
import { fileFault } from '../config/read.js';
import type { ServerConfig } from '../config/server-config.js';
import type { ReloadReport } from '../shards/reloader.js';
import { askRunningServer } from './ask-running-server.js';
import { complain, tell } from './complain.js';

/**
 * `shardvpn reload FILE`: asks the server that runs with this file to read it again, at its `admin-http` address or,
 * without one, by SIGHUP to the process of its `writepid` file. Resolves to the exit code.
 */
export const reload = async (file: string): Promise<number> => {
  const { config, problems } = loadConfig({ arguments: ['--config', file] });
  if (config === null) {
    for (const problem of problems.filter(({ severity }) => severity === 'error')) complain(problemText(problem));
    complain('the configuration has errors: the server was not asked');
    return 1;
  }
  if (config.adminHttp !== null) return askServer(config.adminHttp);
  if (config.writepid !== null) return sendSignal(config.writepid);
  complain(`shardvpn: ${file} says neither admin-http nor writepid; send SIGHUP to the server's process yourself`);
  return 1;
};

const askServer = async (endpoint: NonNullable<ServerConfig['adminHttp']>): Promise<number> => {
  const report = await askRunningServer<ReloadReport>(endpoint, '/reload', WAIT_MS);
  return report === null ? 1 : tellReport(report);
};

const WAIT_MS = 20_000;

const tellReport = ({ result, changed, notChanged, problems }: ReloadReport): number => {
  for (const problem of problems) complain(problem);
  if (result === 'refused') {
    complain('nothing has been changed');
    return 1;
  }
  tell(result === 'changed' ? `changed: ${changed.join(', ')}` : 'nothing to change');
  for (const { directive, reason } of notChanged) tell(`needs a restart: ${directive} (${reason})`);
  return 0;
};

const sendSignal = (pidFile: string): number => {
  const pid = readPid(pidFile);
  try {
    process.kill(pid, 'SIGHUP');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      code === 'ESRCH'
        ? `no process ${pid} (from ${pidFile}): the server does not run`
        : `cannot signal process ${pid} (from ${pidFile}): ${code}`,
    );
  }
  tell(`process ${pid} has been told to reload; its log says what has changed`);
  return 0;
};

const readPid = (pidFile: string): number => {
  let text: string;
  try {
    text = readFileSync(pidFile, 'utf8').trim();
  } catch (error) {
    throw new Error(`cannot read the pid file ${pidFile}: ${fileFault(error)}; is the server running?`);
  }
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`the pid file ${pidFile} holds no process number`);
  return Number(text);
};
