import { appendFileSync, chmodSync, chownSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterEach, expect } from '@jest/globals';
import { HAND_OVER_FORMAT } from '../../packages/supervisor/src/upgrade/hand-over-message.js';
import { Client } from './lab/client.js';
import { keyFile, staticKey } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { PingStream } from './lab/ping.js';
import { shardvpnCommand, writeServerConfig } from './lab/server.js';
import { readStatus, statusWith } from './lab/status.js';
import { sleep, until } from './lab/until.js';
import { endHeirs, PATIENT, pidFileOf, programText, startUpgradable, upgrade } from './lab/upgrade.js';

const { ours } = useLab();

afterEach(endHeirs);

const ECHO = resolve(__dirname, 'programs/echo-stream.mjs');
/** Echo requests a second. */
const RATE = 200;

/** Another listener, by a reload. */
async function listenToo(lab: Lab, config: string, port: number): Promise<void> {
  appendFileSync(config, `local * 1194\nlocal * ${port}\n`);
  await reload(lab, config);
}

async function reload(lab: Lab, config: string): Promise<void> {
  const { output } = await lab.serverHost.exec(...shardvpnCommand, 'reload', config);
  expect(output).toMatch(/^changed: port\/proto\/local\/bind/m);
}

/** The end of a listener that others were opened after. */
async function listenOnlyAt(lab: Lab, config: string, port: number): Promise<void> {
  const lines = readFileSync(config, 'utf8').split('\n');
  writeFileSync(config, `${lines.filter((line) => !/^local /.test(line)).join('\n')}local * ${port}\n`);
  await reload(lab, config);
}

ours(
  'a client, its pings and a TCP stream go on through two upgrades',
  async (lab) => {
    const { server, config } = await startUpgradable(lab, { lines: ['reneg-sec 15'] });
    const client = await Client.connect(lab, 2);
    lab.serverHost.start('echo', [process.execPath, ECHO, 'serve', '5001']);
    const listening = () => lab.serverHost.exec('ss', '-ltn').then(({ output }) => output.includes(':5001 '));
    await until('the far end listens', listening, PATIENT);
    const before = await statusWith(lab, 1);
    const pings = PingStream.start(client.host, '10.8.0.1', 1 / RATE);
    const stream = client.host.start('stream', [process.execPath, ECHO, '10.8.0.1', '5001']);
    let pauses = 0;
    for (let turn = 0; turn < 2; turn++) {
      await sleep(500);
      if (turn === 1) await listenToo(lab, config, 1195);
      pauses += (await upgrade(lab, config)).pause;
    }
    expect(await server.ended).toBe(0);
    const { lost, received } = await pings.end();
    expect(lost.length).toBeLessThanOrEqual(2 + (pauses * RATE) / 1000);
    stream.signal('SIGTERM');
    await stream.ended;
    expect(JSON.parse(stream.log())).toMatchObject({ same: true });
    const after = await readStatus(lab);
    const [one, other] = [before.clients[0], after.clients[0]];
    expect(other).toMatchObject({ name: one?.name, ipv4: one?.ipv4, shard: one?.shard, realAddress: one?.realAddress });
    expect(other?.packetsReceived).toBeGreaterThan((one?.packetsReceived ?? 0) + received);
    const remote = `${lab.serverHost.ipv4} 1195`;
    const later = await Client.connect(lab, 3, { name: 'client2', remote, lines: ['explicit-exit-notify 1'] });
    expect(later.ipv4).not.toBe(client.ipv4);
    expect(await later.reaches('10.8.0.1')).toBe(true);
    await later.stop();
    await statusWith(lab, 1);
    const handshakes = () => client.log().match(/VERIFY OK: depth=0/g)?.length ?? 0;
    const known = handshakes();
    await until('it renegotiates with the last of them', () => handshakes() > known, PATIENT);
    client.host.ip('addr', 'add', '192.0.2.77/24', 'dev', 'net0');
    client.host.ip('route', 'replace', '192.0.2.0/24', 'dev', 'net0', 'src', '192.0.2.77');
    expect(await client.reaches('10.8.0.1')).toBe(true);
    const realAddress = async () => (await readStatus(lab)).clients[0]?.realAddress ?? '';
    await until('it is seen to have moved', async () => /^192\.0\.2\.77:/.test(await realAddress()), PATIENT);
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
    expect(client.log()).not.toMatch(/process restarting|Decrypt packet error|bad packet ID/);
  },
  400,
);

