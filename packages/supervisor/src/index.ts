export type { ClientStatus, ServerStatus, ShardStatus } from './admin/server-status.js';
export type { ListenerConfig, ServerConfig } from './config/server-config.js';
export { type CreateServerOptions, createServer } from './create-server.js';
export { createLog, type Log, type LogOptions } from './log.js';
export { type RunningServer, startServer } from './shards/supervisor.js';
