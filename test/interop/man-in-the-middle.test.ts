import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { type Hostility, RELAYED, startHostileRelay } from './lab/hostile-relay.js';
import { useLab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { listens, startServer } from './lab/server.js';

const TRANSFER = join(__dirname, 'programs/transfer.mjs');
const BYTES = 2e6;
const { scenario, ours } = useLab();

/** A bad hour of the control channel, which carries everything else as it is. */
const CONTROL: Hostility = { control: true, drop: 0.3, duplicate: 0.1, delay: 0.2, corrupt: 0.05, replay: 0.1 };
const DATA: Hostility = { drop: 0.01, duplicate: 0.05, delay: 0.02, corrupt: 0.02, replay: 0.05, most: 20 };
const PATIENT = ['hand-window 120', 'tls-timeout 1'];

scenario(
  'the stock client connects and renegotiates through somebody who spoils a third of the control channel',
  async (lab) => {
    await startServer(lab, { wrapping: 'tls-auth', lines: ['hand-window 120'] });
    const relay = await startHostileRelay(lab, lab.host(2), { ...CONTROL, seed: 7 });
    const client = Client.start(lab, 2, { remote: RELAYED, wrapping: 'tls-auth', lines: PATIENT });
    await client.connected(1, 150);
    client.process.signal('SIGUSR1');
    await client.connected(2, 150);
    expect(await client.ping('10.8.0.1', ['-i', '0.05', '-c', '40', '-W', '2'])).toEqual({ sent: 40, received: 40 });
    await relay.stop();
    expect(relay.log()).toMatch(/"drop":[1-9]/);
    expect(relay.log()).toMatch(/"(duplicate|corrupt|replay)":[1-9]/);
  },
  400,
);

ours(
  'our client does so as well',
  async (lab) => {
    await startServer(lab, { lines: ['hand-window 120'] });
    await startHostileRelay(lab, lab.host(2), { ...CONTROL, seed: 11 });
    const client = OurClient.start(lab, 2, { remotes: [RELAYED], lines: ['hand-window 120'] });
    await client.connected(1, 150);
    const pings = await client.ping('10.8.0.1', ['-i', '0.05', '-c', '40', '-W', '2']);
    expect(pings).toEqual({ sent: 40, received: 40 });
  },
  400,
);

scenario(
  'what arrives through somebody who spoils data packets is what was sent',
  async (lab) => {
    await startServer(lab, { wrapping: 'none', lines: ['hand-window 120'] });
    await startHostileRelay(lab, lab.host(2), { ...DATA, seed: 3 });
    const client = Client.start(lab, 2, { remote: RELAYED, wrapping: 'none', lines: PATIENT });
    await client.connected(1, 150);
    await listens(lab.serverHost.start('transfer', [process.execPath, TRANSFER, 'serve', '5000']), 5000);
    for (const direction of ['up', 'down']) {
      const words = [TRANSFER, '10.8.0.1', '5000', direction, String(BYTES)];
      const { code, output } = await client.host.exec(process.execPath, ...words);
      expect(`${code} ${output}`).toContain('"matches":true');
    }
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  },
  400,
);
