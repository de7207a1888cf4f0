import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { iperf } from './lab/iperf.js';
import { type Lab, useLab } from './lab/lab.js';
import { listens, startServer } from './lab/server.js';

const TRANSFER = join(__dirname, 'programs/transfer.mjs');
const BYTES = 60e6;
const { scenario } = useLab();

for (const outside of ['IPv4', 'IPv6'] as const) {
  for (const inside of ['IPv4', 'IPv6'] as const) {
    describe(`${inside} inside ${outside}`, () => {
      scenario(
        '60 MB arrive unchanged both ways',
        async (lab) => {
          const { client, target } = await connected(lab, outside, inside);
          await listens(lab.serverHost.start('transfer', [process.execPath, TRANSFER, 'serve', '5000']), 5000);
          for (const direction of ['up', 'down']) {
            const { code, output } = await client.host.exec(
              process.execPath,
              TRANSFER,
              target,
              '5000',
              direction,
              String(BYTES),
            );
            expect({ direction, code, output }).toMatchObject({
              code: 0,
              output: expect.stringContaining('"matches":true'),
            });
          }
        },
        400,
      );
    });
  }
}

scenario('iperf3 runs both ways', async (lab) => {
  const { client, target } = await connected(lab, 'IPv4', 'IPv4');
  await listens(lab.serverHost.start('iperf3', ['iperf3', '-s']), 5201);
  for (const flags of [[], ['-R'], ['-u', '-b', '20M'], ['-P', '4']]) {
    const { sum_received, sum } = await iperf(client.host, target, ['-n', '8M', ...flags]);
    expect((sum_received ?? sum)?.bytes).toBeGreaterThan(1e6);
  }
});

async function connected(lab: Lab, outside: 'IPv4' | 'IPv6', inside: 'IPv4' | 'IPv6') {
  const proto = outside === 'IPv4' ? 'udp4' : 'udp6';
  await startServer(lab, { lines: [`proto ${proto}`, 'server-ipv6 fd00:8::/64'] });
  const { ipv4, ipv6 } = lab.serverHost;
  const client = await Client.connect(lab, 2, { remote: `${outside === 'IPv4' ? ipv4 : ipv6} 1194 ${proto}` });
  const target = inside === 'IPv4' ? '10.8.0.1' : 'fd00:8::1';
  expect(await client.reaches(target)).toBe(true);
  return { client, target };
}
