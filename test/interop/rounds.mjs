/**
 * Files that have the machine to themselves in `npm test`: they fill it with traffic or crowds, or count losses that a busy machine
 * has as well. The others mostly wait, and run two at a time.
 */
export const ALONE = [
  'bench',
  'data-thread',
  'faults',
  'flood',
  'load',
  'many-clients',
  'rings',
  'roaming',
  'shards',
  'soak',
  'survival',
  'throughput',
  'upgrade',
  'upgrade-crowd',
];
