import { z } from 'zod';

const number = z.number().int().nonnegative();
const path = z.strictObject({ listener: number, host: z.string(), port: number.max(65535) });

const certificate = z.strictObject({
  commonName: z.string(),
  subject: z.string(),
  serial: z.string(),
  chainHashes: z.array(z.string()),
  notAfter: z.number(),
});

const client = z.strictObject({
  shard: number,
  peerId: number.max(0xff_fffe),
  slot: number,
  path,
  identity: z.strictObject({
    commonName: z.string(),
    username: z.string().nullable(),
    certificate: certificate.nullable(),
    path,
    peerInfo: z.array(z.tuple([z.string(), z.string()])),
  }),
  lease: z.strictObject({
    ipv4: z.strictObject({ address: z.string(), netmask: z.string() }).nullable(),
    ipv6: z.strictObject({ address: z.string(), bits: number, gateway: z.string() }).nullable(),
    push: z.array(z.string()),
  }),
  connection: z.strictObject({
    cipher: z.string(),
    tls: z.string(),
    keyDerivation: z.enum(['tls-ekm', 'prf']),
    since: z.number(),
  }),
  held: z.array(number).optional(),
});

/** Slots with the names that have them, or may have them again, oldest first; `fresh` as in `Leases`. */
export const LEASES_STATE = z.strictObject({
  used: z.array(z.tuple([number, z.string()])),
  free: z.array(z.tuple([number, z.string()])),
  fresh: number,
});
export type LeasesState = z.infer<typeof LEASES_STATE>;

/** Connected clients and the memory of the pools, as JSON carries them. */
export const REGISTRY_STATE = z.strictObject({
  clients: z.array(client),
  leases: LEASES_STATE,
  /** Connections that have ended, by reason; absent from servers that did not count them. */
  ended: z.record(z.string(), number).optional(),
});
export type RegistryState = z.infer<typeof REGISTRY_STATE>;
export type ClientState = RegistryState['clients'][number];
