import { VpnError } from '../errors.js';
import { PacketWriter } from '../wire/cursor.js';
import type { ReplayId } from './wrapper.js';

/** Counter, then time. [wire 6] */
export const REPLAY_ID_LENGTH = 8;

/** The 8 bytes of the wire; throws when the caller has forgotten it. */
export const encodeReplayId = (id: ReplayId | null): Uint8Array =>
  writeReplayId(new PacketWriter(REPLAY_ID_LENGTH), id).finish();

/** As `encodeReplayId`, behind what has been written. */
export const writeReplayId = (writer: PacketWriter, id: ReplayId | null): PacketWriter => {
  if (id === null || id.counter === 0) {
    throw new VpnError('api-misuse/replay-id', 'a wrapped packet needs a replay id from 1 on');
  }
  return writer.u32(id.counter).u32(id.time);
};
