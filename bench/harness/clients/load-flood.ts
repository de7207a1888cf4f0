import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, writeProfile } from '../bench.js';
import type { Host } from '../lab/host.js';
import type { Lab } from '../lab/lab.js';
import type { Direction } from './iperf.js';
import { LOAD_COMMAND } from './load-crowd.js';

export interface FloodOrder {
  /** Up: the client sends without end; down: it asks the far end to. */
  readonly direction: Direction;
  /** UDP payload of what the client sends. */
  readonly size: number;
  /** Of the far end. */
  readonly to: string;
}

/** A flood that goes on until it is stopped. */
export interface Flood {
  /** Packets that the client has received. */
  stop(): Promise<number>;
}

/** Often enough for the far end's patience, and next to nothing beside a flood. */
const QUESTIONS = 'paced:10';
const FOR_EVER = '1000000';

let serial = 0;

/** One simulated client, connected and at work. */
export async function floodClient(bench: Bench, lab: Lab, host: Host, order: FloodOrder): Promise<Flood> {
  const json = join(bench.folder, `flood-${++serial}.json`);
  const traffic = ['--send', order.direction === 'up' ? 'flood' : QUESTIONS, '--size', String(order.size)];
  const flags = ['--seconds', FOR_EVER, '--to', order.to, '--json', json];
  const running = host.start('flood', [...LOAD_COMMAND, '--config', writeProfile(bench, host), ...traffic, ...flags]);
  await lab.until('the simulated client is connected', () => {
    running.mustRun();
    return running.log().includes('settled: 1 connected');
  });
  return {
    stop: async () => {
      await running.stop();
      const { traffic: result } = JSON.parse(readFileSync(json, 'utf8')) as { traffic: { received: number } };
      return result.received;
    },
  };
}
