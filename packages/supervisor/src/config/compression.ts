import {
  type AllowCompression,
  type FragmentSize,
  type LayerPolicy,
  NO_LAYERS,
  parseFramingOption,
} from '@shardvpn/core';
import type { Settings } from './settings.js';

/** `comp-lzo`, `compress`, `allow-compression` and `fragment`: what lies between the cipher and the inner packets. */
export const readLayers = (settings: Settings, role: 'server' | 'client' = 'server'): LayerPolicy => {
  const allow = readAllow(settings);
  return { ...NO_LAYERS, ...readFraming(settings, allow, role), allow, fragment: readFragment(settings) };
};

/** A connection cuts packets as it likes, so OpenVPN refuses the line as well. `ways`: all over which somebody may speak with us. */
export const checkFragment = (settings: Settings, ways: readonly { readonly transport?: 'tcp' }[]): void => {
  const entry = settings.last('fragment');
  if (entry === undefined || entry.args[0] === '0' || !ways.every(({ transport }) => transport === 'tcp')) return;
  settings.error(entry, 'there is only TCP here, which fragments nothing; remove the line, at the other end as well');
};

const readAllow = (settings: Settings): AllowCompression => {
  const entry = settings.last('allow-compression');
  const word = entry?.args[0];
  if (entry === undefined || word === 'no' || word === 'asym') return word === 'asym' ? 'asym' : 'no';
  if (word === 'yes') {
    settings.warning(entry, `what is compressed tells its content by its length (VORACLE); ${ADVICE}`);
    return 'yes';
  }
  settings.error(entry, `'${word}' is not known; use no, asym or yes`);
  return 'no';
};

const ADVICE = 'write asym to take compressed packets and send none';

type Framing = Pick<LayerPolicy, 'framing' | 'compresses' | 'migrate'>;

const readFraming = (settings: Settings, allow: AllowCompression, role: 'server' | 'client'): Framing => {
  const entry = settings.last('comp-lzo', 'compress');
  const none: Framing = { framing: 'none', compresses: false, migrate: false };
  if (entry === undefined) return none;
  const { name, args } = entry;
  if (name === 'compress' && args[0] === 'migrate' && role === 'server') return { ...none, migrate: true };
  const option = parseFramingOption([name, ...args]);
  if (option === null) {
    const names = name === 'compress' ? 'lzo, lz4, lz4-v2, stub, stub-v2 or migrate' : 'no, yes or adaptive';
    settings.error(entry, `'${args[0]}' is not known; use ${names}`);
    return none;
  }
  if (allow !== 'yes') warn(settings, role, option.compresses);
  return { ...option, migrate: false };
};

const warn = (settings: Settings, role: 'server' | 'client', compresses: boolean): void => {
  const entry = settings.last('comp-lzo', 'compress');
  if (entry === undefined) return;
  const what = compresses
    ? 'compressed packets are taken and none are sent, as allow-compression says'
    : 'packets are marked as uncompressed, which only costs room';
  const advice = role === 'server' ? '; to lead clients away from it write: compress migrate' : '';
  settings.warning(entry, what + advice);
};

/** 0 switches it off. */
const readFragment = (settings: Settings): FragmentSize | null => {
  const entry = settings.last('fragment');
  if (entry === undefined) return null;
  const word = entry.args[1];
  if (word !== undefined && word !== 'mtu') settings.error(entry, `'${word}' is not known; use mtu`);
  if (entry.args[0] === '0') return null;
  const size = settings.integerAt(entry, 0, 1300, 68, 65535);
  return { size, countsHeaders: word === 'mtu' };
};
