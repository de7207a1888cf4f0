import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Running } from './lab/host.js';
import { keyFile, staticKey } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { isListening, type ServerSettings, shardvpnCommand, writeServerConfig } from './lab/server.js';
import { statusWith } from './lab/status.js';
import { until } from './lab/until.js';

const { ours } = useLab();

/** Eight seconds of it. */
const STEADY = ['-i', '0.02', '-c', '400', '-W', '2'] as const;
const ALL_RECEIVED = { sent: 400, received: 400 };

ours('listeners come and go: those who stay notice nothing, those who lose theirs are sent on', async (lab) => {
  const { ipv4, ipv6 } = lab.serverHost;
  const { server, change } = await start(lab, [`local ${ipv4}`, `local ${ipv6}`, `local ${ipv4} 1195`]);
  const stays = await Client.connect(lab, 2, { lines: OTHER_ADDRESSES });
  const stays6 = await Client.connect(lab, 3, { name: 'client2', remote: `${ipv6} 1194 udp6` });
  const moves = await Client.connect(lab, 4, {
    remote: `${ipv4} 1195 udp4`,
    lines: [`remote ${ipv6} 1196 udp6`],
  });
  const pings = Promise.all([stays.ping('10.8.0.1', STEADY), stays6.ping('10.8.0.1', STEADY)]);
  expect(await change([`local ${ipv4}`, `local ${ipv6}`, `local ${ipv6} 1196`])).toMatch(
    /^changed: port\/proto\/local\/bind$/m,
  );
  await moves.connected(2, 60);
  expect(moves.log()).toMatch(/server-pushed-connection-reset/);
  expect(moves.log()).toMatch(/UDPv6 link remote: .*1196/);
  expect(await moves.reaches('10.8.0.1')).toBe(true);
  expect(await pings).toEqual([ALL_RECEIVED, ALL_RECEIVED]);
  for (const client of [stays, stays6]) expect(completions(client)).toBe(1);
  await until('port 1195 is free', () => !isListening(server.pid, 1195), { seconds: 60 });
  const { server: facts } = await statusWith(lab, 3);
  expect(facts.listening.map(({ host, port }) => `${host} ${port}`)).toEqual([
    `${ipv4} 1194`,
    `${ipv6} 1194`,
    `${ipv6} 1196`,
  ]);
});

ours('one address instead of all, and back: clients float from one socket to the other', async (lab) => {
  const { ipv4 } = lab.serverHost;
  const { server, change } = await start(lab, ['port 1194'], ['keepalive 1 60']);
  const clients = [
    await Client.connect(lab, 2),
    await Client.connect(lab, 3, { name: 'client2' }),
    await Client.connect(lab, 4, { name: 'client2' }),
  ];
  const pings = Promise.all(clients.map((client) => client.ping('10.8.0.1', STEADY)));
  await change([`local ${ipv4}`]);
  await server.says(/listens no more on 0\.0\.0\.0:1194/, 60);
  await change(['port 1194']);
  await server.says(new RegExp(`listens no more on ${ipv4}:1194`), 60);
  expect(await pings).toEqual(clients.map(() => ALL_RECEIVED));
  for (const client of clients) {
    expect(await client.reaches('10.8.0.1')).toBe(true);
    expect(completions(client)).toBe(1);
  }
});

ours(
  'a port that the server has no right to any more is refused with the reason, and all stays as it is',
  async (lab) => {
    const { server, change } = await start(lab, ['local *'], asNobody(lab));
    const client = await Client.connect(lab, 2);
    const answer = await change(['local * 443'], [...asNobody(lab), 'max-clients 7']);
    expect(answer).toMatch(/^changed: max-clients$/m);
    expect(answer).toMatch(
      /needs a restart: port\/proto\/local\/bind \(cannot listen on 0\.0\.0\.0:443\/udp: .*has become "nobody"/,
    );
    expect(isListening(server.pid, 1194) && !isListening(server.pid, 443)).toBe(true);
    expect(await change(['local *', 'local * 1195'], asNobody(lab))).toMatch(/^changed: port\/proto\/local\/bind/m);
    const later = await Client.connect(lab, 3, { name: 'client2', remote: `${lab.serverHost.ipv6} 1195 udp6` });
    expect(await later.reaches('10.8.0.1')).toBe(true);
    expect(await client.reaches('10.8.0.1')).toBe(true);
    expect(completions(client)).toBe(1);
  },
);

/** A client that could go elsewhere, and must not. */
const OTHER_ADDRESSES = ['remote 192.0.2.1 1196 udp4'];

/** Clients share certificates here. `change` writes other listeners into the file and reloads it. */
async function start(lab: Lab, listeners: readonly string[], lines: readonly string[] = []) {
  const settings = (own: readonly string[], others: readonly string[]): ServerSettings => ({
    without: ['port', 'proto'],
    lines: [...own, ...others, 'duplicate-cn'],
  });
  const config = writeServerConfig(lab, settings(listeners, lines));
  chmodSync(config, 0o644);
  const server: Running = lab.serverHost.start('server', [...shardvpnCommand, '--config', config]);
  await server.says(/ready pid=/);
  const change = async (next: readonly string[], others: readonly string[] = lines): Promise<string> => {
    copyFileSync(writeServerConfig(lab, settings(next, others)), config);
    return (await lab.serverHost.exec(...shardvpnCommand, 'reload', config)).output;
  };
  return { server, change };
}

/** What a server needs that reads its files again as somebody else. */
function asNobody(lab: Lab): readonly string[] {
  const readable = (file: string, name: string): string => {
    const copy = join(lab.folder, `readable-${name}`);
    copyFileSync(file, copy);
    chmodSync(copy, 0o644);
    return copy;
  };
  return [
    'user nobody',
    'group nogroup',
    `key ${readable(keyFile('ec', 'server.key'), 'server.key')}`,
    `tls-crypt ${readable(staticKey(), 'static.key')}`,
  ];
}

const completions = (client: Client): number => client.log().match(/Initialization Sequence Completed/g)?.length ?? 0;
