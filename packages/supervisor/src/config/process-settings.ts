import { parseAddress } from '../registry/ip-address.js';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

type ProcessSettings = Pick<
  ServerConfig,
  'workers' | 'poolPersist' | 'status' | 'verb' | 'log' | 'writepid' | 'user' | 'group' | 'adminHttp'
>;

/** What concerns the process and its files rather than the tunnel. File names come out absolute. */
export const readProcessSettings = (settings: Settings): ProcessSettings => {
  const log = settings.last('log', 'log-append');
  const writepid = settings.text('writepid');
  return {
    workers: settings.has('workers') ? settings.integer('workers', 1, 1, MAX_WORKERS) : null,
    poolPersist: readPoolPersist(settings),
    status: readStatus(settings),
    verb: settings.integer('verb', 1, 0, 11),
    log: log === undefined ? null : { file: settings.path(log.args[0] as string), append: log.name === 'log-append' },
    writepid: writepid === undefined ? null : settings.path(writepid),
    user: settings.text('user') ?? null,
    group: settings.text('group') ?? null,
    adminHttp: readAdminHttp(settings),
  };
};

/** More than any machine this was tried on has cores; guards against a slip of the finger. */
const MAX_WORKERS = 256;

const readPoolPersist = (settings: Settings): ServerConfig['poolPersist'] => {
  const entry = settings.last('ifconfig-pool-persist');
  if (entry === undefined) return null;
  if (settings.has('duplicate-cn'))
    settings.warning(entry, 'with duplicate-cn addresses cannot be kept by name; remove one of the two');
  return { file: settings.path(entry.args[0] as string), seconds: settings.integerAt(entry, 1, 600, 0, 2_000_000) };
};

const readStatus = (settings: Settings): ServerConfig['status'] => {
  const version = settings.integer('status-version', 1, 1, 3) as 1 | 2 | 3;
  const entry = settings.last('status');
  if (entry === undefined) return null;
  return {
    file: settings.path(entry.args[0] as string),
    seconds: settings.integerAt(entry, 1, 60, 0, 2_000_000),
    version,
  };
};

const readAdminHttp = (settings: Settings): ServerConfig['adminHttp'] => {
  const entry = settings.last('admin-http');
  if (entry === undefined) return null;
  const [text = '', token] = entry.args;
  const [, bracketed, plain, portText = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const name = bracketed ?? plain ?? '';
  const host = name === 'localhost' ? '127.0.0.1' : name;
  const port = Number(portText);
  if (parseAddress(host) === undefined || port < 1 || port > 65535) {
    settings.error(entry, `'${text}' is not an address and a port; write for example: admin-http 127.0.0.1:8505`);
    return null;
  }
  if (token === '' || (token === undefined && !isLoopback(host))) {
    settings.error(entry, `${text} can be reached from other machines; add a secret token: admin-http ${text} TOKEN`);
  }
  return { host, port, token: token ?? null };
};

const isLoopback = (host: string): boolean => host === '::1' || host.startsWith('127.');