ours(
  'a listener that a reload has closed leaves the others as they were',
  async (lab) => {
    const { config } = await startUpgradable(lab);
    await listenToo(lab, config, 1195);
    const remote = `${lab.serverHost.ipv4} 1195`;
    const client = await Client.connect(lab, 2, { remote });
    await listenOnlyAt(lab, config, 1195);
    const pings = PingStream.start(client.host, '10.8.0.1', 0.02);
    const pauses = (await upgrade(lab, config)).pause + (await upgrade(lab, config)).pause;
    expect((await pings.end()).lost.length).toBeLessThanOrEqual(10 + (pauses * 50) / 1000);
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
    const later = await Client.connect(lab, 3, { name: 'client2', remote });
    expect(await later.reaches('10.8.0.1')).toBe(true);
    await listenToo(lab, config, 1196);
    const elsewhere = await Client.connect(lab, 4, { name: 'client3', remote: `${lab.serverHost.ipv4} 1194` });
    expect(await elsewhere.reaches('10.8.0.1')).toBe(true);
  },
  400,
);

ours(
  'a program that does not take over leaves the old one serving, which says why',
  async (lab) => {
    const { server, config, program } = await startUpgradable(lab);
    const client = await Client.connect(lab, 2);
    const pings = PingStream.start(client.host, '10.8.0.1', 0.02);
    const native = JSON.stringify(resolve(__dirname, '../../native/index.js'));
    const talk = `import { receiveHandOver as hear, sendHandOver } from ${native};
const say = (message) => sendHandOver(3, Buffer.from(JSON.stringify(message)), [], 5000);
const stay = () => new Promise((resolve) => setTimeout(resolve, 60_000));`;
    const failures: [string, RegExp][] = [
      ['process.exit(7);', /the new program ended with code 7/],
      ['this is no program', /the new program ended with code 1/],
      [
        `${talk} say({ type: 'hello', format: 999, version: '9.9.9' }); await stay();`,
        /version 9\.9\.9 takes over in format/,
      ],
      [`${talk} say({ type: 'good morning' }); await stay();`, /says what is not understood/],
      [
        `${talk} say({ type: 'hello', format: ${HAND_OVER_FORMAT}, version: '9.9.9' }); await hear(3, 5000); say({ type: 'prepared' });
await hear(3, 5000); await hear(3, 5000); process.kill(process.pid, 'SIGKILL');`,
        /the new program ended with SIGKILL/,
      ],
    ];
    for (const [text, problem] of failures) {
      writeFileSync(program, text);
      const { code, output } = await lab.serverHost.exec(...shardvpnCommand, 'upgrade', config);
      expect({ code, output }).toMatchObject({ code: 1, output: expect.stringMatching(problem) });
      expect(output).toContain(`process ${server.child.pid} goes on`);
    }
    writeFileSync(program, programText());
    copyFileSync(writeServerConfig(lab, { lines: ['port 1195'] }), config);
    const moved = await lab.serverHost.exec(...shardvpnCommand, 'upgrade', config);
    expect(moved.output).toContain('port/proto/local/bind cannot change with an upgrade');
    expect((await pings.end()).lost).toEqual([]);
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  },
  400,
);

ours(
  'without the right to read its files the old one goes on; with it, it works after user and group',
  async (lab) => {
    const [key, status] = [join(lab.folder, 'server-as-nobody.key'), join(lab.folder, 'status-of-nobody.txt')];
    copyFileSync(keyFile('ec', 'server.key'), key);
    chmodSync(key, 0o600);
    const lines = [`key ${key}`, `status ${status} 1`, 'user nobody', 'group nogroup'];
    const { server, config } = await startUpgradable(lab, { lines });
    const client = await Client.connect(lab, 2);
    const ask = () => lab.serverHost.exec(...shardvpnCommand, 'upgrade', config);
    expect(await ask()).toMatchObject({
      code: 1,
      output: expect.stringMatching(/the new program ended|permission denied/i),
    });
    makeReadable(dirname(lab.folder));
    expect(await ask()).toMatchObject({ code: 1, output: expect.stringMatching(/key.*permission denied/i) });
    chmodSync(key, 0o644);
    expect(await ask()).toMatchObject({ code: 1, output: expect.stringMatching(/cannot write the pid file/) });
    for (const file of [status, pidFileOf(lab)]) chownSync(file, ...NOBODY);
    const { pid } = await upgrade(lab, config);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t65534\t65534/m);
    const steering = [...server.log().matchAll(/tunnel device tun0 .*steering=(\w+)/g)].map(([, by]) => by);
    expect(steering.at(-1)).toBe(steering[0]);
    expect(await client.reaches('10.8.0.1')).toBe(true);
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  },
  400,
);

/** Debian's nobody and nogroup. */
const NOBODY = [65534, 65534] as const;

function makeReadable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const name = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(name, 0o755);
    else if (entry.isFile() && !name.endsWith('.key')) chmodSync(name, 0o644);
  }
  chmodSync(staticKey(), 0o644);
}
