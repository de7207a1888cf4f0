import { createSocket } from 'node:dgram';
import { relative } from 'node:path';
import { VpnError } from '@shardvpn/core';
import { takesOver } from '../upgrade/program.js';
import { tell } from './complain.js';
import { DataDirectory } from './data-directory.js';
import { ownAddress, parseRemote, type Remote } from './remote.js';
import { serve } from './serve.js';

export interface QuickstartOptions {
  readonly dataDir: string;
  readonly port?: number;
  readonly remote?: string;
  readonly workers?: number;
}

const FIRST_CLIENT = 'client1';
const DEFAULT_PORT = 1194;

/** Makes everything a server needs on the first run, takes it up again later, and serves. Resolves to the exit code. */
export const quickstart = async (options: QuickstartOptions): Promise<number> => {
  const data = await prepare(options);
  const overrides = options.workers === undefined ? [] : ['--workers', String(options.workers)];
  return serve({ arguments: ['--config', shortPath(data.configFile), ...overrides] }, (server, config) => {
    const endpoints = server.listening.map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    );
    const profile = shortPath(data.profileFile(FIRST_CLIENT));
    tell('');
    tell(
      `ShardVPN listens on UDP ${endpoints.join(' and ')}, with ${server.workers} ${server.workers === 1 ? 'shard' : 'shards'} on ${server.device}.`,
    );
    if (server.adminUrl !== null) tell(`Status:  ${server.adminUrl}/status`);
    tell(`Server:  ${shortPath(config.source)}`);
    if (data.authority.find(FIRST_CLIENT) !== undefined) {
      tell(`Profile: ${profile} (connects to ${data.remote.host}, port ${data.remote.port})`);
      tell('');
      tell('Copy the profile to a client and run there:');
      tell(`  sudo openvpn --config ${profile.slice(profile.lastIndexOf('/') + 1)}`);
      tell('or, where the profile is:');
      tell(`  sudo openvpn --config ${profile}`);
    }
    tell('Another client: npx shardvpn client add NAME. Ctrl-C stops the server.');
    tell('');
  });
};

const prepare = async ({ dataDir, port, remote }: QuickstartOptions): Promise<DataDirectory> => {
  const existing = DataDirectory.open(dataDir);
  const listenPort = port ?? (existing?.complete ? existing.port : DEFAULT_PORT);
  if (!takesOver()) await requireFreePort(listenPort);
  if (existing?.complete) {
    takeUp(existing, listenPort, remote);
    await existing.authority.renewCrl();
    return existing;
  }
  const target: Remote = parseRemote(remote ?? bracketed(ownAddress()), listenPort);
  tell(`First run: making certificates and keys under ${dataDir} ...`);
  const data = await DataDirectory.create(dataDir, listenPort);
  await data.addClient(FIRST_CLIENT, target);
  data.remote = target;
  return data;
};

/** A port or an address given later on goes into `server.conf` and the profiles. */
const takeUp = (data: DataDirectory, port: number, remote: string | undefined): void => {
  const portChanged = port !== data.port;
  if (portChanged) data.port = port;
  if (remote !== undefined) data.moveTo(parseRemote(remote, port));
  else if (portChanged) data.moveTo({ ...data.remote, port });
};

/** The sockets share their port among the shards, so another server of ours on it would go unnoticed. */
const requireFreePort = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const probe = createSocket('udp4');
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'in use by another program' : (error.code ?? error.message);
      reject(
        new VpnError(
          'config/port',
          `UDP port ${port} is ${why}; choose another one: --port ${port === 1195 ? 1196 : 1195}`,
        ),
      );
    });
    probe.bind(port, () => probe.close(() => resolve()));
  });

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** Relative to the working directory where that is below it. */
const shortPath = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : `./${short}`;
};
