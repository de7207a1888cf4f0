import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createRing,
  DATA_OFFSET,
  DROPPED_OFFSET,
  encodeU32,
  HEAD_OFFSET,
  recordLength,
  TAIL_OFFSET,
} from './layout.js';
import { RingConsumer } from './ring-consumer.js';
import { RingProducer } from './ring-producer.js';

describe('ring', () => {
  test('hands records over in order, once, after the publish', () => {
    const { producer, consumer } = ring();
    write(producer, 3, [1, 2, 3]);
    write(producer, 4, []);
    expect(drainAll(consumer)).toEqual([]);
    producer.publish();
    expect(drainAll(consumer)).toEqual([
      { kind: 3, bytes: [1, 2, 3] },
      { kind: 4, bytes: [] },
    ]);
    expect(drainAll(consumer)).toEqual([]);
  });

  test('drains at most the limit and keeps the rest', () => {
    const { producer, consumer } = ring();
    for (let i = 0; i < 5; i++) write(producer, 1, [i]);
    producer.publish();
    expect(consumer.drain(2, () => undefined)).toBe(2);
    expect(consumer.pending).toBe(true);
    expect(drainAll(consumer).map(({ bytes }) => bytes[0])).toEqual([2, 3, 4]);
    expect(consumer.pending).toBe(false);
  });

  test('lays a record out as documented', () => {
    const { memory, producer } = ring();
    write(producer, 0x0102, [0xaa, 0xbb]);
    producer.publish();
    const bytes = new Uint8Array(memory);
    expect([...bytes.subarray(DATA_OFFSET, DATA_OFFSET + 10)]).toEqual([2, 0, 0, 0, 2, 1, 0, 0, 0xaa, 0xbb]);
    expect(bytes[TAIL_OFFSET]).toBe(16);
  });

  test('refuses a record whole when the ring is full and counts it', () => {
    const { memory, producer, consumer } = ring();
    let written = 0;
    while (producer.fits(1000)) {
      write(producer, 1, Array(1000).fill(written));
      written++;
    }
    expect(producer.reserve(1, 1000)).toBeUndefined();
    expect(producer.reserve(1, 1000)).toBeUndefined();
    expect(producer.dropped).toBe(2);
    expect(new Uint8Array(memory)[DROPPED_OFFSET]).toBe(2);
    producer.publish();
    expect(drainAll(consumer)).toHaveLength(written);
    expect(producer.fits(1000)).toBe(true);
  });

  test('throws for what never fits', () => {
    const { producer } = ring();
    expect(producer.maxPayload).toBe(2040);
    expect(() => producer.reserve(1, 2041)).toThrow(RangeError);
    expect(() => createRing(5000)).toThrow(RangeError);
    expect(() => createRing(2048)).toThrow(RangeError);
    expect(() => new RingConsumer(new SharedArrayBuffer(4096))).toThrow(RangeError);
  });

  test('wakes a sleeping consumer once a batch and a busy one never', () => {
    const { producer, consumer } = ring();
    write(producer, 1, [1]);
    expect(producer.publish()).toBe(false);
    expect(consumer.sleep()).toBe(false);
    drainAll(consumer);
    expect(consumer.sleep()).toBe(true);
    expect(producer.publish()).toBe(false);
    write(producer, 1, [2]);
    write(producer, 1, [3]);
    expect(producer.publish()).toBe(true);
    write(producer, 1, [4]);
    expect(producer.publish()).toBe(false);
    consumer.awake();
    expect(drainAll(consumer)).toHaveLength(3);
  });

  test('a new producer and a new consumer go on where the old ones stopped', () => {
    const { memory, producer, consumer } = ring();
    for (let i = 0; i < 3; i++) write(producer, 1, [i]);
    producer.publish();
    consumer.drain(1, () => undefined);
    write(producer, 1, [99]);
    const next = new RingProducer(memory);
    write(next, 1, [3]);
    next.publish();
    expect(drainAll(new RingConsumer(memory)).map(({ bytes }) => bytes[0])).toEqual([1, 2, 3]);
  });

  test('a record whose handler throws is consumed', () => {
    const { producer, consumer } = ring();
    write(producer, 1, [1]);
    write(producer, 1, [2]);
    producer.publish();
    expect(() =>
      consumer.drain(9, () => {
        throw new Error('handler');
      }),
    ).toThrow('handler');
    expect(drainAll(consumer)).toEqual([{ kind: 1, bytes: [2] }]);
  });
});

