import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, type ClientSettings } from './lab/client.js';
import { Lab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { isOurs, startServer } from './lab/server.js';

/**
 * Data channels of before the AEAD ciphers: CBC with each digest, no cipher, clients that negotiate nothing, and DATA_V1. A
 * ping of 1300 bytes with DF passes each of them.
 */
const CBC = ['AES-256-CBC', 'AES-192-CBC', 'AES-128-CBC'];

/** As a client of before 2.4: no DATA_V2, no key export, nothing about ciphers. */
const ANCIENT = { actAs: 0, silent: true } as const;

interface Row {
  readonly name: string;
  readonly cipher: string;
  readonly lines: readonly string[];
  readonly as?: Pick<ClientSettings, 'actAs' | 'silent'>;
}

const row = (cipher: string, name = cipher, more: Partial<Row> = {}): Row => ({
  name,
  cipher,
  lines: [`data-ciphers ${cipher}`],
  ...more,
});

const EVERYTHING = [`data-ciphers AES-256-GCM:${CBC.join(':')}:none`];

interface ServerRows {
  readonly auth: string;
  readonly serverLines?: readonly string[];
  readonly rows: readonly Row[];
}

const SERVERS: readonly ServerRows[] = [
  {
    auth: 'SHA1',
    rows: [
      ...CBC.map((cipher) => row(cipher)),
      row('none'),
      row('AES-256-CBC', 'DATA_V1 with AES-256-CBC', { as: { actAs: 4 } }),
      row('AES-256-GCM', 'DATA_V1 with AES-256-GCM', { as: { actAs: 4 } }),
    ],
  },
  {
    auth: 'SHA1',
    // What the server's options string names, such a client has to know: so not the fallback.
    serverLines: ['data-ciphers AES-256-GCM:AES-192-CBC', 'data-ciphers-fallback AES-128-CBC'],
    rows: [
      row('AES-128-CBC', 'the fallback, for a client that announces nothing', {
        lines: ['data-ciphers-fallback AES-128-CBC', 'data-ciphers AES-256-GCM'],
        as: ANCIENT,
      }),
      row('AES-192-CBC', 'the cipher of the options string', {
        lines: ['data-ciphers AES-192-CBC', 'data-ciphers-fallback AES-192-CBC'],
        as: ANCIENT,
      }),
    ],
  },
  { auth: 'SHA224', rows: [row('AES-128-CBC')] },
  { auth: 'SHA256', rows: [...CBC.map((cipher) => row(cipher)), row('none')] },
  { auth: 'SHA384', rows: [row('AES-192-CBC')] },
  { auth: 'SHA512', rows: [row('AES-256-CBC'), row('none')] },
  { auth: 'none', rows: [row('AES-256-CBC'), row('none')] },
];

const lab = new Lab();
afterAll(() => lab.close());

for (const { auth, rows, serverLines = EVERYTHING } of SERVERS) {
  describe(`auth ${auth}${serverLines === EVERYTHING ? '' : ', with a fallback'}`, () => {
    let outcomes: PromiseSettledResult<string>[] = [];
    let serverLog = '';

    beforeAll(async () => {
      const server = await startServer(lab, { lines: [...serverLines, `auth ${auth}`] });
      outcomes = await Promise.allSettled(rows.map((each, index) => logOf(each, index, auth)));
      serverLog = server.log();
      await lab.stopAll();
    });

    test.each(rows.map(({ name, cipher }, index) => ({ name, cipher, index })))('$name', ({ cipher, index }) => {
      const outcome = outcomes[index];
      if (outcome?.status !== 'fulfilled') {
        throw new Error(`${outcome?.reason}\n--- server\n${serverLog.split('\n').slice(-30).join('\n')}`);
      }
      const expected =
        cipher === 'none' ? /Data Channel: cipher '?(none|\[null-cipher\])/ : `Data Channel: cipher '${cipher}'`;
      expect(outcome.value).toMatch(expected);
      if (auth !== 'none' && !cipher.endsWith('GCM')) expect(outcome.value).toMatch(new RegExp(`auth '${auth}'`));
    });

    if (isOurs && auth === 'none') {
      test('the server warns of what it leaves open', () => {
        expect(serverLog).toMatch(/warning.*data-ciphers: DANGER: none sends everything unencrypted/);
        expect(serverLog).toMatch(/warning.*auth: DANGER: without a digest anybody can forge/);
      });
    }
  });
}

/** The log of a client that has come through. */
async function logOf({ lines, as = {} }: Row, index: number, auth: string): Promise<string> {
  const settings = { name: `client${index + 1}`, lines: [...lines, `auth ${auth}`], ...as };
  const client = Client.start(lab, index + 2, settings);
  try {
    await client.connected(1, 60);
    expect(await client.reaches('10.8.0.1', 1300)).toBe(true);
    return client.log();
  } catch (error) {
    throw new Error(`${error}\n${client.log().split('\n').slice(-30).join('\n')}`);
  }
}

if (isOurs) {
  test('our client takes CBC from a stock server, pushed or by the options string alone', async () => {
    const lines = [
      'cipher AES-256-CBC',
      'data-ciphers AES-256-CBC',
      'data-ciphers-fallback AES-256-CBC',
      'auth SHA256',
    ];
    await startServer(lab, { kind: 'openvpn', lines });
    const client = await OurClient.connect(lab, 2, { lines: ['data-ciphers AES-256-GCM:AES-256-CBC', 'auth SHA256'] });
    expect(client.log()).toContain('AES-256-CBC');
    expect(await client.reaches('10.8.0.1', 1300)).toBe(true);
    await lab.stopAll();
  });
}
