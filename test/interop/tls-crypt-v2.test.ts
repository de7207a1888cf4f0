import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { type Lab, useLab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { shardvpnCommand, startServer } from './lab/server.js';
import { readStatus } from './lab/status.js';
import { until } from './lab/until.js';

const { ours } = useLab();

/** Keys of our own making. */
function makeKeys(lab: Lab, name = 'own', ...more: string[]): { server: string; client: string } {
  const [server, client] = [join(lab.folder, `${name}-server.key`), join(lab.folder, `${name}-client.key`)];
  genkey('tls-crypt-v2-server', server);
  genkey('tls-crypt-v2-client', client, '--tls-crypt-v2', server, ...more);
  return { server, client };
}

function genkey(...words: string[]): void {
  const [command = '', ...first] = shardvpnCommand;
  execFileSync(command, [...first, 'genkey', ...words]);
}

/** Has openvpn read a key of that kind, too. */
function tokens(lab: Lab): string[] {
  const file = join(lab.folder, 'tokens.key');
  genkey('auth-token', file);
  const verify = 'auth-user-pass-verify /bin/true via-file';
  return ['script-security 2', verify, 'auth-user-pass-optional', 'auth-gen-token', `auth-gen-token-secret ${file}`];
}

const own = (file: string) => ({ wrapping: 'none' as const, lines: [`tls-crypt-v2 ${file}`] });

for (const kind of ['shardvpn', 'openvpn'] as const) {
  ours(`keys made by shardvpn genkey, at a server of ${kind} with force-cookie`, async (lab) => {
    const keys = makeKeys(lab);
    const lines = [`tls-crypt-v2 ${keys.server} force-cookie`];
    if (kind === 'openvpn') lines.push(...tokens(lab));
    await startServer(lab, { kind, wrapping: 'none', lines });
    const stock = Client.start(lab, 2, { ...own(keys.client), name: 'client1' });
    await stock.connected();
    expect(await stock.reaches('10.8.0.1', 1372)).toBe(true);
    const ours = await OurClient.connect(lab, 3, own(keys.client));
    expect(await ours.reaches('10.8.0.1', 1372)).toBe(true);
  });
}

ours('beside tls-crypt on one port; a plain client gets no answer', async (lab) => {
  const keys = makeKeys(lab);
  await startServer(lab, { wrapping: 'tls-crypt', lines: [`tls-crypt-v2 ${keys.server}`] });
  const clients = [
    Client.start(lab, 2, { wrapping: 'tls-crypt', name: 'client1' }),
    Client.start(lab, 3, { ...own(keys.client), name: 'client2' }),
  ];
  for (const client of clients) {
    await client.connected();
    expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
  }
  const plain = Client.start(lab, 4, { wrapping: 'none', name: 'client3' });
  await until('the plain client has tried', () => /UDPv4 link remote/.test(plain.log()));
  await until('its packets are counted', async () => (await dropsFor(lab, 'missing-wrapping')) > 0);
  expect(plain.log()).not.toContain('TLS: Initial packet from');
});

ours('tls-crypt-v2-max-age wants keys that say how old they are', async (lab) => {
  const keys = makeKeys(lab);
  const ageless = join(lab.folder, 'ageless.key');
  genkey('tls-crypt-v2-client', ageless, '--tls-crypt-v2', keys.server, '--metadata', 'bGFwdG9w');
  const server = await startServer(lab, {
    wrapping: 'none',
    lines: [`tls-crypt-v2 ${keys.server}`, 'tls-crypt-v2-max-age 30'],
  });
  await server.says(/ShardVPN .* serves/);
  const refused = Client.start(lab, 2, { ...own(ageless), name: 'client1' });
  await until('it is refused', async () => (await dropsFor(lab, 'client-key-too-old')) > 0);
  const taken = Client.start(lab, 3, { ...own(keys.client), name: 'client2' });
  await taken.connected();
  expect(refused.log()).not.toContain('Initialization Sequence Completed');
});

ours('a new server key is taken over live, and who is connected renegotiates on', async (lab) => {
  const keys = makeKeys(lab);
  const lines = [`tls-crypt-v2 ${keys.server}`, 'reneg-sec 6'];
  const server = await startServer(lab, { wrapping: 'none', lines });
  const first = Client.start(lab, 2, { ...own(keys.client), name: 'client1' });
  await first.connected();
  const next = makeKeys(lab, 'next');
  copyFileSync(next.server, keys.server);
  server.signal('SIGHUP');
  await server.says(/configuration read again changed="?tls-crypt-v2/);
  const renegotiated = () => (first.log().match(/VERIFY OK: depth=0/g) ?? []).length;
  const before = renegotiated();
  const second = Client.start(lab, 3, { ...own(next.client), name: 'client2' });
  await second.connected();
  await until('the first client renegotiates', () => renegotiated() > before);
  expect(await first.reaches('10.8.0.1', 1372)).toBe(true);
  expect(first.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
});

ours('tls-crypt-v2-verify is asked before TLS begins', async (lab) => {
  const keys = makeKeys(lab);
  const [good, bad] = [join(lab.folder, 'good.key'), join(lab.folder, 'bad.key')];
  genkey('tls-crypt-v2-client', good, '--tls-crypt-v2', keys.server, '--metadata', btoa('laptop of ann'));
  genkey('tls-crypt-v2-client', bad, '--tls-crypt-v2', keys.server, '--metadata', btoa('lost laptop'));
  const command = join(lab.folder, 'verify');
  const runs = join(lab.folder, 'runs');
  const body = `echo "$script_type $metadata_type $(cat "$metadata_file")" >> ${runs}\ngrep -qx "laptop of ann" "$metadata_file"`;
  writeFileSync(command, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const server = await startServer(lab, {
    wrapping: 'none',
    lines: [`tls-crypt-v2 ${keys.server}`, 'script-security 2', `tls-crypt-v2-verify ${command}`],
  });
  await server.says(/ShardVPN .* serves/);
  const refused = Client.start(lab, 2, { ...own(bad), name: 'client1' });
  await until('it is refused', async () => (await dropsFor(lab, 'client-key-refused')) > 0);
  const taken = Client.start(lab, 3, { ...own(good), name: 'client2' });
  await taken.connected();
  expect(await taken.reaches('10.8.0.1', 1372)).toBe(true);
  await server.says(/client turned away: .*tls-crypt-v2-verify refused its tls-crypt-v2 key/);
  expect(refused.log()).not.toContain('VERIFY');
  const asked = new Set(readFileSync(runs, 'utf8').trim().split('\n'));
  expect(asked).toEqual(new Set(['tls-crypt-v2-verify 0 laptop of ann', 'tls-crypt-v2-verify 0 lost laptop']));
  writeFileSync(command, '#!/bin/sh\nexit 0\n');
  server.signal('SIGHUP');
  await refused.connected();
});

async function dropsFor(lab: Lab, reason: string): Promise<number> {
  const { shards } = await readStatus(lab);
  return shards.reduce((total, { controlDrops }) => total + (controlDrops[reason] ?? 0), 0);
}
