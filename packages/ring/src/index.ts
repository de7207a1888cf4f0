export { createRing, decodeU32, encodeU32 } from './layout.js';
export { RingConsumer, type RecordHandler } from './ring-consumer.js';
export { RingProducer } from './ring-producer.js';
