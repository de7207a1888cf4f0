import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { startEmbedded } from './lab/embedded.js';
import { type Lab, useLab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { reaches } from './lab/ping.js';
import { shardvpnCommand, startServer, writeServerConfig } from './lab/server.js';
import { statusWith } from './lab/status.js';
import { until } from './lab/until.js';

const { ours } = useLab();

const PROGRAMS = resolve(__dirname, 'programs');
const PATIENT = { seconds: 60 };

ours(
  'a program decides about users without certificates: at once, later, and after questions',
  async (lab) => {
    const server = await startEmbedded(lab, ['verify-client-cert none']);
    const without = ['cert', 'key'];
    const login = (host: number, name: string, lines: readonly string[] = []) =>
      Client.start(lab, host, { without, lines: [`auth-user-pass ${passwordFile(lab, name)}`, ...lines] });
    const refused = login(2, 'refused');
    const later = login(3, 'later');
    const waiting = login(4, 'waiting');
    const asking = ['auth-user-pass', 'management 127.0.0.1 7505', 'management-query-passwords', 'auth-retry interact'];
    const challenged = Client.start(lab, 5, { without, lines: asking });
    challenged.host.start('answers', [
      process.execPath,
      join(PROGRAMS, 'answer-challenge.mjs'),
      '7505',
      'challenged',
      '2718',
    ]);
    await refused.process.says(/AUTH: Received control message: AUTH_FAILED,no subscription/, 60);
    await refused.process.ended;
    await later.process.says(/AUTH_FAILED,TEMP\[backoff 3,advance no\]: busy/, 60);
    await later.connected(1, 60);
    await waiting.process.says(/AUTH_PENDING received, extending handshake timeout from 60s to 90s/, 60);
    await waiting.connected(1, 60);
    expect(waiting.pushed).toContain('route 10.44.0.0 255.255.0.0');
    await challenged.connected(1, 60);
    expect(challenged.log()).toMatch(/AUTH_FAILED,CRV1:R,E:state7:Y2hhbGxlbmdlZA==:What is the PIN\?/);
    expect(server.log()).toContain('asked about challenged with dynamic-challenge');
    for (const client of [later, waiting, challenged]) expect(await client.reaches('10.8.0.1')).toBe(true);
  },
  400,
);

ours(
  'our client answers what a program asks its user',
  async (lab) => {
    await startEmbedded(lab, ['duplicate-cn']);
    const login = (host: number, name: string) =>
      OurClient.start(lab, host, { lines: [`auth-user-pass ${passwordFile(lab, name)}`], input: '2718' });
    const asked = { lines: ['auth-user-pass', 'static-challenge "Your PIN" 0'], input: 'prompted\nsecret\n2718' };
    const clients = [login(2, 'questioned'), login(3, 'challenged'), OurClient.start(lab, 4, asked)];
    for (const client of clients) await client.connected(1, 60);
    for (const client of clients) expect(client.log()).toMatch(/What is the PIN\?|Your PIN: /);
    for (const client of clients) expect(await client.reaches('10.8.0.1')).toBe(true);
  },
  400,
);

ours(
  'kicked clients come back, or stay away, as they are told',
  async (lab) => {
    const config = writeServerConfig(lab);
    await startServer(lab, { config });
    const clients = [await Client.connect(lab, 2), await Client.connect(lab, 3, { name: 'client2' })];
    const [one, two] = clients as [Client, Client];
    await statusWith(lab, 2);
    const kick = (...words: string[]) => lab.serverHost.exec(...shardvpnCommand, 'kick', config, ...words);
    const back = await kick('--client', 'client1', '--reconnect', '--text', 'new rules');
    expect(back).toMatchObject({ code: 0, output: expect.stringMatching(/^sent away: client1 \(\d+\)$/m) });
    await one.process.says(/command was pushed by server.*new rules/, 60);
    await one.connected(2, 60);
    await statusWith(lab, 2);
    expect(await kick('--all', '--text', 'good bye')).toMatchObject({ code: 0 });
    for (const client of [one, two]) {
      await client.process.says(/Halt command was pushed by server.*good bye/, 60);
      await client.process.ended;
    }
    expect(await kick('--client', 'client1')).toMatchObject({
      code: 1,
      output: expect.stringContaining('no such client is connected'),
    });
  },
  400,
);

ours(
  'options are pushed to clients that are connected',
  async (lab) => {
    const lines = ['push "route 10.50.0.0 255.255.0.0"', 'push "route 10.51.0.0 255.255.0.0"'];
    const config = writeServerConfig(lab, { lines });
    await startServer(lab, { config });
    const client = await OurClient.connect(lab, 2);
    const stock = await Client.connect(lab, 3, { name: 'client2' });
    await statusWith(lab, 2);
    const routes = (): string => client.host.ip('-4', 'route', 'show', 'dev', 'tun0');
    expect(routes()).toMatch(/10\.50\.0\.0\/16[\s\S]*10\.51\.0\.0\/16/);
    const push = (...words: string[]) => lab.serverHost.exec(...shardvpnCommand, 'push-update', config, ...words);
    const told = await push('--all', 'route 10.60.0.0 255.255.0.0', '?tun-mtu 1380');
    expect(told).toMatchObject({ code: 1, output: expect.stringMatching(/^updated: client1 \(\d+\)$/m) });
    expect(told.output).toMatch(/^not updated: client2 \(\d+\): the client does not understand PUSH_UPDATE/m);
    await until('the new route is there', () => routes().includes('10.60.0.0/16'), PATIENT);
    await until('the old ones are gone', () => !/10\.5[01]\.0\.0/.test(routes()), PATIENT);
    await until('it has the MTU', () => client.host.ip('link', 'show', 'tun0').includes('mtu 1380'), PATIENT);
    expect(await push('--client', 'client1', 'ifconfig 10.8.0.77 255.255.255.0')).toMatchObject({ code: 0 });
    await until('it has the address', () => client.host.ip('addr', 'show', 'tun0').includes('10.8.0.77/24'), PATIENT);
    await until('it still has the route', () => routes().includes('10.60.0.0/16'), PATIENT);
    await until('it is served', () => client.reaches('10.8.0.1', 56, 2), PATIENT);
    expect(await reaches(lab.serverHost, '10.8.0.77')).toBe(true);
    expect(await push('--client', 'client1', '--', '-route')).toMatchObject({ code: 0 });
    await until('the route is gone', () => !routes().includes('10.60.0.0/16'), PATIENT);
    expect(await push('--client', 'client1', 'cipher none')).toMatchObject({
      code: 1,
      output: expect.stringContaining("'cipher none': cipher needs a new connection"),
    });
    expect(await stock.reaches('10.8.0.1')).toBe(true);
    expect(client.log().match(/info: connected /g)).toHaveLength(1);
  },
  400,
);

/** Waits until the program says that it serves. */
function passwordFile(lab: Lab, username: string): string {
  const file = join(lab.folder, `${username}.password`);
  writeFileSync(file, `${username}\nsecret\n`, { mode: 0o600 });
  return file;
}
