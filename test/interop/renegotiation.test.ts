import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import type { Lab } from './lab/lab.js';
import { useLab } from './lab/lab.js';
import { startServer } from './lab/server.js';
import { until } from './lab/until.js';

const { scenario } = useLab();
const PINGS = 240;

scenario('the client renegotiates every few seconds without a lost ping', async (lab) => {
  await startServer(lab, { lines: ['reneg-sec 0'] });
  const client = await Client.connect(lab, 2, { lines: ['reneg-sec 3'] });
  await pingThrough(client);
  await until('four keys', () => keysOf(client) >= 4);
});

scenario('the server renegotiates every few seconds without a lost ping', async (lab) => {
  await startServer(lab, { lines: ['reneg-sec 3'] });
  const client = await Client.connect(lab, 2, { lines: ['reneg-sec 0'] });
  await pingThrough(client);
  await until('four keys', () => keysOf(client) >= 4);
});

scenario('both sides renegotiate, over every wrapping and with an older client', async (lab) => {
  await startServer(lab, { lines: ['reneg-sec 3'] });
  const modern = await Client.connect(lab, 2, { lines: ['reneg-sec 3'] });
  const older = await Client.connect(lab, 3, { name: 'client2', lines: ['reneg-sec 4'], actAs: 6 });
  await Promise.all([pingThrough(modern), pingThrough(older)]);
});

for (const wrapping of ['none', 'tls-auth'] as const) {
  scenario(`renegotiation over ${wrapping}`, async (lab: Lab) => {
    await startServer(lab, { wrapping, lines: ['reneg-sec 3'] });
    const client = await Client.connect(lab, 2, { wrapping });
    await pingThrough(client);
    await until('four keys', () => keysOf(client) >= 4);
  });
}

/** Twelve seconds of a ping every 50 ms. */
async function pingThrough(client: Client): Promise<void> {
  const counts = await client.ping('10.8.0.1', ['-i', '0.05', '-c', String(PINGS), '-W', '2']);
  expect(counts).toEqual({ sent: PINGS, received: PINGS });
}

/** Key generations the client has made. */
function keysOf(client: Client): number {
  return [...client.log().matchAll(/Outgoing Data Channel: Cipher|Control Channel: TLSv/g)].length;
}
