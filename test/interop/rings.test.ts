import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { createRing, decodeU32, encodeU32, RingConsumer, RingProducer } from '../../packages/ring/src/index.js';

const LOAD = resolve(__dirname, '../../bench/load');
/** Small, so that records wrap around all the time and the ring is often full. */
const CAPACITY = 8192;
const RECORDS = 20_000;
const SECONDS = 60;

interface RingPeer {
  startRingPeer(
    incoming: Uint8Array,
    outgoing: Uint8Array,
    seed: number,
    receive: number,
    send: number,
    onWake: () => void,
  ): void;
  wakeRingPeer(): void;
  stopRingPeer(): Readonly<Record<string, number>>;
}

beforeAll(() => void execFileSync(process.execPath, [`${LOAD}/build.mjs`], { stdio: 'inherit' }), 600_000);

const CASES = [
  ['from TypeScript to Rust', RECORDS, 0],
  ['from Rust to TypeScript', 0, RECORDS],
  ['both ways at once', RECORDS, RECORDS],
] as const;

test.each(CASES)(
  '%s every record arrives once, whole, in order, and nobody oversleeps',
  async (_, sent, expected) => {
    const native = createRequire(__filename)(`${LOAD}/load.${process.platform}-${process.arch}.node`) as RingPeer;
    const seed = Math.floor(Math.random() * 2 ** 31);
    const end = new TypeScriptEnd(native, seed, sent, expected);
    await end.run();
    const rust = native.stopRingPeer();
    const { received, faults, wakes, refused } = end;
    expect({ seed, received, faults, corrupt: end.corrupt, ...rust }).toMatchObject({
      received: sent,
      faults: 0,
      corrupt: 0,
      sent: expected,
      lostWakes: 0,
    });
    expect({ seed, received, faults, corrupt: end.corrupt }).toEqual({
      seed,
      received: expected,
      faults: 0,
      corrupt: 0,
    });
    // The test has been where it wants to be: full rings, sleepers at both ends.
    if (sent > 0) expect(refused).toBeGreaterThan(0);
    if (sent > 0 && expected === 0) expect([wakes > 0, (rust.sleeps ?? 0) > 0]).toEqual([true, true]);
    if (expected > 0) expect([rust.refused !== 0, rust.wakes !== 0]).toEqual([true, true]);
  },
  90_000,
);

/** Sends records of random sizes in random bursts and checks what comes, as a worker does: asleep but for its wake-up calls. */
class TypeScriptEnd {
  received = 0;
  faults = 0;
  wakes = 0;
  refused = 0;
  readonly #producer: RingProducer;
  readonly #consumer: RingConsumer;
  #random: number;
  #done = 0;
  #finish: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly native: RingPeer,
    seed: number,
    private readonly toSend: number,
    private readonly expected: number,
  ) {
    const [toRust, toUs] = [createRing(CAPACITY), createRing(CAPACITY)];
    this.#random = (seed ^ 0x5bd1e995) | 1;
    this.#producer = new RingProducer(toRust);
    this.#consumer = new RingConsumer(toUs);
    const views = [new Uint8Array(toRust), new Uint8Array(toUs)] as const;
    native.startRingPeer(...views, seed, toSend, expected, () => this.#turn());
  }

  get corrupt(): number {
    return this.#consumer.corrupt;
  }

  /** Ends when everything is sent and received, or after a time that only a lost wake-up takes. */
  run(): Promise<void> {
    return new Promise<void>((done) => {
      this.#timer = setTimeout(done, SECONDS * 1000);
      this.#finish = done;
      this.#turn();
      this.#send();
    }).then(() => clearTimeout(this.#timer));
  }

  /** Woken: takes everything, and sleeps when the ring says so. */
  #turn(): void {
    this.#consumer.awake();
    do {
      while (this.#consumer.drain(1 + (this.#next() % 30), (kind, payload) => this.#check(kind, payload)) > 0);
    } while (!this.#consumer.sleep());
    this.#end();
  }

  #check(kind: number, payload: Uint8Array): void {
    const good =
      kind === 1 + (this.received % 7) &&
      decodeU32(payload, 0) === this.received &&
      decodeU32(payload, 4) === hash(payload.subarray(8));
    if (!good) this.faults++;
    this.received++;
  }

  /** A burst, then a pause of any length down to none. */
  #send(): void {
    for (let left = this.#next() % 40; left > 0 && this.#done < this.toSend; left--) {
      const length = 8 + (this.#next() % (this.#next() % 8 === 0 ? 2001 : 61));
      if (!this.#producer.fits(length)) {
        this.refused++;
        break;
      }
      const record = this.#producer.reserve(1 + (this.#done % 7), length) as Uint8Array;
      const first = this.#next();
      for (let at = 8; at < length; at++) record[at] = first + at * 5;
      encodeU32(record, 0, this.#done++);
      encodeU32(record, 4, hash(record.subarray(8)));
      if (this.#next() % 3 === 0) this.#publish();
    }
    this.#publish();
    if (this.#done < this.toSend) {
      if (this.#next() % 200 === 0) setTimeout(() => this.#send(), 1);
      else setImmediate(() => this.#send());
    } else {
      this.#end();
    }
  }

  #publish(): void {
    if (!this.#producer.publish()) return;
    this.wakes++;
    this.native.wakeRingPeer();
  }

  #end(): void {
    if (this.#done < this.toSend || this.received < this.expected) return;
    // What was published last is still to be taken by the other end.
    if (this.#producer.fits(this.#producer.maxPayload) || this.toSend === 0) setTimeout(this.#finish, 100);
    else setTimeout(() => this.#end(), 1);
  }

  #next(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return this.#random >>> 0;
  }
}

/** FNV-1a. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
