import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { useLab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { isOurs, startServer } from './lab/server.js';
import { readStatus, statusWith, totalsOf } from './lab/status.js';

const { scenario, ours } = useLab();

interface Row {
  readonly server: readonly string[];
  readonly client?: readonly string[];
  /** Packets that can be compressed are, in both directions. */
  readonly compresses?: boolean;
}

/** Both ends as an administrator would write them. */
const ROWS: Readonly<Record<string, Row>> = {
  'comp-lzo no': { server: ['comp-lzo no'], client: ['comp-lzo no'] },
  'comp-lzo': {
    server: ['comp-lzo', 'allow-compression yes'],
    client: ['comp-lzo', 'allow-compression yes'],
    compresses: true,
  },
  compress: { server: ['compress'], client: ['compress'] },
  'compress stub-v2': { server: ['compress stub-v2'], client: ['compress stub-v2'] },
  'compress lz4': {
    server: ['compress lz4', 'allow-compression yes'],
    client: ['compress lz4', 'allow-compression yes'],
    compresses: true,
  },
  'compress lz4-v2': {
    server: ['compress lz4-v2', 'allow-compression yes', 'push "compress lz4-v2"'],
    client: ['allow-compression yes'],
    compresses: true,
  },
};

for (const [name, row] of Object.entries(ROWS)) {
  scenario(`${name} at both ends`, async (lab) => {
    await startServer(lab, { lines: row.server });
    const client = await Client.connect(lab, 2, { lines: row.client ?? [] });
    expect(await client.reaches('10.8.0.1', 16)).toBe(true);
    expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
    expect(client.log()).not.toMatch(/WARNING: .*(comp-lzo|link-mtu).* is (used|present)|bad decompress/i);
    if (isOurs) await expectClean(lab, row.compresses === true);
  });
}

/** Nothing was dropped, and three echoes of 1400 bytes each took what they should on the way. */
async function expectClean(lab: Parameters<typeof readStatus>[0], compressed: boolean): Promise<void> {
  const status = await statusWith(lab, 1);
  const dropped = Object.keys(totalsOf(status)).filter((key) => /framing|compression|fragment|malformed/.test(key));
  expect(dropped).toEqual([]);
  for (const bytes of [status.clients[0]?.bytesReceived ?? 0, status.clients[0]?.bytesSent ?? 0]) {
    expect(bytes < 3000).toBe(compressed);
  }
}

scenario('compress migrate leads clients out of compression', async (lab) => {
  await startServer(lab, { lines: ['compress migrate'] });
  const [old, plain] = [
    await Client.connect(lab, 2, { lines: ['comp-lzo', 'allow-compression yes'], name: 'client1' }),
    await Client.connect(lab, 3, { name: 'client2' }),
  ];
  expect(old.pushed).toContain('compress stub-v2');
  expect(plain.pushed).not.toContain('comp');
  for (const client of [old, plain]) expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
});

ours('one configured framing serves clients with it and without any', async (lab) => {
  await startServer(lab, { lines: ['comp-lzo'] });
  const [old, plain] = [
    await Client.connect(lab, 2, { lines: ['comp-lzo', 'allow-compression yes'], name: 'client1' }),
    await Client.connect(lab, 3, { name: 'client2' }),
  ];
  for (const client of [old, plain]) expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
});

ours('a client whose framing the server lacks is told of in the log', async (lab) => {
  const server = await startServer(lab);
  await Client.connect(lab, 2, { lines: ['comp-lzo no'] });
  await server.says(/nothing will pass .*comp-lzo.* hint=.*compress migrate/, 60);
});

scenario('fragments at both ends', async (lab) => {
  const lines = ['fragment 1200', 'mssfix'];
  await startServer(lab, { lines });
  const client = await Client.connect(lab, 2, { lines });
  for (const size of [16, 1150, 1372, 1472]) expect(await client.reaches('10.8.0.1', size)).toBe(true);
  expect(client.log()).not.toMatch(/WARNING: .*mtu-dynamic/);
});

for (const kind of ['shardvpn', 'openvpn'] as const) {
  ours(`our client takes a pushed framing and fragments from a server of ${kind}`, async (lab) => {
    const lines = ['compress lz4', 'allow-compression yes', 'push "compress lz4"', 'fragment 1000'];
    await startServer(lab, { kind, lines });
    const client = await OurClient.connect(lab, 2, { lines: ['allow-compression yes', 'fragment 1000'] });
    for (const size of [16, 1372, 1472]) expect(await client.reaches('10.8.0.1', size)).toBe(true);
  });
}

ours("the client's mtu-test is answered", async (lab) => {
  await startServer(lab);
  const client = await Client.connect(lab, 2, { lines: ['mtu-test', 'verb 9'] });
  // What the client deciphers: an OCC message with the load that it has asked for. [wire 13]
  await client.process.says(/DECRYPT TO: 287f346b d4ef7a81 2d56b8d3 afc5459c 03/, 60);
  expect(totalsOf(await readStatus(lab))['occ-answered']).toBeGreaterThan(0);
});
