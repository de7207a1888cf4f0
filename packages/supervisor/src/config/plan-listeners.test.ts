import { describe, expect, test } from '@jest/globals';
import { planListeners } from './plan-listeners.js';
import type { ListenerConfig } from './server-config.js';

const at = (host: string, port = 1194): ListenerConfig => ({
  family: host.includes(':') ? 6 : 4,
  host,
  port,
  optional: false,
});
const ANY4 = at('0.0.0.0');
const ANY6 = at('::');

const plan = (open: ListenerConfig[], wanted: ListenerConfig[]) => {
  const { added, removed } = planListeners(open, wanted);
  return {
    added: added.map(({ listener, beside }) => `${listener.host} ${listener.port}${beside ? ' beside' : ''}`),
    removed: removed.map(({ listener, succession }) => `${listener.host} ${listener.port} ${succession.type}`),
  };
};

describe('listeners that change', () => {
  test.each<[string, ListenerConfig[], ListenerConfig[], string[], string[]]>([
    ['the same, written otherwise', [ANY4, at('2001:db8::1')], [at('2001:db8:0::1'), ANY4], [], []],
    ['another port', [ANY4, ANY6], [at('0.0.0.0', 1195), ANY6], ['0.0.0.0 1195'], ['0.0.0.0 1194 lost']],
    ['one address instead of all', [ANY4], [at('192.0.2.1')], ['192.0.2.1 1194 beside'], ['0.0.0.0 1194 shared']],
    ['all instead of one', [at('192.0.2.1')], [ANY4], ['0.0.0.0 1194 beside'], ['192.0.2.1 1194 covered']],
    ['another address', [at('192.0.2.1')], [at('192.0.2.2')], ['192.0.2.2 1194'], ['192.0.2.1 1194 lost']],
    ['the other family', [ANY4], [ANY6], [':: 1194'], ['0.0.0.0 1194 lost']],
  ])('%s', (_, open, wanted, added, removed) => {
    expect(plan(open, wanted)).toEqual({ added, removed });
  });

  test('the heir of all addresses is named', () => {
    expect(planListeners([at('192.0.2.1')], [at('192.0.2.2', 1195), ANY4]).removed).toEqual([
      { listener: at('192.0.2.1'), succession: { type: 'covered', by: ANY4 } },
    ]);
  });
});
