import type { Settings } from './settings.js';

/**
 * `mssfix` as the size of the outer datagram, IP and UDP headers included; 0 = no clamp. `N mtu` says just that,
 * `N` leaves the headers out, `N fixed` is the size of inner packets.
 */
export const readMssfix = (settings: Settings, tunMtu: number): number => {
  const entry = settings.last('mssfix');
  if (entry === undefined || entry.args.length === 0) {
    // compat(2.6): the usual limit fits the usual MTU; with another one inner packets may be as large as that.
    return entry !== undefined || tunMtu === 1500 ? 1492 : tunMtu + DATA_OVERHEAD + OUTER_HEADERS;
  }
  const size = settings.integerAt(entry, 0, 1492, 0, 65535);
  const word = entry.args[1];
  if (size === 0) return 0;
  if (word === 'mtu') return size;
  if (word === 'fixed') return size + DATA_OVERHEAD + OUTER_HEADERS;
  if (word !== undefined) settings.error(entry, `'${word}' is not known; use mtu or fixed`);
  return size + OUTER_HEADERS;
};

/** IPv4 and UDP. */
const OUTER_HEADERS = 20 + 8;
/** DATA_V2 with an AEAD cipher: opcode and peer-id, packet id, tag. [wire 12.1] */
const DATA_OVERHEAD = 4 + 4 + 16;
