import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { Client } from './lab/client.js';
import type { KeyKind, Wrapping } from './lab/keys.js';
import { Lab } from './lab/lab.js';
import { isOurs, startServer } from './lab/server.js';

interface Matrix {
  readonly wrapping: readonly Wrapping[];
  readonly keys: readonly KeyKind[];
  readonly cipher: readonly string[];
  readonly tls: readonly string[];
  readonly derivation: readonly ('ekm' | 'prf')[];
  readonly transport: readonly Transport[];
  readonly routes: number;
  readonly routesOver: readonly Transport[];
}
type Transport = 'udp4' | 'udp6' | 'tcp4' | 'tcp6';
interface Row {
  readonly cipher: string;
  readonly tls: string;
  readonly derivation: 'ekm' | 'prf';
  readonly transport: Transport;
}
interface Outcome {
  readonly reached: boolean;
  readonly log: string;
  readonly pushed: string;
}

const readYaml = (name: string): unknown => parse(readFileSync(join(__dirname, name), 'utf8'));
const matrix = readYaml('matrix.yaml') as Matrix;
const gaps = readYaml('expected-failures.yaml') as readonly { row: string; reason: string }[];
const rows = matrix.cipher.flatMap((cipher) =>
  matrix.tls.flatMap((tls) =>
    matrix.derivation.map((derivation): Row => ({ cipher, tls, derivation, transport: 'udp4' })),
  ),
);
const [firstCipher = ''] = matrix.cipher;
const over = (transport: Transport): Row => ({
  cipher: firstCipher,
  tls: matrix.tls.at(-1) ?? '',
  derivation: 'ekm',
  transport,
});
// The reference has one transport at a time, and clients of both families on it.
const transports = isOurs ? matrix.transport : matrix.transport.filter((transport) => transport === 'udp6');
/** Every wrapping comes once over each transport. */
const rowsOf = (keys: KeyKind) => (keys === 'ec' ? [...rows, ...transports.map(over)] : rows);
const rowName = (wrapping: string, keys: string, { cipher, tls, derivation, transport }: Row) =>
  `${wrapping} ${keys} ${cipher} TLS ${tls} ${derivation} ${transport}`;
const allNames = matrix.wrapping.flatMap((w) => matrix.keys.flatMap((k) => rowsOf(k).map((row) => rowName(w, k, row))));

test('every expected failure names a row and a reason', () => {
  for (const { row, reason } of gaps) {
    expect(allNames).toContain(row);
    expect(reason.length).toBeGreaterThan(10);
  }
});

/** Both families in any case. */
const EVERY_TRANSPORT = isOurs ? ['local * 1194 udp', 'local * 1194 tcp-server'] : ['proto udp6'];
const LINKS = { udp4: 'UDPv4', udp6: 'UDPv6', tcp4: 'TCPv4_CLIENT', tcp6: 'TCPv6_CLIENT' } as const;

const lab = new Lab();
/** As a client writes it. */
const remoteOf = (transport: Transport) =>
  `${transport.endsWith('6') ? lab.serverHost.ipv6 : lab.serverHost.ipv4} 1194 ${transport}${transport.startsWith('tcp') ? '-client' : ''}`;

afterAll(() => lab.close());

for (const wrapping of matrix.wrapping) {
  for (const keys of matrix.keys) {
    describe(`${wrapping}, ${keys}`, () => crossOut(wrapping, keys, rowsOf(keys), 'rustls'));
  }
}

if (isOurs) {
  // The engine that `auto` did not take in the rows above; ciphers of data are none of its business.
  const short = rows.filter((row) => row.cipher === firstCipher);
  for (const keys of matrix.keys) {
    describe(`tls-engine openssl, ${keys}`, () => crossOut('tls-crypt', keys, short, 'openssl'));
  }
}

