export * from './data-plane.js';
export * from './ids.js';
export * from './ports.js';
export * from './server/server-event.js';
export * from './server/server-options.js';
