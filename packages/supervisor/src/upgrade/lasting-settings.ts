import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { RELOAD_RULES } from '../config/reload-rules.js';
import type { ServerConfig } from '../config/server-config.js';

/** What open sockets, the device and connected clients depend on: it stays through an upgrade. */
const LASTING = [
  'listeners',
  'device',
  'tunMtu',
  'ipv4',
  'ipv6',
  'routes',
  'wrap',
] as const satisfies readonly (keyof ServerConfig)[];

/** The same, mentioned only where they are not as usual: a process that does not know them has opened usual sockets. */
const USUAL: Pick<ServerConfig, 'socket' | 'multihome'> = {
  socket: { mark: 0, device: null, mtuDiscovery: null },
  multihome: null,
};

/** Digests by setting, so that two processes can compare without telling each other any key. */
export const digestSettings = (config: ServerConfig): Record<string, string> =>
  Object.fromEntries([...LASTING, ...unusual(config)].map((name) => [name, digest(config[name])]));

/** The directives whose meaning differs from that of the digests. */
export const changedSettings = (config: ServerConfig, digests: Readonly<Record<string, string>>): string[] =>
  Object.entries(digestSettings(config)).flatMap(([name, own]) =>
    digests[name] === own ? [] : [RELOAD_RULES[name as keyof ServerConfig].directive],
  );

const unusual = (config: ServerConfig): (keyof typeof USUAL)[] =>
  (['socket', 'multihome'] as const).filter((name) => !isDeepStrictEqual(config[name], USUAL[name]));

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value, canonical)).digest('hex');

/** The same text whatever the order of the properties. */
const canonical = (_name: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
};
