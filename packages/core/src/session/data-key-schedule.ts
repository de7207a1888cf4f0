import type { DataCipher, DataCommand } from '../data-plane.js';
import type { KeyId, Millis, PeerId } from '../ids.js';
import type { DataKeys } from '../keys/data-keys.js';
import { type Deadline, deadline, earliest } from './deadline.js';
import type { Fifo } from './outbox.js';
import { type SessionTimes, useKeyDelay } from './session-times.js';

export interface DataKeyScheduleInput {
  readonly peerId: PeerId;
  readonly cipher: DataCipher;
  readonly commands: Fifo<DataCommand>;
  readonly times: SessionTimes;
  /** Part of the renegotiation period that a key really lives. [wire 17] */
  readonly lifeShare: () => number;
}

export type ScheduledWork = 'renegotiate' | 'expired';

/**
 * Which data keys the data thread has, and which it sends with: one current key, one lame duck, and the delay
 * between having a new key and using it. [wire 12.6, 17]
 */
export class DataKeySchedule {
  readonly #input: DataKeyScheduleInput;
  #keyId: KeyId;
  #lameDuck: KeyId | null = null;
  /** Until then the lame duck is still sent with. */
  #useAt: Millis | null = null;
  #retireAt: Millis | null = null;
  #renegotiateAt: Millis | null = null;
  /** From then on the current key is surely in use on both sides. */
  #settledAt: Millis;
  /** End of the current key's life after a renegotiation has begun; lifted by its success. */
  #expireAt: Millis | null = null;

  /** Installs the first key. */
  constructor(input: DataKeyScheduleInput, now: Millis, keyId: KeyId, keys: DataKeys) {
    this.#input = input;
    this.#keyId = keyId;
    this.#settledAt = now + useKeyDelay(input.times);
    this.#installKey(keyId, keys);
    this.#armRenegotiation(now);
  }

  get peerId(): PeerId {
    return this.#input.peerId;
  }

  get cipher(): DataCipher {
    return this.#input.cipher;
  }

  get nextDeadline(): Deadline | undefined {
    return earliest([
      deadline(this.#useAt, 'use key'),
      deadline(this.#retireAt, 'retire key'),
      deadline(this.#renegotiateAt, 'renegotiate'),
      deadline(this.#expireAt, 'key expires'),
    ]);
  }

  /** A negotiation begins: it pushes out the lame duck, so the current key has to be in use. */
  beginNext(now: Millis): void {
    this.#useCurrent();
    this.#retireLameDuck();
    this.#renegotiateAt = null;
    this.#expireAt ??= now + this.#input.times.tranWindow;
  }

  /** The negotiation that began at `startedAt` has yielded keys. */
  installNext(now: Millis, startedAt: Millis, keyId: KeyId, keys: DataKeys): void {
    this.#installKey(keyId, keys);
    this.#lameDuck = this.#keyId;
    this.#keyId = keyId;
    const settledAt = startedAt + useKeyDelay(this.#input.times);
    // compat(2.6): a client that renegotiates more often than the delay forgets the lame duck before it is over, and
    // packets sealed with that are lost. The reference uses the newest key where none has settled.
    this.#useAt = this.#settledAt <= now ? settledAt : Math.min(settledAt, now + UNSETTLED_USE_DELAY);
    this.#settledAt = settledAt;
    this.#retireAt = Math.max(startedAt + this.#input.times.tranWindow, this.#useAt);
    this.#expireAt = null;
    this.#armRenegotiation(now);
  }

  /** The negotiation has failed; the next attempt comes when the peer has given up this one as well. */
  abandonNext(now: Millis): void {
    this.#renegotiateAt = now + this.#input.times.handWindow;
  }

  /** The key is used up: renegotiate as soon as possible. */
  hasten(now: Millis): void {
    this.#renegotiateAt = now;
  }

  postpone(until: Millis): void {
    this.#renegotiateAt = until;
  }

  handleTimeout(now: Millis): ScheduledWork | undefined {
    if (isDue(this.#expireAt, now)) {
      return 'expired';
    }
    if (isDue(this.#useAt, now)) {
      this.#useCurrent();
    }
    if (isDue(this.#retireAt, now)) {
      this.#retireLameDuck();
    }
    return isDue(this.#renegotiateAt, now) ? 'renegotiate' : undefined;
  }

  #installKey(keyId: KeyId, keys: DataKeys): void {
    const { peerId, cipher, commands } = this.#input;
    commands.push({ type: 'install-key', peerId, keyId, cipher, seal: keys.seal, open: keys.open });
  }

  #useCurrent(): void {
    if (this.#useAt !== null) {
      this.#useAt = null;
      this.#input.commands.push({ type: 'use-key', peerId: this.peerId, keyId: this.#keyId });
    }
  }

  #retireLameDuck(): void {
    this.#retireAt = null;
    if (this.#lameDuck !== null) {
      this.#input.commands.push({ type: 'retire-key', peerId: this.peerId, keyId: this.#lameDuck });
      this.#lameDuck = null;
    }
  }

  #armRenegotiation(now: Millis): void {
    const { times, lifeShare } = this.#input;
    this.#renegotiateAt = times.renegotiate === 0 ? null : now + Math.floor(times.renegotiate * lifeShare());
  }
}

/** Long enough for our key-method message to arrive, after which the peer has the key as well. */
const UNSETTLED_USE_DELAY: Millis = 1000;

const isDue = (at: Millis | null, now: Millis): boolean => at !== null && at <= now;
