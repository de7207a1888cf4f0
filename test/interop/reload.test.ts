import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Running } from './lab/host.js';
import { keyFile } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { POOL_OF_TWO, type ServerSettings, shardvpnCommand, writeServerConfig } from './lab/server.js';
import { until } from './lab/until.js';

const { ours } = useLab();

ours('what can change does, what cannot is named, and a running client loses no packet', async (lab) => {
  const { server, config } = await start(lab, { lines: ['push "route 10.50.0.0 255.255.0.0"'] });
  const running = await Client.connect(lab, 2);
  const pings = running.ping('10.8.0.1', ['-i', '0.02', '-c', '400', '-W', '2']);
  const revoking = `crl-verify ${keyFile('ec', 'crl.pem')}`;
  const next = [`cert ${keyFile('ec', 'next-server.crt')}`, `key ${keyFile('ec', 'next-server.key')}`];
  rewrite(lab, config, {
    lines: ['push "route 10.60.0.0 255.255.0.0"', 'tun-mtu 1400', 'keepalive 5 30', revoking, ...next],
  });
  const { code, output } = await reload(lab, config);
  expect({ code, output }).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^changed: push, keepalive\/ping, keepalive\/ping-restart, cert, key, crl-verify$/m),
  });
  expect(output).toContain('needs a restart: tun-mtu (device and clients have agreed on it)');
  const later = await Client.connect(lab, 3, { name: 'client2' });
  expect(later.log()).toMatch(/VERIFY OK: depth=0.*CN=next-server/);
  expect(later.pushed).toContain('route 10.60.0.0 255.255.0.0');
  expect(later.pushed).toContain('ping 5,ping-restart 30');
  expect(later.pushed).not.toContain('10.50.0.0');
  Client.start(lab, 4, { name: 'revoked' });
  await until('the server refuses the revoked client', () => /refused: .*revoked/.test(server.log()));
  expect(await pings).toEqual({ sent: 400, received: 400 });
  expect(running.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  expect(await later.reaches('10.8.0.1')).toBe(true);
});

ours('a connected client renegotiates against the new certificate and goes on', async (lab) => {
  const { server, config } = await start(lab, { lines: ['reneg-sec 5'] });
  const client = await Client.connect(lab, 2);
  expect(client.log()).not.toContain('CN=next-server');
  const lines = ['reneg-sec 5', `cert ${keyFile('ec', 'next-server.crt')}`, `key ${keyFile('ec', 'next-server.key')}`];
  rewrite(lab, config, { lines });
  server.signal('SIGHUP');
  await server.says(/configuration read again changed="cert key"/);
  const { sent, received } = await client.ping('10.8.0.1', ['-i', '0.02', '-c', '400', '-W', '2']);
  await client.process.says(/VERIFY OK: depth=0.*CN=next-server/);
  expect({ sent, received }).toEqual({ sent: 400, received: 400 });
  expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
});

ours('a file with an error changes nothing and says where', async (lab) => {
  const { server, config } = await start(lab, { lines: ['push "route 10.50.0.0 255.255.0.0"'] });
  rewrite(lab, config, { lines: ['max-clients none', 'push "route 10.60.0.0 255.255.0.0"'] });
  const answer = await lab.serverHost.exec(process.execPath, '--input-type=module', '-e', POST);
  expect(JSON.parse(answer.output)).toMatchObject({
    status: 422,
    report: {
      result: 'refused',
      changed: [],
      problems: [expect.stringMatching(/\.conf:\d+: max-clients: 'none' is not/)],
    },
  });
  expect(await reload(lab, config)).toMatchObject({
    code: 1,
    output: expect.stringMatching(/\.conf:\d+: max-clients: /),
  });
  await server.says(/error: .*\.conf:\d+: max-clients: [\s\S]*nothing has been changed/);
  const client = await Client.connect(lab, 2);
  expect(client.pushed).toContain('route 10.50.0.0');
});

