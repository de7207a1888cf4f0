import type { DataCommand, DataSuite } from '../data-plane.js';
import type { KeyId, Millis, PeerId } from '../ids.js';
import type { DataKeys } from '../keys/data-keys.js';
import { type Deadline, deadline, earliest } from './deadline.js';
import type { Fifo } from './outbox.js';
import { type SessionTimes, useKeyDelay } from './session-times.js';

export interface DataKeyScheduleInput {
  readonly peerId: PeerId;
  readonly suite: DataSuite;
  readonly commands: Fifo<DataCommand>;
  readonly times: SessionTimes;
  /** Part of the renegotiation period that a key really lives. [wire 17] */
  readonly lifeShare: () => number;
}

/** Everything a schedule remembers; another object after every change. */
export interface KeyScheduleState {
  readonly keyId: KeyId;
  readonly lameDuck: KeyId | null;
  /** Until then the lame duck is still sent with. */
  readonly useAt: Millis | null;
  readonly retireAt: Millis | null;
  readonly renegotiateAt: Millis | null;
  /** From then on the current key is surely in use on both sides. */
  readonly settledAt: Millis;
  /** End of the current key's life after a renegotiation has begun; lifted by its success. */
  readonly expireAt: Millis | null;
}

export type ScheduledWork = 'renegotiate' | 'expired';

/**
 * Which data keys the data thread has, and which it sends with: one current key, one lame duck, and the delay
 * between having a new key and using it. [wire 12.6, 17]
 */
export class DataKeySchedule {
  readonly #input: DataKeyScheduleInput;
  #state: KeyScheduleState;

  private constructor(input: DataKeyScheduleInput, state: KeyScheduleState) {
    this.#input = input;
    this.#state = state;
  }

  /** Installs the first key. */
  static begin(input: DataKeyScheduleInput, now: Millis, keyId: KeyId, keys: DataKeys): DataKeySchedule {
    const settledAt = now + useKeyDelay(input.times);
    const nothing = { lameDuck: null, useAt: null, retireAt: null, renegotiateAt: null, expireAt: null };
    const schedule = new DataKeySchedule(input, { ...nothing, keyId, settledAt });
    schedule.#installKey(keyId, keys);
    schedule.#armRenegotiation(now);
    return schedule;
  }

  /**
   * The peer has begun anew, with a control session of its own, and goes on as the same: its first key follows on the keys of
   * the session before, and is used as soon as it has it. Where an earlier beginning has left a key that the peer was never known
   * to have, that one makes room.
   */
  static succeed(
    input: DataKeyScheduleInput,
    now: Millis,
    keyId: KeyId,
    keys: DataKeys,
    before: KeyScheduleState,
  ): DataKeySchedule {
    const schedule = new DataKeySchedule(input, before);
    // Only the first key of a session has this id, and waits only where it is a successor's.
    const isOnTrial = before.useAt !== null && before.keyId === keyId;
    if (!isOnTrial) {
      schedule.#useCurrent();
      schedule.#retireLameDuck();
    }
    schedule.#installKey(keyId, keys);
    const lameDuck = isOnTrial ? before.lameDuck : before.keyId;
    const settledAt = now + useKeyDelay(input.times);
    const retireAt = now + input.times.tranWindow;
    schedule.#set({ keyId, lameDuck, useAt: settledAt, retireAt, settledAt, expireAt: null });
    schedule.#armRenegotiation(now);
    return schedule;
  }

  /**
   * Goes on with keys that the data thread has, and renegotiates at `renegotiateAt`; null while that is under way. A key
   * that is not in use yet has to settle before: whether the peer has got it is not known, and it may have to do with the
   * one before until then.
   */
  static restore(input: DataKeyScheduleInput, state: KeyScheduleState, renegotiateAt: Millis | null): DataKeySchedule {
    if (state.useAt === null || renegotiateAt === null) return new DataKeySchedule(input, { ...state, renegotiateAt });
    const useAt = Math.max(state.useAt, state.settledAt);
    const retireAt = Math.max(state.retireAt ?? 0, useAt);
    return new DataKeySchedule(input, { ...state, useAt, retireAt, renegotiateAt: Math.max(renegotiateAt, useAt) });
  }

  get peerId(): PeerId {
    return this.#input.peerId;
  }

  get suite(): DataSuite {
    return this.#input.suite;
  }

  get state(): KeyScheduleState {
    return this.#state;
  }

  get nextDeadline(): Deadline | undefined {
    const { useAt, retireAt, renegotiateAt, expireAt } = this.#state;
    return earliest([
      deadline(useAt, 'use key'),
      deadline(retireAt, 'retire key'),
      deadline(renegotiateAt, 'renegotiate'),
      deadline(expireAt, 'key expires'),
    ]);
  }

