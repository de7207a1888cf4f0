/** A thread that sends back every record of a ring, and never sleeps: waking it is not what is measured. */
import { workerData } from 'node:worker_threads';
import { RingConsumer, RingProducer } from '@shardvpn/ring';

const { there, back } = workerData as { there: SharedArrayBuffer; back: SharedArrayBuffer };
const [consumer, producer] = [new RingConsumer(there), new RingProducer(back)];
for (;;) {
  consumer.drain(64, (kind, payload) => producer.reserve(kind, payload.length)?.set(payload));
  producer.publish();
}
