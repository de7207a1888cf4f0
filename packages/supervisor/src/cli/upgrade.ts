import { loadConfig } from '../config/load-config.js';
import { problemText } from '../config/problem.js';
import type { UpgradeReport } from '../upgrade/upgrader.js';
import { askRunningServer } from './ask-running-server.js';
import { complain, tell } from './complain.js';

/** Longer than everything that the server itself waits for. */
const WAIT_MS = 120_000;

/**
 * `shardvpn upgrade FILE`: asks the server that runs with this file, at its `admin-http` address, to start the program that
 * is installed now and to hand its clients over to it. Resolves to the exit code.
 */
export const upgrade = async (file: string): Promise<number> => {
  const { config, problems } = loadConfig({ arguments: ['--config', file] });
  if (config === null) {
    for (const problem of problems.filter(({ severity }) => severity === 'error')) complain(problemText(problem));
    complain('the configuration has errors: the server was not asked');
    return 1;
  }
  if (config.adminHttp === null) {
    complain(
      `shardvpn: ${file} has no admin-http; add "admin-http 127.0.0.1:8505" and restart once to upgrade this way`,
    );
    return 1;
  }
  const report = await askRunningServer<UpgradeReport>(config.adminHttp, '/upgrade', WAIT_MS);
  return report === null ? 1 : tellReport(report);
};

const tellReport = ({ result, problem, pid, version, sessions, pauseMs }: UpgradeReport): number => {
  if (result === 'upgraded') {
    tell(`process ${pid}, version ${version}, serves ${sessions} clients after a pause of ${pauseMs} ms`);
    return 0;
  }
  complain(`shardvpn: ${problem}`);
  complain(`nothing has been changed: process ${pid} goes on`);
  return 1;
};
