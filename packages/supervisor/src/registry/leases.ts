import type { ServerConfig } from '../config/server-config.js';
import { formatAddress, parseAddress } from './ip-address.js';
import type { LeasesState } from './registry-state.js';

/** Addresses of one slot of the pools. */
export interface SlotAddresses {
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/** What the pools remember about a name that is not connected, or is. */
export interface RememberedLease extends SlotAddresses {
  readonly name: string;
}

/**
 * The address pools. A slot is one number in both families, so a client's IPv4 and IPv6 addresses belong together.
 * A name gets its earlier slot while nobody else has it; else the lowest slot never used; else the one given back longest ago.
 */
export class Leases {
  #ranges: Ranges;
  /** Slots in use, with the name that has them ('' for none). */
  readonly #used = new Map<number, string>();
  /** Slots given back, the oldest first, with the name that may have them again. */
  readonly #free = new Map<number, string>();
  /** Slot of each name in `#free`. */
  readonly #sticky = new Map<string, number>();
  /** No slot from here on has ever been used, but for those in `#used` and `#free`. */
  #fresh = 0;

  constructor(ipv4: ServerConfig['ipv4'], ipv6: ServerConfig['ipv6']) {
    this.#ranges = rangesOf(ipv4, ipv6);
  }

  /** Pools with the same first addresses and later last ones: every slot keeps its addresses. */
  grow(ipv4: ServerConfig['ipv4'], ipv6: ServerConfig['ipv6']): void {
    this.#ranges = rangesOf(ipv4, ipv6);
  }

  /** Slot for `name`, null when the pools are exhausted. An empty name has no earlier slot. */
  acquire(name: string): number | null {
    const slot = this.#sticky.get(name) ?? this.#nextFresh() ?? this.#oldestFree();
    if (slot === null) return null;
    this.#forget(slot);
    this.#used.set(slot, name);
    return slot;
  }

  /** Gives a slot back; its name may have it again. Unknown slots are ignored. */
  release(slot: number): void {
    const name = this.#used.get(slot);
    if (name === undefined) return;
    this.#used.delete(slot);
    this.#remember(slot, name);
  }

