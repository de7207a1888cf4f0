export type { ClientStatus, ServerStatus, ShardStatus } from './admin/server-status.js';
export { clientOptions, type ServerAddress } from './client/client-options.js';
export { type LoadedProfile, loadProfile } from './client/load-profile.js';
export type { ClientProfile } from './client/profile.js';
export { type Problem, problemText } from './config/problem.js';
export type { ListenerConfig, ServerConfig } from './config/server-config.js';
export { type CreateServerOptions, createServer } from './create-server.js';
export { createLog, type Log, type LogOptions } from './log.js';
export { type RunningServer, startServer } from './shards/supervisor.js';
