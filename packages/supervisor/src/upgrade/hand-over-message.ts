import { z } from 'zod';

/** Number of the form of everything that goes from process to process, the native part included. Others are refused. */
export const HAND_OVER_FORMAT = 4;

/** Maps and program that steer packets for the TUN. */
export const STEERING_FDS = 5;

const count = z.number().int().nonnegative();
const refused = z.strictObject({ type: z.literal('refused'), reason: z.string() });

/** The new process has read its configuration. */
export const HELLO = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('hello'), format: count, version: z.string() }),
  refused,
]);

const listener = z.strictObject({
  host: z.string(),
  port: z.number().int().min(1).max(65535),
  family: z.union([z.literal(4), z.literal(6)]),
  optional: z.boolean(),
  transport: z.literal('tcp').optional(),
  steering: z.enum(['bpf', 'hash']).optional(),
  receiveBuffer: count.optional(),
  gro: z.boolean().optional(),
  gso: z.boolean().optional(),
});

/**
 * What the old process has open; null has the number of a listener that a reload has closed. The descriptors come in this order:
 * the sockets of each listener by shard, the queues of the device by shard, then maps and program of its steering.
 */
export const OFFER = z.strictObject({
  type: z.literal('offer'),
  shards: z.number().int().min(1).max(1024),
  listeners: z.array(listener.nullable()).refine((all) => all.some((one) => one !== null), 'none is open'),
  device: z.strictObject({ name: z.string(), offloads: z.array(z.string()) }).nullable(),
  steering: z.union([z.literal(0), z.literal(STEERING_FDS)]),
  /** Hexadecimal. */
  cookieKey: z.string().regex(/^[0-9a-f]{64}$/),
  /** Unix seconds of the first start. */
  since: count,
  /** Digests of what cannot change, by the name of the setting. */
  settings: z.record(z.string(), z.string()),
});
export type Offer = z.infer<typeof OFFER>;

/** Everything is set up, and the sessions may come. */
export const PREPARED = z.discriminatedUnion('type', [z.strictObject({ type: z.literal('prepared') }), refused]);

/** The new process serves the clients. */
export const STARTED = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('started'), sessions: count }),
  refused,
]);
