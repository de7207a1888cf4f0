import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect } from '@jest/globals';
import type { Running } from './lab/host.js';
import { type Lab, useLab } from './lab/lab.js';
import { shardvpnCommand } from './lab/server.js';
import { until } from './lab/until.js';
import { endHeirs, upgrade } from './lab/upgrade.js';

const { ours } = useLab();
afterEach(endHeirs);
let folders = 0;

ours('from an empty folder to a connected client, another client, a revocation, and Ctrl-C', async (lab) => {
  const cwd = join(lab.folder, `quickstart-${++folders}`);
  mkdirSync(cwd);
  const cli = (...words: string[]) =>
    lab.serverHost.exec('sh', '-c', `cd '${cwd}' && exec "$0" "$@"`, ...shardvpnCommand, ...words);
  const server = await quickstart(lab, cwd);
  const profile = join(cwd, 'shardvpn-data/clients/client1.ovpn');
  await server.says(/shardvpn-data\/clients\/client1\.ovpn/);
  await server.says(/openvpn --config/);
  expect(statSync(profile).mode & 0o777).toBe(0o600);

  const first = await connect(lab, 2, profile);
  expect((await lab.host(2).exec('ping', '-c', '2', '-i', '0.2', '10.8.0.1')).code).toBe(0);

  expect(await cli('client', 'add', 'laptop', '--remote', lab.serverHost.ipv4)).toMatchObject({ code: 0 });
  await connect(lab, 3, join(cwd, 'shardvpn-data/clients/laptop.ovpn'));
  expect((await cli('client', 'list')).output).toMatch(/client1[\s\S]*laptop/);

  expect(await cli('client', 'revoke', 'client1')).toMatchObject({ code: 0 });
  await until(
    'the revoked client is cut off',
    async () => (await lab.host(2).exec('ping', '-c', '1', '-W', '1', '10.8.0.1')).code !== 0,
  );
  await first.stop();
  expect((await lab.host(3).exec('ping', '-c', '2', '-i', '0.2', '10.8.0.1')).code).toBe(0);
  expect((await cli('client', 'add', '../evil')).code).toBe(1);

  server.signal('SIGINT');
  expect(await server.ended).toBe(0);
  const again = await quickstart(lab, cwd);
  expect(readFileSync(join(cwd, 'shardvpn-data/clients/laptop.ovpn'), 'utf8')).toContain('<tls-crypt>');
  expect(await again.stop()).toBe(0);
});

ours('the status endpoint of quickstart answers, and it can be upgraded', async (lab) => {
  const cwd = join(lab.folder, `quickstart-${++folders}`);
  mkdirSync(cwd);
  const server = await quickstart(lab, cwd);
  const url = 'http://127.0.0.1:8505';
  expect(await lab.serverHost.get(`${url}/healthz`)).toMatchObject({ status: 200 });
  expect((await lab.serverHost.get(`${url}/metrics`)).body).toMatch(/^shardvpn_clients\{shard="0"\} 0$/m);
  expect(JSON.parse((await lab.serverHost.get(`${url}/status`)).body)).toMatchObject({ clients: [] });
  expect((await lab.serverHost.get(`${url}/nothing`)).status).toBe(404);
  await upgrade(lab, join(cwd, 'shardvpn-data/server.conf'), null);
  expect(await server.ended).toBe(0);
});

async function quickstart(lab: Lab, cwd: string): Promise<Running> {
  lab.host(2); // before a neighbour is there the network is not up, and no address would do for the profile
  const server = lab.serverHost.start('quickstart', [...shardvpnCommand, 'quickstart'], { cwd });
  await until('quickstart is ready', async () => {
    if (!server.isRunning) throw new Error('quickstart ended');
    return (await lab.serverHost.get('http://127.0.0.1:8505/healthz').catch(() => null))?.status === 200;
  });
  return server;
}

async function connect(lab: Lab, host: number, profile: string): Promise<Running> {
  const client = lab.host(host).start('client', ['openvpn', '--config', profile, '--dev', 'tun0']);
  await client.says(/Initialization Sequence Completed/);
  return client;
}
