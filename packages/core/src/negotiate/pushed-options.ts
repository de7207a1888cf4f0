import type { DataLimits } from '../data-limits.js';
import { isFramingOption } from '../framing.js';
import { asPeerId, type PeerId } from '../ids.js';
import { OptionCollector } from './option-collector.js';
import { type PullFilter, pullAction } from './pull-filter.js';

/** What a client needs to know of a complete PUSH_REPLY. [wire 15] */
export interface PushedOptions {
  /** Every option in order, without the continuations, ignored ones included. The rest is of accepted options. */
  readonly all: readonly string[];
  readonly peerId: PeerId | null;
  /** Name as pushed, in upper case. */
  readonly cipher: string | null;
  readonly keyDerivation: 'prf' | 'tls-ekm';
  readonly exitNotify: boolean;
  readonly dynamicTlsCrypt: boolean;
  /** Data packets are in the epoch format. [wire 12.2] */
  readonly dataEpoch: boolean;
  /** Flags that this implementation does not know: the connection cannot work. */
  readonly unknownFlags: readonly string[];
  readonly ifconfig: { readonly address: string; readonly netmask: string } | null;
  readonly ifconfigIpv6: { readonly address: string; readonly bits: number; readonly gateway: string } | null;
  readonly tunMtu: number | null;
  /** Seconds. */
  readonly ping: number | null;
  /** The later one of `ping-restart` and `ping-exit`. */
  readonly silence: { readonly seconds: number; readonly exits: boolean } | null;
  readonly inactive: DataLimits['inactive'] | null;
  readonly sessionTimeout: number | null;
  /** The last `comp-lzo` or `compress` option, as pushed. */
  readonly framing: string | null;
  /** The password from now on. [wire 15] */
  readonly authToken: string | null;
}

/** Puts the parts of a PUSH_REPLY together. */
export class PushReplyCollector {
  readonly #filters: readonly PullFilter[];
  readonly #parts = new OptionCollector();

  constructor(filters: readonly PullFilter[]) {
    this.#filters = filters;
  }

  /** As `OptionCollector.handlePart`. */
  handlePart(options: readonly string[]): PushedOptions | undefined {
    const all = this.#parts.handlePart(options);
    return all && readPushedOptions(all, this.#filters);
  }
}

/** What the options mean that the filters let through. */
export const readPushedOptions = (all: readonly string[], filters: readonly PullFilter[]): PushedOptions =>
  parsePushedOptions(
    all,
    all.filter((option) => pullAction(filters, option) === 'accept'),
  );

const KNOWN_FLAGS = ['cc-exit', 'tls-ekm', 'dyn-tls-crypt', 'aead-epoch'];

const parsePushedOptions = (all: readonly string[], accepted: readonly string[]): PushedOptions => {
  const args = new Map(accepted.map((option) => parseOption(option)));
  const flags = args.get('protocol-flags') ?? [];
  const [address, netmask] = args.get('ifconfig') ?? [];
  const ekm = flags.includes('tls-ekm') || args.get('key-derivation')?.[0] === 'tls-ekm';
  const peerId = numberOf(args.get('peer-id'));
  return {
    all,
    peerId: peerId === null ? null : asPeerId(peerId),
    cipher: args.get('cipher')?.[0]?.toUpperCase() ?? null,
    keyDerivation: ekm ? 'tls-ekm' : 'prf',
    exitNotify: flags.includes('cc-exit'),
    dynamicTlsCrypt: flags.includes('dyn-tls-crypt'),
    dataEpoch: flags.includes('aead-epoch'),
    unknownFlags: flags.filter((flag) => !KNOWN_FLAGS.includes(flag)),
    ifconfig: address === undefined || netmask === undefined ? null : { address, netmask },
    ifconfigIpv6: parseIfconfigIpv6(args.get('ifconfig-ipv6')),
    tunMtu: numberOf(args.get('tun-mtu')),
    ping: numberOf(args.get('ping')),
    silence: parseSilence(accepted),
    inactive: parseInactive(args.get('inactive')),
    sessionTimeout: numberOf(args.get('session-timeout')),
    framing: accepted.findLast(isFramingOption) ?? null,
    authToken: args.get('auth-token')?.[0] ?? null,
  };
};

const parseOption = (option: string): [string, readonly string[]] => {
  const [name = '', ...args] = option.trim().split(/\s+/);
  return [name, args];
};

const parseIfconfigIpv6 = (args: readonly string[] | undefined): PushedOptions['ifconfigIpv6'] => {
  const [network, gateway] = args ?? [];
  const [, address, bits] = /^([^/]+)\/(\d{1,3})$/.exec(network ?? '') ?? [];
  return address === undefined || gateway === undefined ? null : { address, bits: Number(bits), gateway };
};

const parseSilence = (accepted: readonly string[]): PushedOptions['silence'] => {
  const [name, args] = accepted.map(parseOption).findLast(([name]) => SILENCE.includes(name)) ?? [];
  const seconds = numberOf(args);
  return seconds === null ? null : { seconds, exits: name === 'ping-exit' };
};

const SILENCE = ['ping-restart', 'ping-exit'];

const parseInactive = (args: readonly string[] | undefined): PushedOptions['inactive'] => {
  const seconds = numberOf(args);
  return seconds === null ? null : { seconds, bytes: numberOf(args?.slice(1)) ?? 0 };
};

const numberOf = (args: readonly string[] | undefined): number | null => {
  const text = args?.[0];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
};
