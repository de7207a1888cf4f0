import { expect } from '@jest/globals';
import { Client, type ClientSettings } from './lab/client.js';
import { keyFile, staticKey } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { linesOf } from './lab/measure.js';
import { startServer } from './lab/server.js';
import { until } from './lab/until.js';

const { ours } = useLab();
const WRAPPED = { wrapping: 'tls-auth' } as const;
const bare = (...lines: string[]): ClientSettings => ({ wrapping: 'none', lines });

/** What is wrong, the line that the server says, and the counter that rises. */
const REFUSED: readonly (readonly [ClientSettings, RegExp, string])[] = [
  [bare(`tls-auth ${staticKey()} 0`), /opposite key-direction.*`key-direction 0`/, 'wrong-key-direction'],
  [bare(`tls-auth ${staticKey('other-static.key')} 1`), /does not fit the key.*same key file/, 'bad-hmac'],
  [bare(), /without tls-auth or tls-crypt.*add the/, 'missing-wrapping'],
  [bare(`tls-crypt ${staticKey()}`), /otherwise than the server.*compare/, 'other-wrapping'],
  [{ ...WRAPPED, name: 'revoked' }, /refused: .*revoked.*crl-verify/, 'certificate-revoked'],
  [{ ...WRAPPED, name: 'expired' }, /refused: .*expired.*clock/, 'certificate-expired'],
  [{ ...WRAPPED, name: 'server' }, /refused: .*clientAuth/, 'certificate-purpose'],
  [
    { ...WRAPPED, lines: ['data-ciphers CHACHA20-POLY1305', 'cipher CHACHA20-POLY1305'] },
    /refused: no shared data cipher/,
    'data-cipher',
  ],
];

ours(
  'clients that cannot come in are counted, and told of once a minute with what to change',
  async (lab) => {
    const lines = [`crl-verify ${keyFile('ec', 'crl.pem')}`, 'remote-cert-tls client', 'data-ciphers AES-256-GCM'];
    const began = performance.now();
    const server = await startServer(lab, { wrapping: 'tls-auth', lines });
    for (const [index, [client]] of REFUSED.entries()) Client.start(lab, index + 2, client);
    for (const [, line, counter] of REFUSED) {
      await server.says(line, 60);
      await until(`${counter} counted`, async () => (await counterOf(lab, counter)) > 0, { seconds: 60, every: 500 });
    }
    await until('clients come again', async () => (await counterOf(lab, 'missing-wrapping')) > 2, {
      seconds: 60,
      every: 500,
    });
    const minutes = Math.ceil((performance.now() - began) / 60_000);
    for (const [, line] of REFUSED) expect([line, linesOf(server, line) <= minutes]).toEqual([line, true]);
  },
  600,
);

/** Of all shards together. */
async function counterOf(lab: Lab, reason: string): Promise<number> {
  const { body } = await lab.serverHost.get('http://127.0.0.1:8505/metrics');
  const counter = new RegExp(
    `^shardvpn_(?:refused_clients|dropped_control_packets)_total\\{.*reason="${reason}"\\} (\\d+)$`,
    'gm',
  );
  return [...body.matchAll(counter)].reduce((total, [, count]) => total + Number(count), 0);
}
