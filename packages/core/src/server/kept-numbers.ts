import { BlobReader } from '../snapshot/blob-reader.js';
import { BlobWriter } from '../snapshot/blob-writer.js';
import { checksum } from '../snapshot/checksum.js';

const VERSION = 1;

/** What the next server has to know about the peer-ids that were dealt. */
export const encodeNumbers = (nextFresh: number): Uint8Array => {
  const writer = new BlobWriter().u8(VERSION).u32(nextFresh);
  return writer.u32(checksum(writer.finish())).finish();
};

/** 0, as if none had been dealt, for bytes that are nothing of that kind. */
export const decodeNumbers = (bytes: Uint8Array | null): number => {
  const reader = new BlobReader(bytes ?? new Uint8Array(0));
  const [version, nextFresh, sum] = [reader.u8(), reader.u32(), reader.u32()];
  const isWhole = !reader.failed && reader.isAtEnd && version === VERSION;
  return isWhole && bytes !== null && sum === checksum(bytes.subarray(0, -4)) ? nextFresh : 0;
};
