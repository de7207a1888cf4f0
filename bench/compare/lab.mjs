/** Two network namespaces joined by a veth, key material, and processes in them; everything goes away with `close`. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (command, args, options = {}) =>
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options }).toString();

export class Lab {
  #children = new Set();

  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'shardvpn-bench-'));
    this.server = `svb-s-${process.pid}`;
    this.client = `svb-c-${process.pid}`;
    this.serverAddress = '192.0.2.1';
    this.clientAddress = '192.0.2.2';
  }

  open() {
    run('ip', ['netns', 'add', this.server]);
    run('ip', ['netns', 'add', this.client]);
    run('ip', [
      '-n',
      this.server,
      'link',
      'add',
      'veth0',
      'type',
      'veth',
      'peer',
      'name',
      'veth0',
      'netns',
      this.client,
    ]);
    for (const [namespace, address] of [
      [this.server, this.serverAddress],
      [this.client, this.clientAddress],
    ]) {
      run('ip', ['-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'veth0']);
      run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
      run('ip', ['-n', namespace, 'link', 'set', 'veth0', 'up']);
    }
    this.#makeKeys();
  }

  /** Starts a process in a namespace; its output goes to `<name>.log` in the lab's folder. */
  start(namespace, name, command, args, options = {}) {
    const log = join(this.dir, `${name}.log`);
    const child = spawn(
      'ip',
      ['netns', 'exec', namespace, 'sh', '-c', `exec "$0" "$@" >'${log}' 2>&1`, command, ...args],
      {
        stdio: 'ignore',
        ...options,
      },
    );
    child.log = log;
    child.ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs to the end and gives the standard output. */
  exec(namespace, command, args) {
    return run('ip', ['netns', 'exec', namespace, command, ...args], { maxBuffer: 1 << 26 });
  }

  async stop(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 4000);
    await child.ended;
    clearTimeout(timer);
  }

  async close() {
    await Promise.all([...this.#children].map((child) => this.stop(child)));
    for (const namespace of [this.server, this.client]) {
      try {
        run('ip', ['netns', 'del', namespace]);
      } catch {
        // it was never made
      }
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  #makeKeys() {
    const keys = join(this.dir, 'keys');
    mkdirSync(keys);
    const openssl = (...args) => run('openssl', args, { cwd: keys });
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=bench-ca');
    for (const [name, usage] of [
      ['server', 'serverAuth'],
      ['client', 'clientAuth'],
    ]) {
      writeFileSync(join(keys, `${name}.ext`), `extendedKeyUsage=${usage}\nkeyUsage=digitalSignature\n`);
      openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.crt',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        `${name}.ext`,
        '-out',
        `${name}.crt`,
      );
    }
    run('openvpn', ['--genkey', 'secret', join(keys, 'tc.key')]);
  }

  writeServerConfig(extra = []) {
    const file = join(this.dir, `server-${extra.length}.conf`);
    const keys = join(this.dir, 'keys');
    const lines = [
      'proto udp4',
      'port 1194',
      'dev tun',
      'topology subnet',
      'server 10.66.0.0 255.255.0.0',
      `ca ${keys}/ca.crt`,
      `cert ${keys}/server.crt`,
      `key ${keys}/server.key`,
      'dh none',
      `tls-crypt ${keys}/tc.key`,
      'data-ciphers AES-256-GCM',
      'duplicate-cn',
      'keepalive 10 60',
      'verb 1',
      ...extra,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }

  writeClientConfig() {
    const file = join(this.dir, 'client.conf');
    const keys = join(this.dir, 'keys');
    const lines = [
      'client',
      'proto udp4',
      `remote ${this.serverAddress} 1194`,
      'nobind',
      'dev tun',
      'verb 3',
      `ca ${keys}/ca.crt`,
      `cert ${keys}/client.crt`,
      `key ${keys}/client.key`,
      'remote-cert-tls server',
      `tls-crypt ${keys}/tc.key`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }
}

/** Waits until `probe` gives a truthy value; throws with `what` after `seconds`. */
export async function until(what, probe, seconds = 15, stepMs = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: nothing after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
}

export const readLog = (child) => {
  try {
    return readFileSync(child.log, 'utf8');
  } catch {
    return '';
  }
};

/** CPU seconds (user, system) of a process and all of its threads since it started. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory in MiB. */
export function residentMiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** CPU seconds the whole machine has spent outside idle, for finding foreign load. */
export function machineBusySeconds() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busy: (user + nice + system + irq + softirq) / 100, steal: steal / 100 };
}
