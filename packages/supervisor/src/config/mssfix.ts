import type { LayerPolicy } from '@shardvpn/core';
import type { Settings } from './settings.js';

/** What TCP inside the tunnel has to fit in, bytes; `mssfix` 0 = no clamp. */
export interface MssFix {
  readonly mssfix: number;
  /**
   * What is so large: a datagram (or the bytes that carry a packet in a TCP connection) with or without its outer headers, or a
   * packet inside the tunnel. `usual` is `outer` for UDP, and leaves clients by TCP alone.
   */
  readonly mssfixOf: 'usual' | 'outer' | 'datagram' | 'packet';
}

/** `mssfix`; without a number it follows `fragment` or `tun-mtu`. */
export const readMssfix = (settings: Settings, tunMtu: number, { fragment }: Pick<LayerPolicy, 'fragment'>): MssFix => {
  const entry = settings.last('mssfix');
  if (entry === undefined || entry.args.length === 0) {
    if (fragment !== null) return { mssfix: fragment.size, mssfixOf: fragment.countsHeaders ? 'outer' : 'datagram' };
    // compat(2.6): the usual limit fits the usual MTU; with another one inner packets may be as large as that.
    return entry !== undefined || tunMtu === 1500
      ? { mssfix: 1492, mssfixOf: 'usual' }
      : { mssfix: tunMtu, mssfixOf: 'packet' };
  }
  const mssfix = settings.integerAt(entry, 0, 1492, 0, 65535);
  const word = entry.args[1];
  if (word === 'mtu') return { mssfix, mssfixOf: 'outer' };
  if (word === 'fixed') return { mssfix, mssfixOf: 'packet' };
  if (word !== undefined) settings.error(entry, `'${word}' is not known; use mtu or fixed`);
  return { mssfix, mssfixOf: 'datagram' };
};
