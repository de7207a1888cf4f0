import { join } from 'node:path';

export type KeyKind = 'rsa' | 'ec' | 'foreign';
export type Wrapping = 'none' | 'tls-auth' | 'tls-auth-undirected' | 'tls-crypt' | 'tls-crypt-v2';

const folder = join(process.env.INTEROP_DIR ?? '', 'keys');

export const keyFile = (kind: KeyKind, name: string): string => join(folder, kind, name);
export const staticKey = (name = 'static.key'): string => join(folder, name);

/** The directive of each wrapping, for one of the two sides. */
export function wrappingLines(wrapping: Wrapping, side: 'server' | 'client'): string[] {
  switch (wrapping) {
    case 'none':
      return [];
    case 'tls-auth':
      return [`tls-auth ${staticKey()} ${side === 'server' ? 0 : 1}`];
    case 'tls-auth-undirected':
      return [`tls-auth ${staticKey()}`];
    case 'tls-crypt':
      return [`tls-crypt ${staticKey()}`];
    case 'tls-crypt-v2':
      return [`tls-crypt-v2 ${staticKey(`v2-${side}.key`)}`];
  }
}
