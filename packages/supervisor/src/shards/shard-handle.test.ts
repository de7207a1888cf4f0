import { MessageChannel } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { within } from './shard-handle.js';

test('an answer that has come while the process did not run counts, however late it is read', async () => {
  const { port1, port2 } = new MessageChannel();
  const answer = within(new Promise((resolve) => port2.once('message', resolve)), 1);
  port1.postMessage('here');
  for (const end = performance.now() + 20; performance.now() < end; );
  expect(await answer).toBe('here');
  port1.close();
});

test('without an answer it is null in the end', async () => {
  expect(await within(new Promise(() => {}), 1)).toBeNull();
});