ours('SIGHUP goes on in new log and status files where the old ones were moved away', async (lab) => {
  const [log, status] = [join(lab.folder, 'rotated.log'), join(lab.folder, 'rotated.status')];
  const config = writeServerConfig(lab, { lines: [`log-append ${log}`, `status ${status} 1`] });
  const server = lab.serverHost.start('server', [...shardvpnCommand, '--config', config]);
  const has = (file: string, pattern: RegExp): boolean => existsSync(file) && pattern.test(readFileSync(file, 'utf8'));
  await until('it is ready', () => has(log, /ready pid=/), { seconds: 60 });
  await until('there is a status', () => existsSync(status));
  for (const file of [log, status]) renameSync(file, `${file}.1`);
  server.signal('SIGHUP');
  await until('the new log goes on', () => has(log, /configuration read again/), { seconds: 60 });
  expect(has(`${log}.1`, /configuration read again/)).toBe(false);
  await Client.connect(lab, 2);
  await until('the new status lists the client', () => has(status, /client1,192\.0\.2\.2/), { seconds: 60 });
  await until('the new log tells of the client', () => has(log, /client1 connected/));
  expect(has(`${log}.1`, /client1 connected/)).toBe(false);
});

ours('a pool that grows takes more clients, and another verb says more', async (lab) => {
  const pool = (last: number, verb: number): ServerSettings => ({
    without: [...(POOL_OF_TWO.without ?? []), 'verb'],
    lines: [
      ...(POOL_OF_TWO.lines ?? []).map((line) => line.replace('10.8.0.51', `10.8.0.${last}`)),
      'duplicate-cn',
      'reneg-sec 3',
      `verb ${verb}`,
    ],
  });
  const { server, config } = await start(lab, pool(51, 3));
  const clients = [await Client.connect(lab, 2), await Client.connect(lab, 3)];
  const third = Client.start(lab, 4);
  await server.says(/client1 refused: /, 60);
  expect(server.log()).not.toMatch(/debug:/);
  rewrite(lab, config, pool(52, 4));
  expect(await reload(lab, config)).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^changed: server\/ifconfig-pool, verb$/m),
  });
  await third.connected(1, 60);
  expect(third.ipv4).toBe('10.8.0.52');
  await server.says(/debug: client1 renegotiated/, 60);
  for (const client of clients) expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
});

ours('SIGUSR1 brings the clients back to their addresses, SIGUSR2 writes the status', async (lab) => {
  const { server } = await start(lab, {});
  const client = await Client.connect(lab, 2);
  const before = client.ipv4;
  await server.says(/client1 connected/);
  server.signal('SIGUSR2');
  await server.says(/status: client1 from 192\.0\.2\.2:\d+, 10\.8\.0\.\d+, shard/);
  server.signal('SIGUSR1');
  await server.says(/told to connect again clients=1/);
  await client.connected(2);
  expect(client.ipv4).toBe(before);
  expect(await client.reaches('10.8.0.1')).toBe(true);
});

ours('reload says when no server answers, and reaches one without admin-http by its pid file', async (lab) => {
  const config = writeServerConfig(lab);
  expect(await reload(lab, config)).toMatchObject({
    code: 1,
    output: expect.stringContaining('no server answers at 127.0.0.1'),
  });
  const pidFile = `${config}.pid`;
  const other = await start(lab, { without: ['admin-http'], lines: [`writepid ${pidFile}`] });
  rewrite(lab, other.config, { without: ['admin-http'], lines: [`writepid ${pidFile}`, 'max-clients 7'] });
  expect(await reload(lab, other.config)).toMatchObject({ code: 0, output: expect.stringContaining('told to reload') });
  await other.server.says(/configuration read again changed=max-clients/);
});

const POST = `const r = await fetch('http://127.0.0.1:8505/reload', { method: 'POST' });
console.log(JSON.stringify({ status: r.status, report: await r.json() }));`;

/** A server whose file can be written again. */
async function start(lab: Lab, settings: ServerSettings): Promise<{ server: Running; config: string }> {
  const config = writeServerConfig(lab, settings);
  const server = lab.serverHost.start('server', [...shardvpnCommand, '--config', config]);
  await server.says(/ready pid=/);
  return { server, config };
}

function rewrite(lab: Lab, config: string, settings: ServerSettings): void {
  copyFileSync(writeServerConfig(lab, settings), config);
}

const reload = (lab: Lab, config: string) => lab.serverHost.exec(...shardvpnCommand, 'reload', config);
