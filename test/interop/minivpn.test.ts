import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { keyFile } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { getMinivpn } from './lab/minivpn.js';
import { isOurs, startServer } from './lab/server.js';

const { ours } = useLab();

/** With the TUN it would change the routes of its host, so it is asked to ping instead. */
const TARGET = '8.8.8.8';

const ROWS = [
  { proto: 'udp', cipher: 'AES-256-GCM' },
  { proto: 'tcp', cipher: 'AES-256-GCM' },
  { proto: 'udp', cipher: 'AES-128-GCM' },
  { proto: 'udp', cipher: 'AES-256-CBC' },
  { proto: 'tcp', cipher: 'AES-128-CBC' },
] as const;
type Row = (typeof ROWS)[number];

const minivpn = isOurs ? getMinivpn() : { missing: 'only for shardvpn' };

if ('missing' in minivpn) {
  test.skip(`minivpn (${minivpn.missing})`, () => {});
} else {
  ours('minivpn connects over UDP and TCP, with AEAD and CBC, and its pings come back', async (lab) => {
    const ciphers = [...new Set(ROWS.map(({ cipher }) => cipher))];
    const lines = ['local * 1194 udp', 'local * 1194 tcp-server', 'auth SHA256', `data-ciphers ${ciphers.join(':')}`];
    await startServer(lab, { keys: 'rsa', wrapping: 'none', lines });
    // The one address that it pings.
    lab.serverHost.ip('addr', 'add', `${TARGET}/32`, 'dev', 'lo');
    const outputs = await Promise.all(ROWS.map((row, index) => run(lab, minivpn.program, row, index)));
    for (const [index, output] of outputs.entries()) {
      expect({ ...ROWS[index], output }).toEqual({ ...ROWS[index], output: expect.stringMatching(/ [1-5] received,/) });
    }
  });
}

/** What it says, connected for as long as five pings take. */
async function run(lab: Lab, program: string, row: Row, index: number): Promise<string> {
  const words = [program, '-config', writeProfile(lab, row, `client${index + 1}`), '-ping', '-timeout', '60'];
  const { output } = await lab.host(index + 2).exec('timeout', '70', ...words);
  return output;
}

function writeProfile(lab: Lab, { proto, cipher }: Row, name: string): string {
  const file = join(lab.folder, `${name}.ovpn`);
  const lines = [
    `remote ${lab.serverHost.ipv4} 1194`,
    `proto ${proto}`,
    `cipher ${cipher}`,
    'auth SHA256',
    block('ca', 'ca.crt'),
    block('cert', `${name}.crt`),
    block('key', `${name}.key`),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** It reads no files outside of the folder of its configuration. */
const block = (tag: string, name: string): string =>
  `<${tag}>\n${readFileSync(keyFile('rsa', name), 'utf8').trim()}\n</${tag}>`;
