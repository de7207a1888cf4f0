import { expect, test } from '@jest/globals';
import { attributeLosses } from './attribute-losses.js';
import type { FlowRecord, Gap, Stall } from './flow-record.js';

const flow = (parts: Partial<FlowRecord>, gaps: readonly Gap[]): FlowRecord => ({
  ...{ kind: 'echo', from: 1, to: 1, openedAt: 0, stoppedAt: 20_000, end: 'drained' },
  ...{ sent: 200, unsent: 0, received: 0, reordered: 0, duplicated: 0, gaps },
  ...parts,
});
const gap = (first: number, packets: number): Gap => ({
  ...{ first, packets },
  ...{ from: 100 * first, to: 100 * (first + packets - 1) },
});
const causes = (
  record: FlowRecord,
  moves: Parameters<typeof attributeLosses>[1] = [],
  stalls: readonly Stall[] = [],
): object => {
  const { packets } = attributeLosses([record], moves, stalls, 100);
  return Object.fromEntries(Object.entries(packets).filter(([, count]) => count > 0));
};

test('what was under way when a client moved is lost by the float, and nothing else', () => {
  const moves = [{ client: 1, at: 5_050 }];
  expect(causes(flow({}, [gap(49, 2)]), moves)).toEqual({ float: 2 });
  expect(causes(flow({}, [gap(50, 2)]), moves)).toEqual({ unexplained: 2 });
  expect(causes(flow({}, [gap(30, 1)]), moves)).toEqual({ unexplained: 1 });
  expect(causes(flow({ from: 2, to: 2 }, [gap(50, 1)]), moves)).toEqual({ unexplained: 1 });
});

test('towards a client that has moved packets are lost until it speaks', () => {
  const moves = [{ client: 1, at: 5_050 }];
  expect(causes(flow({ kind: 'pair', from: 2, to: 1 }, [gap(50, 3)]), moves)).toEqual({ float: 3 });
  expect(causes(flow({ kind: 'pair', from: 1, to: 2 }, [gap(51, 1)]), moves)).toEqual({ unexplained: 1 });
  expect(causes(flow({ kind: 'pair', from: 2, to: 1 }, [gap(63, 1)]), moves)).toEqual({ unexplained: 1 });
});

test('a client that goes without waiting loses its last packets', () => {
  expect(causes(flow({ end: 'cut' }, [gap(199, 2)]))).toEqual({ kill: 2 });
  expect(causes(flow({ end: 'cut' }, [gap(180, 21)]))).toEqual({ unexplained: 21 });
  expect(causes(flow({ end: 'cut' }, [gap(198, 2)]))).toEqual({ unexplained: 2 });
  expect(causes(flow({ end: 'drained' }, [gap(199, 2)]))).toEqual({ unexplained: 2 });
  expect(causes(flow({ end: 'lost' }, [gap(100, 101)]))).toEqual({ 'session-lost': 101 });
});

test('what was lost while this process did not run is no loss of the server', () => {
  const stalls = [{ from: 4_000, to: 5_000 }];
  expect(causes(flow({}, [gap(50, 3)]), [], stalls)).toEqual({ starved: 3 });
  expect(causes(flow({}, [gap(61, 1)]), [], stalls)).toEqual({ unexplained: 1 });
  expect(causes(flow({}, [gap(50, 1)]), [{ client: 1, at: 5_050 }], stalls)).toEqual({ float: 1 });
});
