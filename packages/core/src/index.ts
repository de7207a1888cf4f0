export { Client } from './client/client.js';
export * from './client/client-event.js';
export type { ClientOptions, ClientPorts } from './client/client-options.js';
export { type Generation, peerInfoOf } from './client/generation.js';
export { type DataLimits, NO_LIMITS } from './data-limits.js';
export * from './data-plane.js';
export * from './drop-reason.js';
export * from './errors.js';
export * from './framing.js';
export * from './ids.js';
export { dataCipherOf, isAead, suiteOf } from './keys/data-suite.js';
export { parseStaticKey, STATIC_KEY_LENGTH } from './keys/static-key.js';
export {
  type ClientKey,
  encodeKeyData,
  encodeKeyTime,
  MAX_KEY_METADATA,
  TLS_CRYPT_V2_SERVER_KEY_LENGTH,
  wrapClientKey,
} from './keys/tls-crypt-v2.js';
export { IV_PROTO, type PendingMethod, pendingMethodsOf } from './negotiate/features.js';
export { type PullFilter, pullAction } from './negotiate/pull-filter.js';
export { pushOptionFault } from './negotiate/push-reply.js';
export { type OptionUpdate, parseOptionUpdate, UPDATABLE_OPTIONS } from './negotiate/push-update.js';
export * from './ports.js';
export * from './server/auth-decision.js';
export type { KeyQuestion, KeyVerdict } from './server/key-verdicts.js';
export type { InheritedPeer } from './server/restore-session.js';
export { Server } from './server/server.js';
export * from './server/server-event.js';
export * from './server/server-options.js';
export type { ServerPorts } from './server/server-ports.js';
export type { SnapshotChange } from './server/snapshot-book.js';
export type { PushUpdate } from './server/update-client.js';
export type { Deadline } from './session/deadline.js';
export { DeadlineQueue } from './session/deadline-queue.js';
export { Outbox, type Transmit } from './session/outbox.js';
export type { Notice } from './wire/notice.js';
export type { ReplayTolerance } from './wrap/replay-window.js';
export { DIGEST_LENGTH } from './wrap/tls-auth.js';
