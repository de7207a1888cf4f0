import { statusLines } from '../admin/status-lines.js';
import type { Log } from '../log.js';
import type { RunningServer } from '../shards/supervisor.js';
import type { ControlSignal } from './end-signals.js';

type Controlled = Pick<RunningServer, 'reload' | 'restartClients' | 'status'>;

/** What a running server does on the signals that do not end it, as openvpn does. */
export const controlBySignals =
  (server: Controlled, log: Log): ((name: ControlSignal) => void) =>
  (name) => {
    carryOut(name, server, log).catch((error: Error) => log.error(`${name}: ${error.message}`));
  };

const carryOut = async (name: ControlSignal, server: Controlled, log: Log): Promise<void> => {
  log.info(`${name} received`);
  switch (name) {
    case 'SIGHUP':
      await server.reload();
      break;
    case 'SIGUSR1':
      log.info('clients are told to connect again', { clients: server.restartClients() });
      break;
    case 'SIGUSR2':
      for (const line of statusLines(await server.status())) log.info(line);
      break;
  }
};
