import type { Role } from '../role.js';
import type { ClientWrapOptions } from '../server/server-options.js';
import { cipherShape, digestBits } from './legacy-cipher.js';

/** What the options string is made of. Names as in the `cipher` and `auth` directives; 'none' is a name too. */
export interface OptionsStringInput {
  readonly role: Role;
  /** Over TCP. Absent: over UDP. */
  readonly stream?: boolean;
  readonly cipher: string;
  readonly auth: string;
  readonly tunMtu: number;
  /** The cipher is shown only when it is one of these. */
  readonly dataCiphers: readonly string[];
  readonly wrap: ClientWrapOptions;
  /** A compression framing is on; `linkBytes` is what it adds to `link-mtu`. */
  readonly compression?: boolean;
  readonly linkBytes?: number;
  readonly fragment?: boolean;
}

/** The line both sides compare and only warn about; tun. [wire 18] */
export const encodeOptionsString = (input: OptionsStringInput): string => {
  const cipher = input.cipher.toUpperCase();
  const shape = cipherShape(cipher);
  const digest = digestBits(input.auth);
  const parts = [
    'V4',
    'dev-type tun',
    `link-mtu ${linkMtu(input)}`,
    `tun-mtu ${input.tunMtu}`,
    `proto ${protocolName(input)}`,
  ];
  if (input.compression) parts.push('comp-lzo');
  if (input.fragment) parts.push('mtu-dynamic');
  if (input.wrap.type === 'tls-auth' && input.wrap.direction !== null) {
    parts.push(`keydir ${input.wrap.direction}`);
  }
  if (input.dataCiphers.some((name) => name.toUpperCase() === cipher)) {
    parts.push(`cipher ${cipher === 'NONE' ? '[null-cipher]' : cipher}`);
  }
  const auth = shape.aead || digest === 0 ? '[null-digest]' : input.auth.toUpperCase();
  parts.push(`auth ${auth}`, `keysize ${shape.keyBits}`);
  if (input.wrap.type === 'tls-auth') {
    parts.push('tls-auth');
  }
  parts.push('key-method 2', `tls-${input.role}`);
  return parts.join(',');
};

/** What a server needs of a client's line; a line of any form is fine. */
export interface ClientOptionsString {
  /** Name in upper case, `NONE` for `[null-cipher]`; null when the line names none. [wire 14.1] */
  readonly cipher: string | null;
  /** The client expects compression framing. [wire 13] */
  readonly compression: boolean;
  readonly fragment: boolean;
  readonly keyDirection: 0 | 1 | null;
  readonly tlsAuth: boolean;
}

export const parseOptionsString = (text: string): ClientOptionsString => {
  const parts = text.split(',');
  const argumentOf = (name: string): string | null =>
    parts.find((part) => part.startsWith(`${name} `))?.slice(name.length + 1) ?? null;
  const cipher = argumentOf('cipher');
  const direction = argumentOf('keydir');
  return {
    cipher: cipher === '[null-cipher]' ? 'NONE' : (cipher?.toUpperCase() ?? null),
    compression: parts.includes('comp-lzo'),
    fragment: parts.includes('mtu-dynamic'),
    keyDirection: direction === '0' ? 0 : direction === '1' ? 1 : null,
    tlsAuth: parts.includes('tls-auth'),
  };
};

/** The same for IPv6. */
const protocolName = ({ role, stream }: OptionsStringInput): string =>
  stream === true ? `TCPv4_${role.toUpperCase()}` : 'UDPv4';

/** A historic formula, kept for the comparison; not the real overhead. [wire 18] */
const linkMtu = (input: OptionsStringInput): number => {
  const shape = cipherShape(input.cipher.toUpperCase());
  const digestBytes = shape.aead ? 0 : digestBits(input.auth) / 8;
  const header = 1;
  const packetId = 4;
  const prefix = input.stream === true ? 2 : 0;
  const layers = (input.linkBytes ?? 0) + (input.fragment ? 4 : 0);
  return input.tunMtu + prefix + layers + header + packetId + shape.overhead + digestBytes;
};
