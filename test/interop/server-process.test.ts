import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { useLab } from './lab/lab.js';
import { serverCommand, startServer, writeServerConfig } from './lab/server.js';
import { until } from './lab/until.js';

const { scenario } = useLab();

scenario('user and group are dropped and clients still come and renegotiate', async (lab) => {
  const client = Client.start(lab, 2);
  await client.process.says(/UDPv4 link remote/);
  const server = await startServer(lab, {
    lines: ['user nobody', 'group nogroup', 'persist-key', 'persist-tun', 'reneg-sec 3'],
  });
  await client.connected();
  await server.says(/privileges dropped[\s\S]*client1 connected/);
  const ids = /^Uid:\s+(\d+)\s+(\d+)[\s\S]*^Gid:\s+(\d+)\s+(\d+)/m.exec(
    readFileSync(`/proc/${server.pid}/status`, 'utf8'),
  );
  expect(ids?.slice(1)).toEqual(['65534', '65534', '65534', '65534']);
  const counts = await client.ping('10.8.0.1', ['-i', '0.1', '-c', '60', '-W', '2']);
  expect(counts.received).toBe(60);
  await Client.connect(lab, 3, { name: 'client2' });
  expect(await server.stop()).toBe(0);
});

const COLUMNS =
  'Common Name,Real Address,Virtual Address,Virtual IPv6 Address,Bytes Received,Bytes Sent,Connected Since,Connected Since (time_t),Username,Client ID,Peer ID,Data Channel Cipher';

scenario('status files of all three versions', async (lab) => {
  for (const version of [1, 2, 3]) {
    const file = join(lab.folder, `version-${version}.status`);
    await startServer(lab, { lines: [`status ${file} 1`, `status-version ${version}`] });
    const client = await Client.connect(lab, 2);
    await client.ping('10.8.0.1', ['-c', '3', '-i', '0.2']);
    const text = await until('the file lists the client with its bytes', () => {
      const now = readFileSync(file, { encoding: 'utf8', flag: 'a+' });
      return (
        /client1[,\t]192\.0\.2\.2:\d+[,\t].*[1-9]\d{2,}/.test(now) &&
        now.includes('10.8.0.2') &&
        now.endsWith('\nEND\n') &&
        now
      );
    });
    const comma = version === 3 ? '\t' : ',';
    if (version === 1) {
      expect(text).toMatch(/^(OpenVPN|SHARDVPN|ShardVPN) CLIENT LIST\nUpdated,\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n/);
      expect(text).toContain('\nCommon Name,Real Address,Bytes Received,Bytes Sent,Connected Since\n');
      expect(text).toMatch(
        /\nROUTING TABLE\nVirtual Address,Common Name,Real Address,Last Ref\n10\.8\.0\.2,client1,192\.0\.2\.2:\d+,/,
      );
      expect(text).toMatch(/\nGLOBAL STATS\nMax bcast\/mcast queue length,\d+\nEND\n$/);
    } else {
      expect(text).toMatch(/^TITLE[,\t]/);
      expect(text).toContain(`\nHEADER${comma}CLIENT_LIST${comma}${COLUMNS.replaceAll(',', comma)}\n`);
      expect(text).toMatch(
        new RegExp(`\nCLIENT_LIST${comma}client1${comma}192\\.0\\.2\\.2:\\d+${comma}10\\.8\\.0\\.2${comma}`),
      );
      expect(text).toMatch(
        new RegExp(`\nROUTING_TABLE${comma}10\\.8\\.0\\.2${comma}client1${comma}192\\.0\\.2\\.2:\\d+${comma}`),
      );
      expect(text).toMatch(/\nEND\n$/);
    }
    await lab.stopAll();
  }
});

scenario('writepid, log and directives on the command line', async (lab) => {
  const [pidFile, logFile] = [join(lab.folder, 'server.pid'), join(lab.folder, 'server.out')];
  const config = writeServerConfig(lab, { lines: [`log ${logFile}`] });
  const words = ['--config', config, '--writepid', pidFile, '--port', '1195', '--keepalive', '5', '30'];
  const server = lab.serverHost.start('server', [...serverCommand, ...words]);
  await until(
    'the pid is written',
    () => readFileSync(pidFile, { encoding: 'utf8', flag: 'a+' }).trim() === String(server.pid),
  );
  const client = await Client.connect(lab, 2, { remote: `${lab.serverHost.ipv4} 1195 udp4` });
  expect(client.pushed).toMatch(/,ping 5,ping-restart 30,/);
  await until('the log tells of the client', () => readFileSync(logFile, 'utf8').includes('client1'));
});
