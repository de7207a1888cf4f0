import type { Millis } from '../ids.js';

/**
 * `connect-freq-initial`: how many resets of one address are answered in a period. [wire 7]
 * By address, so that strangers under false names do not use up what a client needs. Addresses are counted together where
 * their fingerprints meet, in a table that never grows; who does not know its seed cannot choose whose they meet.
 */
export class ReplyLimit {
  readonly #count: number;
  readonly #period: Millis;
  readonly #seed: number;
  readonly #used = new Uint16Array(SLOTS);
  #periodEnd = Number.NEGATIVE_INFINITY;

  /** `secret`: at least four bytes that nobody else knows. */
  constructor(limit: { readonly count: number; readonly seconds: number }, secret: Uint8Array) {
    this.#count = Math.min(limit.count, MOST);
    this.#period = 1000 * limit.seconds;
    this.#seed = secret.subarray(0, 4).reduce((seed, byte) => (seed << 8) | byte, 0);
  }

  /** Whether one more answer to `host` is within the limit; it is counted then. */
  take(now: Millis, host: string): boolean {
    if (now >= this.#periodEnd) {
      this.#periodEnd = now + this.#period;
      this.#used.fill(0);
    }
    const slot = this.#slotOf(host);
    const used = this.#used[slot] as number;
    if (used >= this.#count) {
      return false;
    }
    this.#used[slot] = used + 1;
    return true;
  }

  /** A handshake that completes was no attack. */
  refund(host: string): void {
    const slot = this.#slotOf(host);
    this.#used[slot] = Math.max(0, (this.#used[slot] as number) - 1);
  }

  /** FNV-1a with a secret start, and a last mix: the lower bits alone would show it. */
  #slotOf(host: string): number {
    let hash = this.#seed;
    for (let i = 0; i < host.length; i++) {
      hash = Math.imul(hash ^ host.charCodeAt(i), 0x01000193);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return ((hash ^ (hash >>> 13)) >>> 0) % SLOTS;
  }
}

const SLOTS = 1 << 14;
const MOST = 0xffff;
