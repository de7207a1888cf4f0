import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { VpnError } from '@shardvpn/core';
import { z } from 'zod';
import { fileFault } from '../config/read.js';
import { Authority } from '../pki/authority.js';
import { encodeProfile } from '../pki/profile.js';
import { encodeStaticKey } from '../pki/static-key.js';
import { writeSecret } from '../pki/write-secret.js';
import type { Remote } from './remote.js';
import { encodeServerConf } from './server-conf.js';

const RemoteSchema = z.object({ host: z.string(), port: z.number() });

/** What quickstart keeps: authority, server keys, `server.conf` and the profiles of the clients. For root alone. */
export class DataDirectory {
  private constructor(
    readonly path: string,
    readonly authority: Authority,
  ) {}

  /** Opens an existing one, or undefined. */
  static open(directory: string): DataDirectory | undefined {
    const path = resolve(directory);
    try {
      const authority = Authority.open(join(path, PKI));
      return authority === undefined ? undefined : new DataDirectory(path, authority);
    } catch (error) {
      throw explained(path, error);
    }
  }

  /** Makes authority, server certificate, keys and `server.conf`. What an interrupted attempt has left is replaced. */
  static async create(directory: string, port: number): Promise<DataDirectory> {
    const path = resolve(directory);
    try {
      mkdirSync(join(path, CLIENTS), { recursive: true, mode: 0o700 });
      const authority = await Authority.create(join(path, PKI), 'ShardVPN CA');
      const data = new DataDirectory(path, authority);
      const server = await authority.issue('server', 'server');
      writeSecret(join(path, 'server.key'), server.key);
      writeSecret(join(path, 'server.crt'), server.certificate);
      writeSecret(join(path, TLS_CRYPT), encodeStaticKey());
      writeSecret(data.configFile, encodeServerConf({ directory: path, port, ipv6Prefix: randomPrefix() }));
      return data;
    } catch (error) {
      throw explained(path, error);
    }
  }

  get configFile(): string {
    return join(this.path, 'server.conf');
  }

  /** Complete: a first run that was interrupted leaves no `remote.json`. */
  get complete(): boolean {
    return existsSync(join(this.path, REMOTE));
  }

  /** Where clients find the server. */
  get remote(): Remote {
    return RemoteSchema.parse(JSON.parse(readFileSync(join(this.path, REMOTE), 'utf8')));
  }

  set remote(remote: Remote) {
    writeSecret(join(this.path, REMOTE), `${JSON.stringify(remote)}\n`);
  }

  profileFile(name: string): string {
    return join(this.path, CLIENTS, `${name}.ovpn`);
  }

  /** Issues a certificate and writes the client's profile. Returns the profile's path. */
  async addClient(name: string, remote: Remote): Promise<string> {
    checkClientName(name);
    const { certificate, key } = await this.authority.issue('client', name);
    const tlsCrypt = readFileSync(join(this.path, TLS_CRYPT), 'utf8');
    writeSecret(
      this.profileFile(name),
      encodeProfile({ remote, ca: this.authority.certificate, certificate, key, tlsCrypt }),
    );
    return this.profileFile(name);
  }

  /** Revokes the client's certificate and deletes its profile, which is of no use any more. */
  async revokeClient(name: string): Promise<void> {
    checkClientName(name);
    await this.authority.revoke(name);
    rmSync(this.profileFile(name), { force: true });
  }

  /** The port in `server.conf`. */
  get port(): number {
    return Number(/^port (\d+)$/m.exec(readFileSync(this.configFile, 'utf8'))?.[1] ?? 1194);
  }

  set port(port: number) {
    const config = readFileSync(this.configFile, 'utf8');
    const line = `port ${port}`;
    writeSecret(this.configFile, /^port .*$/m.test(config) ? config.replace(/^port .*$/m, line) : `${config}${line}\n`);
  }

  /** Clients find the server elsewhere from now on: changes the profiles kept here. */
  moveTo(remote: Remote): void {
    const folder = join(this.path, CLIENTS);
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.ovpn'))) {
      const profile = readFileSync(join(folder, file), 'utf8');
      writeSecret(join(folder, file), profile.replace(/^remote .*$/m, `remote ${remote.host} ${remote.port}`));
    }
    this.remote = remote;
  }
}

const PKI = 'pki';
const CLIENTS = 'clients';
const TLS_CRYPT = 'tls-crypt.key';
const REMOTE = 'remote.json';

/** Names become file names and common names. */
const checkClientName = (name: string): void => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/.test(name)) {
    throw new VpnError(
      'config/client-name',
      `'${name}' cannot be the name of a client; use up to 63 letters, digits and . _ @ -`,
    );
  }
};

/** A random /64 of the range for private networks, so that two sites hardly ever collide. */
const randomPrefix = (): string => {
  const [a, b, c, d, e] = randomBytes(5).toString('hex').match(/../g) ?? [];
  return `${[`fd${a}`, `${b}${c}`, `${d}${e}`].map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
};

const explained = (path: string, error: unknown): VpnError =>
  error instanceof VpnError ? error : new VpnError('config/data-directory', `cannot use ${path}: ${fileFault(error)}`);
