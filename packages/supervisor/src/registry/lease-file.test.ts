import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeLeaseFile, encodeLeaseFile } from './lease-file.js';

describe('lease file', () => {
  test('reads what openvpn writes', () => {
    const text =
      '# comment\n;another\n\nclient1,10.8.0.4\r\nclient2,10.8.0.5,fd00::1003\nclient3,,fd00::1004\nold,10.8.0.9,\n';
    expect(decodeLeaseFile(text)).toEqual({
      leases: [
        { name: 'client1', ipv4: '10.8.0.4', ipv6: null },
        { name: 'client2', ipv4: '10.8.0.5', ipv6: 'fd00::1003' },
        { name: 'client3', ipv4: null, ipv6: 'fd00::1004' },
        { name: 'old', ipv4: '10.8.0.9', ipv6: null },
      ],
      bad: [],
    });
  });

  test('says which lines mean nothing', () => {
    expect(decodeLeaseFile('nobody\n,10.8.0.4\nok,10.8.0.4\na,b,c\na,10.8.0.1,10.8.0.2\n').bad).toEqual([1, 2, 4, 5]);
  });

  test('a name that would break the file is left out', () => {
    const lease = { ipv4: '10.8.0.4', ipv6: null };
    expect(
      encodeLeaseFile([
        { name: 'a\nb', ...lease },
        { name: '#a', ...lease },
        { name: 'a,b', ...lease },
      ]),
    ).toBe('');
  });

  test('what is written is read back, and nothing else ever', () => {
    const lease = fc.record({
      name: fc.oneof(fc.stringMatching(/^[a-z0-9 ]{1,6}$/), fc.string({ unit: 'grapheme' })),
      ipv4: fc.option(fc.ipV4()),
      ipv6: fc.constantFrom('fd00::1', 'fd00::2'),
    });
    fc.assert(
      fc.property(fc.array(lease), (leases) => {
        const isPlain = ({ name }: { name: string }) => /^[\w -]*\w$/.test(name.trim()) && name.trim() === name;
        const { leases: read, bad } = decodeLeaseFile(encodeLeaseFile(leases));
        expect(bad).toEqual([]);
        expect(read.filter(isPlain)).toEqual(leases.filter(isPlain));
        for (const lease of read) expect(leases).toContainEqual(lease);
      }),
    );
  });
});
