export { createRing, decodeU32, encodeU32 } from './layout.js';
export { type RecordHandler, RingConsumer } from './ring-consumer.js';
export { RingProducer } from './ring-producer.js';
