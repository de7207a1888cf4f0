import { PacketReader, PacketWriter } from '../wire/cursor.js';
import type { ReplayId } from './wrapper.js';

/** Replay counters of a tls-crypt-v2 client that can send its key again begin above this. [wire 7.1] */
export const EARLY_NEGOTIATION_COUNTER = 0x0f000000;

/** Whether the client that made this packet can send its key again. */
export const offersEarlyNegotiation = (replayId: ReplayId | null): boolean =>
  replayId !== null && (replayId.counter & EARLY_NEGOTIATION_COUNTER) === EARLY_NEGOTIATION_COUNTER;

/** Payload of a reset that asks for the key. */
export const encodeResendRequest = (): Uint8Array =>
  new PacketWriter(6).u16(TLV_FLAGS).u16(2).u16(FLAG_RESEND_KEY).finish();

/** Whether a reset asks for the key; unknown parts are skipped. */
export const asksToResendKey = (payload: Uint8Array): boolean => {
  const reader = new PacketReader(payload);
  while (reader.remaining > 0 && !reader.failed) {
    const type = reader.u16();
    const value = reader.bytes(reader.u16());
    if (!reader.failed && type === TLV_FLAGS && value.length === 2) {
      return (new PacketReader(value).u16() & FLAG_RESEND_KEY) !== 0;
    }
  }
  return false;
};

const TLV_FLAGS = 1;
const FLAG_RESEND_KEY = 1;