  /**
   * Takes the slots of single addresses, of those that are in the pool and not among `own`; null when somebody has one of
   * them. They are given back with `release`.
   */
  hold({ ipv4, ipv6 }: SlotAddresses, own: readonly number[]): readonly number[] | null {
    const wanted = this.slotsOf({ ipv4, ipv6 }).filter((slot) => !own.includes(slot));
    if (wanted.some((slot) => this.#used.has(slot))) return null;
    for (const slot of wanted) {
      this.#forget(slot);
      this.#used.set(slot, '');
    }
    return wanted;
  }

  /** Slots that the addresses belong to, of those in the pool. */
  slotsOf({ ipv4, ipv6 }: SlotAddresses): readonly number[] {
    const both = [this.#slotOf({ ipv4, ipv6: null }), this.#slotOf({ ipv4: null, ipv6 })];
    return [...new Set(both)].filter((slot) => slot !== null);
  }

  /** Restores what a persistence file says. False when the addresses are not this pool's or somebody has them. */
  restore(name: string, addresses: SlotAddresses): boolean {
    const slot = this.#slotOf(addresses);
    if (slot === null || this.#used.has(slot) || this.#free.has(slot)) return false;
    this.#remember(slot, name);
    return true;
  }

  addresses(slot: number): SlotAddresses {
    const { first4, first6 } = this.#ranges;
    return {
      ipv4: first4 === null ? null : formatAddress(4, first4 + BigInt(slot)),
      ipv6: first6 === null ? null : formatAddress(6, first6 + BigInt(slot)),
    };
  }

  /** Every name with its addresses, in the order of the slots. */
  remembered(): RememberedLease[] {
    return [...this.#used, ...this.#free]
      .filter(([, name]) => name !== '')
      .sort(([a], [b]) => a - b)
      .map(([slot, name]) => ({ name, ...this.addresses(slot) }));
  }

  /** All that the pools remember; of those in use only `kept` stay in use. */
  state(kept: ReadonlySet<number>): LeasesState {
    const used = [...this.#used];
    const given = used.filter(([slot]) => !kept.has(slot));
    return { used: used.filter(([slot]) => kept.has(slot)), free: [...this.#free, ...given], fresh: this.#fresh };
  }

  /** Takes over what pools with the same first addresses remember. Throws, before the first change, what cannot be theirs. */
  takeOver({ used, free, fresh }: LeasesState): void {
    const slots = [...used, ...free].map(([slot]) => slot);
    const odd = slots.find((slot) => slot >= this.#ranges.size || this.#ranges.reserved.has(slot));
    if (odd !== undefined) throw new RangeError(`slot ${odd} is not in the pool`);
    if (new Set(slots).size < slots.length) throw new RangeError('a slot of the pool is there twice');
    for (const [slot, name] of free) this.#remember(slot, name);
    for (const [slot, name] of used) this.#used.set(slot, name);
    this.#fresh = fresh;
  }

  get size(): number {
    return this.#ranges.size - this.#ranges.reserved.size;
  }

  get inUse(): number {
    return this.#used.size;
  }

  #nextFresh(): number | null {
    const taken = (slot: number): boolean =>
      this.#ranges.reserved.has(slot) || this.#used.has(slot) || this.#free.has(slot);
    while (this.#fresh < this.#ranges.size && taken(this.#fresh)) this.#fresh += 1;
    return this.#fresh < this.#ranges.size ? this.#fresh : null;
  }

  #oldestFree(): number | null {
    for (const slot of this.#free.keys()) return slot;
    return null;
  }

  #remember(slot: number, name: string): void {
    const earlier = this.#sticky.get(name);
    if (earlier !== undefined) this.#free.set(earlier, '');
    this.#free.set(slot, name);
    if (name !== '') this.#sticky.set(name, slot);
  }

  #forget(slot: number): void {
    const name = this.#free.get(slot);
    this.#free.delete(slot);
    if (name !== undefined && this.#sticky.get(name) === slot) this.#sticky.delete(name);
  }

  #slotOf({ ipv4, ipv6 }: SlotAddresses): number | null {
    const slot = slotIn(this.#ranges.first4, ipv4) ?? slotIn(this.#ranges.first6, ipv6);
    return slot === null || slot < 0 || slot >= this.#ranges.size || this.#ranges.reserved.has(slot) ? null : slot;
  }
}

interface Ranges {
  readonly first4: bigint | null;
  readonly first6: bigint | null;
  readonly size: number;
  /** Slots whose address is the server's, the network's or the broadcast one. */
  readonly reserved: ReadonlySet<number>;
}

const rangesOf = (ipv4: ServerConfig['ipv4'], ipv6: ServerConfig['ipv6']): Ranges => {
  const first4 = ipv4?.pool ? number(ipv4.pool.first) : null;
  const first6 = ipv6?.pool ? number(ipv6.pool.first) : null;
  const size4 = ipv4?.pool ? Number(number(ipv4.pool.last) - number(ipv4.pool.first)) + 1 : Number.POSITIVE_INFINITY;
  const size = Math.min(size4, ipv6?.pool?.size ?? Number.POSITIVE_INFINITY);
  const special4 = ipv4 ? [number(ipv4.server), number(ipv4.network), broadcast(number(ipv4.network), ipv4.bits)] : [];
  const special6 = ipv6 ? [number(ipv6.server), number(ipv6.network)] : [];
  const slots = [...offsets(first4, special4), ...offsets(first6, special6)];
  const bounded = Number.isFinite(size) ? Math.max(size, 0) : 0;
  return { first4, first6, size: bounded, reserved: new Set(slots.filter((slot) => slot >= 0 && slot < bounded)) };
};

const offsets = (first: bigint | null, special: readonly bigint[]): number[] =>
  first === null ? [] : special.map((address) => Number(address - first));

const slotIn = (first: bigint | null, address: string | null): number | null => {
  const parsed = address === null ? undefined : parseAddress(address);
  return first === null || parsed === undefined ? null : Number(parsed.value - first);
};

const broadcast = (network: bigint, bits: number): bigint => network | ((1n << BigInt(32 - bits)) - 1n);

const number = (address: string): bigint => {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new TypeError(`not a numeric address: ${address}`);
  return parsed.value;
};
