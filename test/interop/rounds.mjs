/**
 * In which round `npm test` runs a file. The first round takes what mostly waits: several files at a time, beside the other suites.
 * Names of files without `.test.ts`.
 */

/** Crowds, and what measures how long a pause is: two at a time, and nothing beside them. */
const CALM = ['load', 'shards', 'upgrade', 'upgrade-crowd'];

/** They measure the use of processors, or fill the machine: one at a time. */
const ALONE = ['bench', 'faults', 'flood', 'rings', 'soak'];

/** Of all rounds, the files with the most seconds: they begin first, lest one of them is left at the end. */
export const LONGEST = [
  'connect',
  'versions',
  'survival',
  'renegotiation',
  'tcp',
  'limits',
  'man-in-the-middle',
  'offloads',
  'hostile',
  'lifecycle',
  'throughput',
  'minivpn',
  'upgrade',
  'framing',
  'reload',
  'certificates',
  'listeners',
  'matrix',
];

/** For jest, and how many files it runs at once. */
export const ROUNDS = [
  { name: 'first', args: ['--testPathIgnorePatterns', pattern([...CALM, ...ALONE])], workers: 4, besideOthers: true },
  { name: 'calm', args: ['--testPathPatterns', pattern(CALM)], workers: 2, besideOthers: false },
  { name: 'alone', args: ['--testPathPatterns', pattern(ALONE)], workers: 1, besideOthers: false },
];

function pattern(names) {
  return `test/interop/(${names.join('|')})\\.test\\.ts$`;
}
