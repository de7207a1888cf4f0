export type { ListenerConfig, ServerConfig } from './config/server-config.js';
export { createLog, type Log, type LogOptions } from './log.js';
export { type RunningServer, startServer } from './shards/supervisor.js';
