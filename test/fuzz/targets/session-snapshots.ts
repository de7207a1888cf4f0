import { checksum } from '../../../packages/core/src/snapshot/checksum.js';
import { decodeSessionSnapshot } from '../../../packages/core/src/snapshot/session-snapshot.js';
import { readGuarded } from '../../support/bytes.js';
import { checkSnapshot } from '../check-snapshot.js';

/** What a worker left behind: as it is, and with a checksum that fits. */
export const sessionSnapshots = (input: Uint8Array): void => {
  readGuarded(input, decodeSessionSnapshot);
  const summed = new Uint8Array(input.length + 4);
  summed.set(input);
  new DataView(summed.buffer).setUint32(input.length, checksum(input));
  const snapshot = readGuarded(summed, decodeSessionSnapshot);
  if (snapshot !== null) checkSnapshot(snapshot);
};
