import type { RefusedWish } from '../admin/control-routes.js';
import { loadConfig } from '../config/load-config.js';
import { problemText } from '../config/problem.js';
import type { ClientSelector } from '../registry/client-selector.js';
import type { PushUpdateReport } from '../registry/push-updater.js';
import type { KickReport } from '../shards/client-control.js';
import { askRunningServer } from './ask-running-server.js';
import { complain, tell } from './complain.js';

export interface ClientChoice {
  readonly all?: boolean;
  readonly client?: string;
}

/** `shardvpn push-update FILE --client NAME OPTION...`. Resolves to the exit code: 1 when a client has not been updated. */
export const pushUpdate = async (file: string, options: readonly string[], choice: ClientChoice): Promise<number> => {
  const report = await post<PushUpdateReport>(file, '/push-update', choice, { options });
  if (report === null) return 1;
  for (const { name, peerId } of report.updated) tell(`updated: ${name} (${peerId})`);
  for (const { name, peerId, reason } of report.notUpdated) tell(`not updated: ${name} (${peerId}): ${reason}`);
  if (report.updated.length + report.notUpdated.length === 0) complain('no such client is connected');
  return report.updated.length > 0 && report.notUpdated.length === 0 ? 0 : 1;
};

export interface KickChoice extends ClientChoice {
  readonly reconnect?: boolean;
  readonly nextServer?: boolean;
  readonly text?: string;
}

/** `shardvpn kick FILE --client NAME`. Resolves to the exit code. */
export const kick = async (file: string, { reconnect, nextServer, text, ...choice }: KickChoice): Promise<number> => {
  const report = await post<KickReport>(file, '/kick', choice, { reconnect, nextServer, text });
  if (report === null) return 1;
  for (const { name, peerId } of report.kicked) tell(`sent away: ${name} (${peerId})`);
  if (report.kicked.length === 0) complain('no such client is connected');
  return report.kicked.length > 0 ? 0 : 1;
};

const WAIT_MS = 20_000;

/** What the server that runs with this file answers at its `admin-http` address; null when it refuses, which has been told. */
const post = async <Report extends object>(
  file: string,
  path: string,
  { all, client }: ClientChoice,
  wish: object,
): Promise<Report | null> => {
  if ((all === true) === (client !== undefined)) {
    complain('shardvpn: say either --client NAME or --all');
    return null;
  }
  const { config, problems } = loadConfig({ arguments: ['--config', file] }, undefined, undefined, {
    // Whether something checks users is the running server's affair.
    checksUsers: true,
  });
  if (config === null) {
    for (const problem of problems.filter(({ severity }) => severity === 'error')) complain(problemText(problem));
    return null;
  }
  if (config.adminHttp === null) {
    complain(`shardvpn: ${file} has no admin-http, so the server cannot be asked`);
    return null;
  }
  const clients: ClientSelector = client === undefined ? 'all' : { name: client };
  const body = JSON.stringify({ clients, ...wish });
  const report = await askRunningServer<Report | RefusedWish>(config.adminHttp, path, WAIT_MS, body);
  if (report === null || !('result' in report)) return report;
  for (const problem of report.problems) complain(problem);
  return null;
};