function crossOut(wrapping: Wrapping, keys: KeyKind, rows: readonly Row[], engine: 'rustls' | 'openssl'): void {
  let outcomes: PromiseSettledResult<Outcome>[] = [];
  let serverLog = '';

  beforeAll(async () => {
    const lines = [`data-ciphers ${matrix.cipher.join(':')}`, ...EVERY_TRANSPORT];
    if (engine === 'openssl') lines.push('tls-engine openssl');
    const server = await startServer(lab, { wrapping, keys, lines });
    outcomes = await Promise.allSettled(rows.map((row, index) => tryRow(wrapping, keys, row, index)));
    serverLog = server.log();
    await lab.stopAll();
  });

  test.each(rows.map((row, index) => ({ row, index, name: rowName(wrapping, keys, row) })))(
    '$name',
    ({ row, index, name }) => {
      const gap = gaps.find((entry) => entry.row === name);
      const check = () => checkRow(row, outcomes[index], serverLog);
      if (gap) expect(check).toThrow();
      else check();
    },
  );

  if (isOurs) {
    test(`the handshakes are of ${engine}`, () => {
      expect(serverLog).toMatch(engine === 'rustls' ? /TLS handshakes by rustls/ : /TLS handshakes by OpenSSL/);
      expect(serverLog).not.toMatch(/left to OpenSSL/);
    });
  }
}

test(`${matrix.routes} routes are pushed to every client, over ${matrix.routesOver.join(' and ')}`, async () => {
  const route = (index: number) => `10.${100 + (index >> 8)}.${index & 255}.0`;
  const pushes = Array.from({ length: matrix.routes }, (_, index) => `push "route ${route(index)} 255.255.255.0"`);
  const ways = matrix.routesOver.filter((transport) => isOurs || transport.startsWith('udp'));
  await startServer(lab, { lines: [...EVERY_TRANSPORT, ...pushes] });
  await Promise.all(
    ways.map(async (transport, index) => {
      const settings = { name: `client${index + 1}`, remote: remoteOf(transport) };
      const client = await Client.connect(lab, index + 2, settings);
      const { output } = await client.host.exec('ip', 'route', 'show', 'dev', 'tun0');
      const missing = pushes.map((_, index) => route(index)).filter((network) => !output.includes(`${network}/24 via`));
      expect(missing).toEqual([]);
      const replies = client.log().match(/PUSH: Received control message: 'PUSH_REPLY[^']*'/g) ?? [];
      expect(replies.join('').length).toBeGreaterThan(matrix.routes * 20);
      expect(replies.length).toBeGreaterThan(matrix.routes / 40);
      expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
    }),
  );
  await lab.stopAll();
});

async function tryRow(wrapping: Wrapping, keys: KeyKind, row: Row, index: number): Promise<Outcome> {
  const lines = [`data-ciphers ${row.cipher}`];
  lines.push(row.tls === '1.2' ? 'tls-version-max 1.2' : 'tls-version-min 1.3');
  const settings = { wrapping, keys, name: `client${index + 1}`, lines, remote: remoteOf(row.transport) };
  const client = Client.start(lab, index + 2, row.derivation === 'prf' ? { ...settings, actAs: 6 } : settings);
  try {
    await client.connected();
    const reached = await client.reaches('10.8.0.1', 1372);
    return { reached, log: client.log(), pushed: client.pushed };
  } catch (error) {
    throw new Error(`${error}\n${client.log().split('\n').slice(-30).join('\n')}`);
  }
}

function checkRow(row: Row, outcome: PromiseSettledResult<Outcome> | undefined, serverLog: string): void {
  if (outcome?.status !== 'fulfilled') {
    throw new Error(`${outcome?.reason}\n--- server\n${serverLog.split('\n').slice(-40).join('\n')}`);
  }
  const { reached, log, pushed } = outcome.value;
  expect(log).toMatch(new RegExp(`Control Channel: TLSv${row.tls.replace('.', '\\.')},`));
  expect(log).toContain(`${LINKS[row.transport]} link remote`);
  expect(log).toContain(`Data Channel: cipher '${row.cipher}'`);
  expect(pushed.includes('tls-ekm')).toBe(row.derivation === 'ekm');
  expect(reached).toBe(true);
}
