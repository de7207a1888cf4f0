import { expect, test } from '@jest/globals';
import { Life, type LifePorts } from './life.js';
import { Random } from './random.js';

const OPTIONS = { stay: 5, away: 1, float: 2, hosts: ['192.0.2.1', '192.0.2.2'] };

/** A client whose every connect succeeds after 10 ms, in simulated time. */
function world(seed: number) {
  const story: string[] = [];
  let now = 0;
  const timers: { at: number; work: () => void }[] = [];
  const after: LifePorts['after'] = (milliseconds, work) => void timers.push({ at: now + milliseconds, work });
  const tell = (what: string): void => void story.push(`${now.toFixed(0)} ${what}`);
  const ports: LifePorts = {
    connect: () => after(10, () => life.isConnecting && life.handleConnected()),
    remove: (_, goodbye) => tell(goodbye ? 'goodbye' : 'gone'),
    changeSocket: (_, host) => tell(`socket ${host}`),
    stopFlows: () => tell('stop'),
    closeFlows: (_, end) => tell(end),
    after,
    note: tell,
  };
  const life = new Life(3, OPTIONS, new Random(seed, 3), ports);
  const runUntil = (end: number): void => {
    for (;;) {
      timers.sort((a, b) => a.at - b.at);
      const next = timers[0];
      if (next === undefined || next.at > end) break;
      timers.shift();
      now = next.at;
      next.work();
    }
    now = end;
  };
  return { story, life, runUntil };
}

test('a seed repeats a life, another one gives another', () => {
  const stories = [1, 1, 2].map((seed) => {
    const { life, story, runUntil } = world(seed);
    life.begin();
    runUntil(300_000);
    return story;
  });
  expect(stories[0]).toEqual(stories[1]);
  expect(stories[0]).not.toEqual(stories[2]);
  for (const what of ['floats', 'exits', 'kills', 'restarts', 'drained', 'cut', 'goodbye', 'gone'])
    expect([what, stories[0]?.some((line) => line.endsWith(` ${what}`))]).toEqual([what, true]);
});

test('a session that ends by itself is not left a second time, and its client comes back', () => {
  const { life, story, runUntil } = world(1);
  life.begin();
  runUntil(100);
  life.handleEnded(true);
  expect(story.slice(-2)).toEqual(['100 sessions-lost', '100 lost']);
  runUntil(610);
  expect(story.slice(-1)).toEqual(['610 connects']);
});

test('after the end nothing happens any more, but a goodbye that has begun', () => {
  const { life, story, runUntil } = world(5);
  life.begin();
  let end = 0;
  while (!story.at(-1)?.endsWith(' stop')) {
    end += 100;
    runUntil(end);
  }
  life.settle();
  runUntil(1_000_000);
  expect(story.filter((line) => line.endsWith(' goodbye')).length).toBe(
    story.filter((l) => l.endsWith(' stop')).length,
  );
  expect(life.isConnected).toBe(false);
});
