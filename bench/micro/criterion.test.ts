import { expect, test } from '@jest/globals';
import { parseCriterion } from './criterion.js';

test('times are read in any unit, with the name on the same line or before it', () => {
  const output = `
Benchmarking checksum/1400: Analyzing
checksum/1400           time:   [40.100 ns 41.000 ns 42.500 ns]
                        change: [-1.0% +0.1% +1.2%] (p = 0.90 > 0.05)
split/superpacket of 44
                        time:   [1.9000 µs 2.0000 µs 2.1000 µs]
                        thrpt:  [20.0 Melem/s 21.0 Melem/s 22.0 Melem/s]
Found 3 outliers among 20 measurements (15.00%)
`;
  expect(parseCriterion(output)).toEqual([
    { name: 'checksum/1400', typical: 41, high: 42.5 },
    { name: 'split/superpacket of 44', typical: 2000, high: 2100 },
  ]);
});
