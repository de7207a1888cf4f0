import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Leases } from './leases.js';

const IPV4 = {
  network: '10.8.0.0',
  netmask: '255.255.255.248',
  bits: 29,
  server: '10.8.0.1',
  pool: { first: '10.8.0.0', last: '10.8.0.7' },
};
const IPV6 = { network: 'fd00::', bits: 64, server: 'fd00::1', pool: { first: 'fd00::1000', size: 65_536 } };

const take = (leases: Leases, name: string): string | null => {
  const slot = leases.acquire(name);
  return slot === null ? null : leases.addresses(slot).ipv4;
};

describe('leases', () => {
  test('never hands out the network, the server or the broadcast address', () => {
    const leases = new Leases(IPV4, null);
    const all = Array.from({ length: leases.size }, (_, i) => take(leases, `c${i}`));
    expect(all).toEqual(['10.8.0.2', '10.8.0.3', '10.8.0.4', '10.8.0.5', '10.8.0.6']);
    expect(take(leases, 'late')).toBeNull();
  });

  test('a client has the same number in both families', () => {
    const leases = new Leases(IPV4, IPV6);
    expect(leases.addresses(leases.acquire('a') as number)).toEqual({ ipv4: '10.8.0.2', ipv6: 'fd00::1002' });
  });

  test('a pool that grows at its end keeps every address, and goes on where it was full', () => {
    const pool = { first: '10.8.0.2', last: '10.8.0.3' };
    const leases = new Leases({ ...IPV4, pool }, null);
    const slots = ['a', 'b'].map((name) => leases.acquire(name) as number);
    expect(leases.acquire('c')).toBeNull();
    leases.grow({ ...IPV4, pool: { ...pool, last: '10.8.0.4' } }, null);
    expect(slots.map((slot) => leases.addresses(slot).ipv4)).toEqual(['10.8.0.2', '10.8.0.3']);
    expect(take(leases, 'c')).toBe('10.8.0.4');
    expect(leases.acquire('d')).toBeNull();
  });

  test('IPv6 alone works', () => {
    const leases = new Leases(null, IPV6);
    expect(leases.addresses(leases.acquire('a') as number)).toEqual({ ipv4: null, ipv6: 'fd00::1000' });
  });

  test('without a pool there is no lease', () => {
    expect(new Leases({ ...IPV4, pool: null }, null).acquire('a')).toBeNull();
  });

  test('a name gets its address back until the pool is short of others', () => {
    const leases = new Leases(IPV4, null);
    const slot = leases.acquire('a') as number;
    leases.release(slot);
    expect(take(leases, 'b')).toBe('10.8.0.3');
    expect(leases.acquire('a')).toBe(slot);
  });

  test('the address that was given back first goes first when no fresh one is left', () => {
    const leases = new Leases(IPV4, null);
    const slots = ['a', 'b', 'c', 'd', 'e'].map((name) => leases.acquire(name) as number);
    leases.release(slots[3] as number);
    leases.release(slots[1] as number);
    expect(leases.acquire('x')).toBe(slots[3]);
    expect(leases.acquire('d')).toBe(slots[1]);
  });

  test('restored names find their address, foreign addresses are refused', () => {
    const leases = new Leases(IPV4, null);
    expect(leases.restore('a', { ipv4: '10.8.0.5', ipv6: null })).toBe(true);
    expect(leases.restore('b', { ipv4: '10.8.0.5', ipv6: null })).toBe(false);
    expect(leases.restore('b', { ipv4: '10.9.0.5', ipv6: null })).toBe(false);
    expect(leases.restore('b', { ipv4: '10.8.0.1', ipv6: null })).toBe(false);
    expect(take(leases, 'a')).toBe('10.8.0.5');
    expect(leases.remembered()).toEqual([{ name: 'a', ipv4: '10.8.0.5', ipv6: null }]);
  });
});

/** The rules once more, slow and plain: one row a slot. */
class Model {
  readonly rows = [2, 3, 4, 5, 6].map((slot) => ({ slot, name: '', used: false, everUsed: false, freed: 0 }));
  #clock = 0;

  acquire(name: string): number | null {
    const free = this.rows.filter((row) => !row.used);
    const row =
      free.find((one) => name !== '' && one.name === name) ??
      free.find((one) => !one.everUsed) ??
      free.sort((a, b) => a.freed - b.freed)[0];
    if (row === undefined) return null;
    Object.assign(row, { used: true, everUsed: true, name });
    return row.slot;
  }

  release(slot: number): void {
    const row = this.rows.find((one) => one.slot === slot);
    if (!row?.used) return;
    const other = this.rows.find((one) => one !== row && !one.used && one.name === row.name);
    if (other !== undefined) other.name = '';
    Object.assign(row, { used: false, freed: ++this.#clock });
  }
}

test('any order of acquire and release behaves like the model', () => {
  const step = fc.oneof(
    fc.record({ acquire: fc.constantFrom('', 'a', 'b', 'c', 'd', 'e', 'f', 'g') }),
    fc.record({ release: fc.integer({ min: 0, max: 7 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [leases, model] = [new Leases(IPV4, null), new Model()];
      for (const one of steps) {
        if ('acquire' in one) expect(leases.acquire(one.acquire)).toBe(model.acquire(one.acquire));
        else {
          leases.release(one.release);
          model.release(one.release);
        }
        expect(leases.inUse).toBe(model.rows.filter((row) => row.used).length);
      }
    }),
    { numRuns: 500 },
  );
});
