import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { keyFile } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { type ServerSettings, shardvpnCommand, writeServerConfig } from './lab/server.js';
import { until } from './lab/until.js';

const { ours } = useLab();

const CASES: readonly { what: string; settings: ServerSettings; says: RegExp; wrapper?: readonly string[] }[] = [
  {
    what: 'a missing certificate file',
    settings: { lines: ['cert /nowhere/server.crt'] },
    says: /\/nowhere\/server\.crt/,
  },
  {
    what: 'a file that is not PEM',
    settings: { lines: ['ca /etc/hostname'] },
    says: /\/etc\/hostname.*(PEM|certificate)/,
  },
  {
    what: 'a key that does not belong to the certificate',
    settings: { lines: [`key ${keyFile('rsa', 'server.key')}`] },
    says: /key.*(match|belong)/i,
  },
  {
    what: 'an expired server certificate',
    settings: { lines: [`cert ${keyFile('ec', 'expired-server.crt')}`, `key ${keyFile('ec', 'expired-server.key')}`] },
    says: /expired/i,
  },
  {
    what: 'a static key that is none',
    settings: { lines: ['tls-crypt /etc/hostname'] },
    says: /tls-crypt|static key/i,
  },
  { what: 'an unknown directive', settings: { lines: ['keepalivee 10 60'] }, says: /:\d+:.*keepalivee.*keepalive\b/ },
  {
    what: 'a directive that is not supported yet',
    settings: { lines: ['management 127.0.0.1 7505'] },
    says: /management.*not supported/i,
  },
  { what: 'an address of another machine', settings: { lines: ['local 203.0.113.9'] }, says: /203\.0\.113\.9/ },
  {
    what: 'no permission for the TUN device',
    settings: {},
    wrapper: ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'],
    says: /tun.*(root|CAP_NET_ADMIN|permi)/i,
  },
  {
    what: 'no /dev/net/tun',
    settings: {},
    wrapper: ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$0" "$@"'],
    says: /\/dev\/net\/tun/,
  },
];

for (const { what, settings, says, wrapper = [] } of CASES) {
  ours(`${what}: one clear line and exit code 1`, async (lab) => {
    await expectOneLine(lab, [...wrapper, ...shardvpnCommand, '--config', writeServerConfig(lab, settings)], says);
  });
}

ours('a missing configuration file: one clear line and exit code 1', async (lab) => {
  await expectOneLine(lab, [...shardvpnCommand, '--config', '/nowhere/server.conf'], /\/nowhere\/server\.conf/);
});

ours('a port in use: one clear line and exit code 1', async (lab) => {
  const squatter = "require('dgram').createSocket('udp4').bind(1194, () => console.log('bound'))";
  await lab.serverHost.start('squatter', [process.execPath, '-e', squatter]).says(/bound/);
  await expectOneLine(lab, [...shardvpnCommand, '--config', writeServerConfig(lab)], /1194.*(in use|another program)/i);
});

ours('a port of the admin page in use: one clear line and exit code 1, and nothing about clients', async (lab) => {
  const squatter = "require('net').createServer().listen(8505, '127.0.0.1', () => console.log('bound'))";
  await lab.serverHost.start('squatter', [process.execPath, '-e', squatter]).says(/bound/);
  const { code, output } = await lab.serverHost.exec(...shardvpnCommand, '--config', writeServerConfig(lab));
  expect(code).toBe(1);
  expect(output).toMatch(/8505.*(in use|another program)/i);
  expect(output).not.toMatch(/not every client/);
});

ours('a second server with the same device and port does not harm the first', async (lab) => {
  const config = writeServerConfig(lab);
  const first = lab.serverHost.start('server', [...shardvpnCommand, '--config', config]);
  await until(
    'the first listens',
    async () => (await lab.serverHost.get('http://127.0.0.1:8505/healthz').catch(() => null))?.status === 200,
  );
  await expectOneLine(lab, [...shardvpnCommand, '--config', config], /in use|busy|another/i);
  expect(first.isRunning).toBe(true);
  expect(await first.stop()).toBe(0);
});

ours('check reports every error at once, with file and line, and a good file as good', async (lab) => {
  const bad = join(lab.folder, 'bad.conf');
  writeFileSync(bad, ['port 99999', 'dev tun', 'ca /nowhere/ca.crt', 'frobnicate 1', 'server 10.8.0.0'].join('\n'));
  const refused = await lab.serverHost.exec(...shardvpnCommand, 'check', bad);
  expect(refused.code).toBe(1);
  for (const line of [1, 3, 4, 5]) expect(refused.output).toMatch(new RegExp(`bad\\.conf:${line}: `));
  expect(refused.output).not.toMatch(/^\s+at /m);
  const good = await lab.serverHost.exec(...shardvpnCommand, 'check', writeServerConfig(lab));
  expect({ code: good.code, output: good.output }).toMatchObject({ code: 0 });
});

async function expectOneLine(lab: Lab, command: readonly string[], says: RegExp): Promise<void> {
  const { code, output } = await lab.serverHost.exec(...command);
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/\b(note|info|warn(ing)?)\b/i.test(line));
  expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringMatching(says)] });
}
