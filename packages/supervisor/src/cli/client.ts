import { VpnError } from '@shardvpn/core';
import { tell } from './complain.js';
import { DataDirectory } from './data-directory.js';
import { parseRemote } from './remote.js';

export interface ClientOptions {
  readonly dataDir: string;
}

/** `shardvpn client add NAME` */
export const addClient = async (name: string, options: ClientOptions & { readonly remote?: string }): Promise<void> => {
  const data = openData(options.dataDir);
  const remote = options.remote === undefined ? data.remote : parseRemote(options.remote, data.remote.port);
  const profile = await data.addClient(name, remote);
  tell(`${name} connects to ${remote.host}, port ${remote.port}, with this profile:`);
  tell(profile);
};

/** `shardvpn client revoke NAME` */
export const revokeClient = async (name: string, options: ClientOptions): Promise<void> => {
  await openData(options.dataDir).revokeClient(name);
  tell(`${name} is revoked; a running server drops the client within seconds`);
};

/** `shardvpn client list` */
export const listClients = (options: ClientOptions): void => {
  const clients = openData(options.dataDir)
    .authority.list()
    .filter(({ role }) => role === 'client');
  const rows = clients.map(({ name, serial, notAfter, revokedAt }) => [
    name,
    revokedAt === null
      ? Date.parse(notAfter) < Date.now()
        ? 'expired'
        : 'valid'
      : `revoked ${revokedAt.slice(0, 10)}`,
    notAfter.slice(0, 10),
    serial,
  ]);
  const table = [['NAME', 'STATE', 'EXPIRES', 'SERIAL'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table)
    tell(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
};

const openData = (directory: string): DataDirectory => {
  const data = DataDirectory.open(directory);
  if (data?.complete) return data;
  throw new VpnError(
    'config/data-directory',
    `there is no data directory ${directory}; run 'shardvpn quickstart' first, or name it with --data-dir`,
  );
};