describe('a consumer of corrupt memory', () => {
  const corruptions: [string, (words: Int32Array, data: Uint8Array) => void][] = [
    ['a size beyond what is published', (_, data) => encodeU32(data, 0, 17)],
    ['a huge size', (_, data) => encodeU32(data, 0, 0xfffffff8)],
    ['padding that does not end the buffer', (_, data) => encodeU32(data, 4, 0)],
    ['a tail outside', (words) => Atomics.store(words, TAIL_OFFSET / 4, 1 << 20)],
    ['a tail behind the head', (words) => Atomics.store(words, TAIL_OFFSET / 4, -8)],
    ['a tail inside a header', (words) => Atomics.store(words, TAIL_OFFSET / 4, 4)],
  ];
  test.each(corruptions)('resets the ring and counts it: %s', (_, corrupt) => {
    const { memory, producer, consumer } = ring();
    write(producer, 1, [1, 2, 3]);
    producer.publish();
    corrupt(new Int32Array(memory), new Uint8Array(memory, DATA_OFFSET));
    expect(drainAll(consumer)).toEqual([]);
    expect(consumer.corrupt).toBe(1);
    expect(Atomics.load(new Int32Array(memory), HEAD_OFFSET / 4)).toBe(
      Atomics.load(new Int32Array(memory), TAIL_OFFSET / 4),
    );
  });

  test('never throws and never hands out bytes beyond a record', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
        fc.nat(),
        fc.nat(5000),
        (bytes, head, published) => {
          const memory = createRing(4096);
          new Uint8Array(memory, DATA_OFFSET).set(bytes);
          const words = new Int32Array(memory);
          words[HEAD_OFFSET / 4] = head;
          words[TAIL_OFFSET / 4] = head + published;
          const consumer = new RingConsumer(memory);
          consumer.drain(1000, (kind, payload) => {
            expect(kind).not.toBe(0);
            expect(payload.byteOffset + payload.length).toBeLessThanOrEqual(memory.byteLength);
            expect(payload.length).toBeLessThanOrEqual(2040);
          });
          expect(consumer.pending).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('behaves like a bounded queue under any mix of writes, publishes and drains', () => {
  const step = fc.oneof(
    fc.record({ op: fc.constant('write' as const), size: fc.oneof(fc.nat(40), fc.nat(2040)) }),
    fc.record({ op: fc.constant('publish' as const) }),
    fc.record({ op: fc.constant('drain' as const), limit: fc.nat(5) }),
    fc.record({ op: fc.constant('sleep' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(0xffffffff), (steps, start) => {
      const memory = createRing(4096);
      const words = new Int32Array(memory);
      words[HEAD_OFFSET / 4] = words[TAIL_OFFSET / 4] = start & ~7;
      const producer = new RingProducer(memory);
      const consumer = new RingConsumer(memory);
      const open: Uint8Array[] = [];
      const published: Uint8Array[] = [];
      let asleep = false;
      let dropped = 0;
      let tail = (start & ~7) >>> 0;
      let serial = 0;
      for (const s of steps) {
        if (s.op === 'write') {
          const record = producer.reserve(1 + (serial % 7), s.size);
          const length = recordLength(s.size);
          const rest = 4096 - (tail % 4096);
          const wanted = length > rest ? rest + length : length;
          const head = Atomics.load(words, HEAD_OFFSET / 4) >>> 0;
          const fits = ((tail - head) >>> 0) + wanted <= 4096;
          expect(record !== undefined).toBe(fits);
          if (fits) tail = (tail + wanted) >>> 0;
          if (record === undefined) dropped++;
          else {
            record.fill(++serial);
            open.push(Uint8Array.from(record));
          }
        } else if (s.op === 'publish') {
          const woken = producer.publish();
          expect(woken).toBe(asleep && open.length > 0);
          if (woken) asleep = false;
          published.push(...open.splice(0));
        } else if (s.op === 'drain') {
          consumer.awake();
          asleep = false;
          const got: Uint8Array[] = [];
          expect(consumer.drain(s.limit, (_, payload) => got.push(Uint8Array.from(payload)))).toBe(got.length);
          expect(got).toEqual(published.splice(0, s.limit));
        } else {
          asleep = consumer.sleep();
          expect(asleep).toBe(published.length === 0);
        }
        expect(producer.dropped).toBe(dropped);
        expect(consumer.corrupt).toBe(0);
      }
    }),
    { numRuns: 500 },
  );
});

function ring(): { memory: SharedArrayBuffer; producer: RingProducer; consumer: RingConsumer } {
  const memory = createRing(4096);
  return { memory, producer: new RingProducer(memory), consumer: new RingConsumer(memory) };
}

function write(producer: RingProducer, kind: number, bytes: number[]): void {
  const record = producer.reserve(kind, bytes.length);
  if (record === undefined) throw new Error('ring full');
  record.set(bytes);
}

function drainAll(consumer: RingConsumer): { kind: number; bytes: number[] }[] {
  const got: { kind: number; bytes: number[] }[] = [];
  consumer.drain(Number.POSITIVE_INFINITY, (kind, payload) => got.push({ kind, bytes: [...payload] }));
  return got;
}
