import type { DataCipher, PacketFormat } from '../data-plane.js';
import { VpnError } from '../errors.js';
import type { PeerId } from '../ids.js';
import type { Lease } from '../server/server-event.js';
import { encodeText, hasControlCharacter } from '../wire/text.js';
import { type ClientFeatures, featureOption } from './features.js';

export interface PushReplyInput {
  /** The same for every client. */
  readonly global: readonly string[];
  readonly lease: Lease;
  readonly peerId: PeerId;
  /** null when the client takes no pushed cipher. */
  readonly cipher: DataCipher | null;
  readonly features: ClientFeatures;
  readonly format: PacketFormat;
  /** Of the server. */
  readonly tunMtu: number;
}

/** All options for one client, in the order that clients have always seen. [wire 15] */
export const pushOptions = (input: PushReplyInput): readonly string[] => {
  const { features, lease } = input;
  return [
    ...input.global,
    ...lease.push,
    lease.ipv6 && `ifconfig-ipv6 ${lease.ipv6.address}/${lease.ipv6.bits} ${lease.ipv6.gateway}`,
    lease.ipv4 && `ifconfig ${lease.ipv4.address} ${lease.ipv4.netmask}`,
    features.dataV2 ? `peer-id ${input.peerId}` : null,
    input.cipher && `cipher ${input.cipher}`,
    featureOption(features, input.format),
    features.maxTunMtu === null ? null : `tun-mtu ${Math.min(input.tunMtu, features.maxTunMtu)}`,
  ].filter((option) => option !== null);
};

/**
 * The control messages that carry `options`, without NUL. At least one, with at least one option: OpenVPN 3 does not
 * take a bare PUSH_REPLY. Throws `api-misuse/push-option` where `pushOptionFault` finds something. [wire 15]
 */
export const encodePushReply = (options: readonly string[]): readonly string[] =>
  encodeOptions('PUSH_REPLY', options.length === 0 ? [NEUTRAL_OPTION] : options);

/** The control messages that carry options for a connected client; as `encodePushReply`. [wire 15] */
export const encodePushUpdate = (options: readonly string[]): readonly string[] =>
  encodeOptions('PUSH_UPDATE', options);

const encodeOptions = (keyword: string, options: readonly string[]): readonly string[] => {
  const bodies: string[] = [];
  /** Bytes that the last body has left. */
  let room = 0;
  for (const option of options) {
    const fault = pushOptionFault(option);
    if (fault !== null) {
      throw new VpnError('api-misuse/push-option', `cannot push '${option}': ${fault}`);
    }
    const length = byteLength(option);
    if (length + 1 <= room) {
      bodies[bodies.length - 1] = `${bodies.at(-1)},${option}`;
      room -= length + 1;
    } else {
      bodies.push(option);
      room = MAX_BODY_LENGTH - length;
    }
  }
  return bodies.map((body, i) => `${keyword},${body}${continuation(i, bodies.length)}`);
};

/** Why no client could take this option, or null. For whoever reads the configuration. [wire 10, 15] */
export const pushOptionFault = (option: string): string | null => {
  if (option === '' || option.includes(',') || hasControlCharacter(option)) {
    return 'an option is not empty and has neither commas nor control characters';
  }
  const length = byteLength(option);
  return length > MAX_OPTION_LENGTH ? `it has ${length} bytes, clients take ${MAX_OPTION_LENGTH}` : null;
};

/** Clients read options into a line of 256 bytes with its NUL. [wire 10] */
const MAX_OPTION_LENGTH = 255;
/** Of 1024 bytes 84 stay free, for the continuation among others. [wire 15] */
const MAX_BODY_LENGTH = 1024 - 84 - 'PUSH_UPDATE,'.length;
/** The default of every client. */
const NEUTRAL_OPTION = 'ping 0';

const continuation = (index: number, count: number): string => {
  if (count === 1) {
    return '';
  }
  return `,push-continuation ${index === count - 1 ? 1 : 2}`;
};

const byteLength = (text: string): number => encodeText(text).length;
