import { expect, test } from '@jest/globals';
import { BackOff } from './back-off.js';
import { filterPushed } from './pull-filter.js';
import { RemoteList } from './remote-list.js';

test('every address of every server, round and round; the one that worked comes first', async () => {
  const names = new Map([['a.test', ['192.0.2.1', '2001:db8::1']]]);
  const remotes = [
    { host: 'a.test', port: 1, family: null },
    { host: 'unknown.test', port: 2, family: null },
    { host: '192.0.2.9', port: 3, family: null },
  ];
  const list = new RemoteList(remotes, async (host) => names.get(host) ?? Promise.reject(new Error('not found')));
  expect(await list.take()).toEqual({ host: '192.0.2.1', port: 1 });
  expect(await list.take()).toEqual({ host: '2001:db8::1', port: 1 });
  await expect(list.take()).rejects.toThrow('not found');
  const literal = await list.take();
  expect(literal).toEqual({ host: '192.0.2.9', port: 3 });
  list.prefer(literal);
  expect(await list.take()).toEqual(literal);
  expect(await list.take()).toEqual({ host: '192.0.2.1', port: 1 });
  list.skipAddresses();
  await expect(list.take()).rejects.toThrow('not found');
});

test('the waits grow after five attempts, up to the longest, and start anew', () => {
  const backOff = new BackOff({ first: 1, longest: 10 }, 1, () => 0);
  expect(Array.from({ length: 11 }, () => backOff.next())).toEqual([1, 1, 1, 1, 1, 2, 4, 8, 10, 10, 10]);
  expect(backOff.failures).toBe(11);
  backOff.reset();
  expect(backOff.next()).toBe(1);
});

test('pull-filter and route-nopull', () => {
  const pushed = ['route 10.0.0.0', 'routers-are-fine', 'dhcp-option DNS 1.1.1.1', 'ifconfig 10.8.0.2 255.255.255.0'];
  const filter = (action: 'ignore' | 'reject', start: string) => [{ action, start }];
  expect(filterPushed(pushed, [], true)).toEqual({ accepted: ['routers-are-fine', pushed[3]] });
  expect(filterPushed(pushed, filter('ignore', 'route '), false)).toEqual({ accepted: pushed.slice(1) });
  expect(filterPushed(pushed, filter('reject', 'dhcp'), false)).toEqual({ rejected: 'dhcp-option DNS 1.1.1.1' });
});
