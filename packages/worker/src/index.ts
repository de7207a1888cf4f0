export type * from './client-messages.js';
export type { WorkerFault } from './commit-fault.js';
export { DriveLoop, type DriveRings, type Protocol } from './drive-loop.js';
export type * from './messages.js';
export { nodeCrypto } from './node-crypto.js';
export { SUSPECTS_BYTES } from './suspects.js';
export { chooseEngine, type TlsChoice } from './tls/choose-engine.js';
export { NodeTlsEngine } from './tls/node-tls-engine.js';
export { ShardTlsEngine } from './tls/tls-engine.js';