  /**
   * A negotiation begins: the peer forgets its lame duck, so the current key has to be in use. Ours stays until its place is needed, for
   * what is on its way.
   */
  beginNext(now: Millis): void {
    this.#useCurrent();
    const expireAt = this.#state.expireAt ?? now + this.#input.times.tranWindow;
    this.#set({ renegotiateAt: null, expireAt });
  }

  /** The negotiation that began at `startedAt` has yielded keys. */
  installNext(now: Millis, startedAt: Millis, keyId: KeyId, keys: DataKeys): void {
    this.#retireLameDuck();
    const before = this.#state;
    this.#installKey(keyId, keys);
    const settledAt = startedAt + useKeyDelay(this.#input.times);
    // compat(2.6): a client that renegotiates more often than the delay forgets the lame duck before it is over, and
    // packets sealed with that are lost. The reference uses the newest key where none has settled.
    const useAt = before.settledAt <= now ? settledAt : Math.min(settledAt, now + UNSETTLED_USE_DELAY);
    const retireAt = Math.max(startedAt + this.#input.times.tranWindow, useAt);
    this.#set({ keyId, lameDuck: before.keyId, useAt, settledAt, retireAt, expireAt: null });
    this.#armRenegotiation(now);
  }

  /** The peer has acked everything that it needs for the current key, and has no other with its id. */
  useNewest(now: Millis): void {
    this.#useCurrent();
    const { keyId, lameDuck } = this.#state;
    if (lameDuck === keyId) this.#set({ retireAt: now + TWIN_LIFE });
  }

  /** The negotiation has failed; the next attempt comes when the peer has given up this one as well. */
  abandonNext(now: Millis): void {
    this.#set({ renegotiateAt: now + this.#input.times.handWindow });
  }

  /** Renegotiate then, at once when `until` is now; only after something else is done, or because the key is used up. */
  renegotiateAt(until: Millis): void {
    this.#set({ renegotiateAt: until });
  }

  /** `peerHasKey`: it has acked everything that it needs for the current key. */
  handleTimeout(now: Millis, peerHasKey: boolean): ScheduledWork | undefined {
    if (isDue(this.#state.expireAt, now)) {
      return 'expired';
    }
    if (isDue(this.#state.useAt, now)) {
      this.#useWhenPeerHasIt(now, peerHasKey);
    }
    if (isDue(this.#state.retireAt, now)) {
      this.#useCurrent();
      this.#retireLameDuck();
    }
    return isDue(this.#state.renegotiateAt, now) ? 'renegotiate' : undefined;
  }

  #set(change: Partial<KeyScheduleState>): void {
    this.#state = { ...this.#state, ...change };
  }

  #installKey(keyId: KeyId, keys: DataKeys): void {
    const { peerId, suite, commands } = this.#input;
    commands.push({ type: 'install-key', peerId, keyId, suite, seal: keys.seal, open: keys.open });
  }

  /** Our last word may have been lost more than once, or the peer has given up: until it acks, the old key is the one it has. */
  #useWhenPeerHasIt(now: Millis, peerHasKey: boolean): void {
    if (peerHasKey) {
      this.#useCurrent();
    } else {
      this.#set({ useAt: now + ACK_POLL });
    }
  }

  #useCurrent(): void {
    if (this.#state.useAt !== null) {
      this.#set({ useAt: null });
      this.#input.commands.push({ type: 'use-key', peerId: this.peerId, keyId: this.#state.keyId });
    }
  }

  #retireLameDuck(): void {
    const { lameDuck } = this.#state;
    this.#set({ retireAt: null, lameDuck: null });
    if (lameDuck !== null) {
      this.#input.commands.push({ type: 'retire-key', peerId: this.peerId, keyId: lameDuck });
    }
  }

  #armRenegotiation(now: Millis): void {
    const { times, lifeShare } = this.#input;
    this.#set({
      renegotiateAt: times.renegotiate === 0 ? null : now + Math.floor(times.renegotiate * lifeShare()),
    });
  }
}

/** Long enough for our key-method message to arrive, after which the peer has the key as well. */
const UNSETTLED_USE_DELAY: Millis = 1000;

/**
 * How long a key stays good whose id the peer has for another one: for what is on its way. Trying both costs more than one.
 */
const TWIN_LIFE: Millis = 10_000;

/** How soon to look again whether the peer has acked what makes the current key. */
const ACK_POLL: Millis = 500;

const isDue = (at: Millis | null, now: Millis): boolean => at !== null && at <= now;
