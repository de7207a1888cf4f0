import type { Path, UnixSeconds } from '../ids.js';
import { pathKey } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { PacketWriter } from '../wire/cursor.js';
import {
  decodeSessionId,
  encodeSessionId,
  SESSION_ID_LENGTH,
  type SessionId,
  ZERO_SESSION_ID,
} from '../wire/session-id.js';
import { encodeText } from '../wire/text.js';

/** Session ids that only a holder of the key can make, and check without having stored them. [wire 7] */
export class CookieJar {
  readonly #crypto: CryptoProvider;
  readonly #key: Uint8Array;
  readonly #slotSeconds: number;

  /** `handWindow` in seconds: a cookie is good for between one and one and a half of it. */
  constructor(crypto: CryptoProvider, key: Uint8Array, handWindow: number) {
    this.#crypto = crypto;
    this.#key = key;
    this.#slotSeconds = cookieSlotSeconds(handWindow);
  }

  bake(unixNow: UnixSeconds, path: Path, client: SessionId): SessionId {
    return this.#cookie(this.#slot(unixNow), path, client);
  }

  verify(unixNow: UnixSeconds, path: Path, client: SessionId, echoed: SessionId): boolean {
    const slot = this.#slot(unixNow);
    const bytes = encodeSessionId(echoed);
    return [slot, slot - 1, slot - 2].some((candidate) =>
      this.#crypto.equal(bytes, encodeSessionId(this.#cookie(candidate, path, client))),
    );
  }

  #slot(unixNow: UnixSeconds): number {
    return Math.floor(unixNow / this.#slotSeconds);
  }

  #cookie(slot: number, path: Path, client: SessionId): SessionId {
    const slotBytes = new PacketWriter(4).u32(((slot % SLOTS) + SLOTS) % SLOTS).finish();
    const parts = [slotBytes, encodeText(pathKey(path)), encodeSessionId(client)];
    const id = decodeSessionId(this.#crypto.hmac('sha256', this.#key, parts).subarray(0, SESSION_ID_LENGTH));
    return id === ZERO_SESSION_ID ? INSTEAD_OF_ZERO : id;
  }
}

/** Seconds of a slot of time: a cookie is good in its slot and the two after it. */
export const cookieSlotSeconds = (handWindow: number): number => Math.max(1, Math.ceil(handWindow / 2));

const SLOTS = 0x1_0000_0000;
const INSTEAD_OF_ZERO = '0000000000000001' as SessionId;
