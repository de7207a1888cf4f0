import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KINDS = {
  rsa: ['-newkey', 'rsa:2048'],
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  foreign: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
};
const CLIENTS = 24;

/**
 * `<kind>/ca.crt`, `<kind>/server.{crt,key}`, `<kind>/client<N>.{crt,key}` and so on, made by the openssl binary.
 * Kind `ec` also has `revoked`, `expired`, an expired server and a CRL that names `revoked`.
 */
export function makeKeys(folder) {
  mkdirSync(folder);
  for (const kind of Object.keys(KINDS)) new Authority(join(folder, kind), KINDS[kind]).issueAll(kind);
  for (const name of ['static.key', 'other-static.key']) {
    execFileSync('openvpn', ['--genkey', 'secret', join(folder, name)]);
  }
  const [server, client] = [join(folder, 'v2-server.key'), join(folder, 'v2-client.key')];
  execFileSync('openvpn', ['--genkey', 'tls-crypt-v2-server', server]);
  execFileSync('openvpn', ['--genkey', 'tls-crypt-v2-client', client, '--tls-crypt-v2', server]);
}

class Authority {
  #folder;
  #algorithm;

  constructor(folder, algorithm) {
    this.#folder = folder;
    this.#algorithm = [...algorithm, '-nodes'];
    mkdirSync(folder);
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(join(folder, 'crlnumber'), '01\n');
    writeFileSync(join(folder, 'serial'), '1000\n');
    writeFileSync(join(folder, 'ca.cnf'), CONFIG);
    const subject = `/O=Interop/CN=${folder.split('/').pop()} CA`;
    this.#openssl(
      'req',
      '-x509',
      ...this.#algorithm,
      '-days',
      '10',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-subj',
      subject,
    );
  }

  issueAll(kind) {
    this.issue('server', 'server');
    const clients = kind === 'ec' ? CLIENTS : kind === 'rsa' ? 12 : 1;
    for (let n = 1; n <= clients; n++) this.issue(`client${n}`, 'client');
    if (kind !== 'ec') return;
    this.issue('next-server', 'server');
    this.issue('revoked', 'client');
    const past = ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z'];
    this.issue('expired', 'client', past);
    this.issue('expired-server', 'server', past);
    this.#ca('-gencrl', '-out', 'empty-crl.pem', '-crldays', '10');
    this.#ca('-revoke', 'revoked.crt');
    this.#ca('-gencrl', '-out', 'crl.pem', '-crldays', '10');
  }

  issue(name, role, validity = ['-days', '10']) {
    this.#openssl(
      'req',
      '-new',
      ...this.#algorithm,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    this.#ca('-extensions', role, '-in', `${name}.csr`, '-out', `${name}.crt`, '-notext', ...validity);
  }

  #ca(...args) {
    this.#openssl('ca', '-config', 'ca.cnf', '-batch', ...args);
  }

  #openssl(...args) {
    try {
      execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      appendFileSync(join(this.#folder, 'errors.txt'), String(error.stderr));
      throw new Error(`openssl ${args.join(' ')}: ${error.stderr}`);
    }
  }
}

const CONFIG = `
[ca]
default_ca = interop
[interop]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
[server]
basicConstraints = CA:FALSE
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
[client]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
`;
