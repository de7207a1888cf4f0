import { TUNNEL } from '../lab/configs.js';
import type { Lab } from '../lab/lab.js';
import type { Running } from '../lab/running.js';
import { LOAD_COMMAND } from './load-crowd.js';

/** What the load generator does behind the server's tunnel. */
export type FarEndTask =
  | { readonly type: 'echo' }
  | { readonly type: 'sink' }
  /** Sends to whoever asks, `pps` packets a second or as many as it can; `single` is one packet at a time. */
  | { readonly type: 'flood'; readonly size: number; readonly single: boolean; readonly pps: number | null };

/** Where the far end listens. */
export const FAR_END = `${TUNNEL.server}:7007`;

/** Starts it and waits until it listens. */
export async function startFarEnd(lab: Lab, task: FarEndTask): Promise<Running> {
  const running = lab.server.start(task.type, [...LOAD_COMMAND, 'echo', '--listen', FAR_END, ...flagsOf(task)]);
  await lab.until(`the ${task.type} is there`, () => {
    running.mustRun();
    return running.log().includes(`${task.type} on`);
  });
  return running;
}

/** Ends it; packets that it has received and sent. */
export async function stopFarEnd(running: Running): Promise<{ received: number; sent: number }> {
  await running.stop();
  const last = running.log().trim().split('\n').at(-1) ?? '';
  const { packets, sent } = JSON.parse(last) as { packets: number; sent: number };
  return { received: packets, sent };
}

function flagsOf(task: FarEndTask): string[] {
  if (task.type === 'echo') return [];
  if (task.type === 'sink') return ['--sink'];
  const pace = task.pps === null ? [] : ['--pps', String(task.pps)];
  return ['--flood', String(task.size), ...(task.single ? ['--single'] : []), ...pace];
}
