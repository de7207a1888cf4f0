import { resolve } from 'node:path';
import type { Running } from './host.js';
import type { Lab } from './lab.js';
import { writeServerConfig } from './server.js';

const PROGRAM = resolve(__dirname, '../programs/embedded-server.mjs');

/** A program that embeds the server, and decides by the name of a user. */
export async function startEmbedded(lab: Lab, lines: readonly string[]): Promise<Running> {
  const server = lab.serverHost.start('server', [process.execPath, PROGRAM, writeServerConfig(lab, { lines })]);
  await server.says(/embedded server is ready/, 60);
  return server;
}
