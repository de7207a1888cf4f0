import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client, type ClientSettings } from './lab/client.js';
import { keyFile, staticKey } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { isOurs, serverCommand, startServer, writeServerConfig } from './lab/server.js';
import { sleep, until } from './lab/until.js';

const { scenario, ours } = useLab();

const REFUSED: readonly { what: string; client: ClientSettings; reason: RegExp }[] = [
  { what: 'a revoked certificate', client: { name: 'revoked' }, reason: /revoked/i },
  { what: 'an expired certificate', client: { name: 'expired' }, reason: /expired/i },
  {
    what: 'a certificate of another authority',
    client: { keys: 'foreign', lines: [`ca ${keyFile('ec', 'ca.crt')}`] },
    reason: /issuer|not issued by|self.signed|unknown ca/i,
  },
  { what: 'a server certificate', client: { name: 'server' }, reason: /purpose|usage|EKU/i },
];

for (const tls of ['1.2', '1.3']) {
  for (const { what, client, reason } of REFUSED) {
    scenario(`${what} is refused with a reason, TLS ${tls}`, async (lab) => {
      const server = await startServer(lab, {
        lines: [`crl-verify ${keyFile('ec', 'crl.pem')}`, 'remote-cert-tls client', `tls-version-max ${tls}`],
      });
      const refused = Client.start(lab, 2, client);
      await until('the server says why', () => reason.test(server.log()));
      const accepted = await Client.connect(lab, 3);
      expect(await accepted.reaches('10.8.0.1')).toBe(true);
      expect(refused.log()).not.toContain('Initialization Sequence Completed');
    });
  }
}

scenario('revocation at run time drops the connected client', async (lab) => {
  const crl = join(lab.folder, 'changing-crl.pem');
  copyFileSync(keyFile('ec', 'empty-crl.pem'), crl);
  // The reference looks at its file at the next renegotiation only, and then lets the old key run out.
  const slow = isOurs ? [] : ['reneg-sec 4', 'hand-window 4', 'tran-window 6'];
  const server = await startServer(lab, { lines: [`crl-verify ${crl}`, ...slow] });
  const revoked = await Client.connect(lab, 2, { name: 'revoked' });
  const other = await Client.connect(lab, 3);
  expect(await revoked.reaches('10.8.0.1')).toBe(true);
  await sleep(1100);
  copyFileSync(keyFile('ec', 'crl.pem'), crl);
  await until('the server says why', () => /revoked/i.test(withoutNames(server.log())));
  await until('the client is cut off', async () => !(await revoked.answered('10.8.0.1')));
  await sleep(2000);
  expect(await revoked.answered('10.8.0.1')).toBe(false);
  expect(await other.reaches('10.8.0.1')).toBe(true);
});

scenario('a client with another static key gets no answer, and the server goes on', async (lab: Lab) => {
  for (const wrapping of ['tls-crypt', 'tls-auth'] as const) {
    await startServer(lab, { wrapping });
    const side = wrapping === 'tls-auth' ? ' 1' : '';
    const stranger = Client.start(lab, 2, {
      wrapping: 'none',
      lines: [`${wrapping} ${staticKey('other-static.key')}${side}`],
    });
    const known = await Client.connect(lab, 3, { wrapping });
    expect(await known.reaches('10.8.0.1')).toBe(true);
    expect(stranger.log()).not.toContain('TLS: Initial packet');
    await lab.stopAll();
  }
});

scenario('a server that would let everybody in does not start', async (lab) => {
  for (const policy of ['none', 'optional']) {
    const config = writeServerConfig(lab, { lines: [`verify-client-cert ${policy}`] });
    const { code, output } = await lab.serverHost.exec(...serverCommand, '--config', config);
    expect({ policy, code }).toEqual({ policy, code: 1 });
    expect(output).toContain('verify-client-cert');
  }
});

ours('a client without a common cipher is told so', async (lab) => {
  await startServer(lab, { lines: ['data-ciphers AES-256-GCM'] });
  const client = Client.start(lab, 2, { lines: ['data-ciphers CHACHA20-POLY1305', 'cipher CHACHA20-POLY1305'] });
  await client.process.says(/AUTH_FAILED,Data channel cipher negotiation failed/);
});

/** The certificate's own name is `revoked`, which proves nothing. */
function withoutNames(log: string): string {
  return log.replaceAll(/(^|[^\w])revoked\/|CN=revoked|'revoked'|"revoked"/gm, '');
}
