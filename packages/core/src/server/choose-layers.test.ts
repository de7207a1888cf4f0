import { describe, expect, test } from '@jest/globals';
import { type Framing, type LayerPolicy, NO_LAYERS } from '../framing.js';
import { chooseLayers, layersInOptionsString } from './choose-layers.js';

const WITH = 'V4,dev-type tun,comp-lzo,tls-client';
const WITHOUT = 'V4,dev-type tun,tls-client';
const STUBS = ['IV_LZO_STUB', 'IV_COMP_STUB', 'IV_COMP_STUBv2'];
const ALL = ['IV_LZO', 'IV_LZ4', 'IV_LZ4v2', ...STUBS];

interface Case {
  readonly policy?: Partial<LayerPolicy>;
  readonly line?: string;
  readonly announced?: readonly string[];
  readonly push?: readonly string[];
}

const choose = ({ policy = {}, line = WITHOUT, announced = ALL, push = [] }: Case) => {
  const peerInfo = new Map(announced.map((name) => [name, '1']));
  return chooseLayers({ ...NO_LAYERS, ...policy }, { optionsString: line, peerInfo }, push);
};

describe('a configured framing', () => {
  const policy = { framing: 'lz4', compresses: true, allow: 'yes' } as const;

  test('is for clients whose line has one, and for those who say nothing', () => {
    for (const line of [WITH, '']) {
      expect(choose({ policy, line }).layers).toEqual({ framing: 'lz4', compress: true, fragment: null });
    }
    expect(choose({ policy }).layers).toEqual({ framing: 'none', compress: false, fragment: null });
  });

  test('compresses only where that is allowed', () => {
    for (const allow of ['no', 'asym'] as const) {
      expect(choose({ policy: { ...policy, allow }, line: WITH }).layers.compress).toBe(false);
    }
  });
});

describe('a pushed framing', () => {
  const pushed: readonly (readonly [string, Framing, string])[] = [
    ['comp-lzo', 'lzo', 'IV_LZO'],
    ['comp-lzo no', 'lzo', 'IV_LZO_STUB'],
    ['compress', 'stub', 'IV_COMP_STUB'],
    ['compress stub-v2', 'stub-v2', 'IV_COMP_STUBv2'],
    ['compress lz4', 'lz4', 'IV_LZ4'],
    ['compress lz4-v2', 'lz4-v2', 'IV_LZ4v2'],
  ];

  test.each(pushed)('%s is used both ways, by clients that have it', (option, framing, name) => {
    const push = ['route 10.0.0.0 255.0.0.0', option];
    expect(choose({ push, announced: [name] })).toMatchObject({ push, layers: { framing, compress: false } });
    const others = ALL.filter((other) => other !== name && !(option === 'comp-lzo no' && other === 'IV_LZO'));
    for (const announced of [others, []]) {
      expect(choose({ push, announced })).toMatchObject({ push: push.slice(0, 1), layers: { framing: 'none' } });
    }
  });

  test('compresses with allow-compression yes, if it is one that can', () => {
    const policy = { allow: 'yes' } as const;
    expect(choose({ policy, push: ['compress lz4-v2'] }).layers.compress).toBe(true);
    expect(choose({ policy, push: ['comp-lzo no'] }).layers.compress).toBe(false);
  });

  test('wins over the configured one, and the last one over those before', () => {
    const policy = { framing: 'lzo', compresses: true } as const;
    expect(choose({ policy, line: WITH, push: ['compress lz4', 'compress stub-v2'] }).layers.framing).toBe('stub-v2');
  });

  test('is taken by clients of before the announcements when their line has one', () => {
    const push = ['comp-lzo no'];
    expect(choose({ push, line: WITH, announced: [] })).toMatchObject({ push, layers: { framing: 'lzo' } });
    expect(choose({ push: ['compress lz4'], line: WITH, announced: [] }).push).toEqual([]);
  });

  test('of a name that nobody knows is not pushed', () => {
    expect(choose({ push: ['compress snappy'] }).push).toEqual([]);
  });
});

describe('compress migrate', () => {
  const policy = { migrate: true } as const;

  test('tells clients with compression in their line to stop, in the newest way they know', () => {
    expect(choose({ policy, line: WITH })).toMatchObject({
      push: ['compress stub-v2'],
      layers: { framing: 'stub-v2', compress: false },
    });
    expect(choose({ policy, line: WITH, announced: [] })).toMatchObject({
      push: ['comp-lzo no'],
      layers: { framing: 'lzo', compress: false },
    });
  });

  test('leaves the others alone', () => {
    expect(choose({ policy })).toMatchObject({ push: [], layers: { framing: 'none' } });
  });
});

test('fragments are for everybody', () => {
  const fragment = { size: 1200, countsHeaders: false };
  expect(choose({ policy: { fragment } }).layers.fragment).toBe(fragment);
});

test('our line of the comparison says what the client says, where we have a framing at all', () => {
  const shown = (policy: Partial<LayerPolicy>, line: string, push: readonly string[] = []) =>
    layersInOptionsString({ ...NO_LAYERS, ...policy }, line, push);
  const quiet = { compression: false, linkBytes: 0, fragment: false };
  expect(shown({}, WITH)).toEqual(quiet);
  expect(shown({ migrate: true }, WITH)).toEqual({ compression: true, linkBytes: 1, fragment: false });
  expect(shown({ migrate: true }, WITHOUT)).toEqual(quiet);
  expect(shown({ framing: 'stub-v2' }, WITH)).toEqual({ compression: true, linkBytes: 0, fragment: false });
  expect(shown({}, WITH, ['compress lz4'])).toMatchObject({ compression: true, linkBytes: 1 });
  expect(shown({ fragment: { size: 1200, countsHeaders: false } }, WITHOUT).fragment).toBe(true);
});
