import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One authority, one server, one client that everybody uses (`duplicate-cn`), and a tls-crypt key; made by openssl. */
export function makeKeys(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=bench-ca');
  for (const [name, usage] of [
    ['server', 'serverAuth'],
    ['client', 'clientAuth'],
  ] as const) {
    writeFileSync(join(folder, `${name}.ext`), `extendedKeyUsage=${usage}\nkeyUsage=digitalSignature\n`);
    openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-extfile', `${name}.ext`, '-out', `${name}.crt`);
  }
  writeFileSync(join(folder, 'tc.key'), staticKey());
}

function staticKey(): string {
  const lines = randomBytes(256).toString('hex').match(/.{32}/g);
  return `-----BEGIN OpenVPN Static key V1-----\n${lines?.join('\n')}\n-----END OpenVPN Static key V1-----\n`;
}
