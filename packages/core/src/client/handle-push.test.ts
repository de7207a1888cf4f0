import { describe, expect, test } from '@jest/globals';
import { asPeerId } from '../ids.js';
import type { PullFilter } from '../negotiate/pull-filter.js';
import { readPushedOptions } from '../negotiate/pushed-options.js';
import type { ClientOptions } from './client-options.js';
import { updateFromPush } from './handle-push.js';

const BEFORE = readPushedOptions(['peer-id 3', 'route a', 'ifconfig 10.8.0.2 255.255.255.0', 'ping 10'], []);
const update = (options: readonly string[], pullFilters: readonly PullFilter[] = []) => {
  const own = { pullFilters, remote: { listener: 0, host: '192.0.2.1', port: 1194 }, pingInterval: 0, pingTimeout: 60 };
  return updateFromPush(own as unknown as ClientOptions, asPeerId(3), BEFORE, options);
};

describe('an update', () => {
  test('moves the addresses and ping times of the data thread', () => {
    expect(update(['ifconfig 10.8.0.9 255.255.255.0', 'keepalive 5 20'])).toMatchObject({
      options: { peerId: 3, ifconfig: { address: '10.8.0.9' } },
      command: { type: 'update-peer', peerId: 3, ipv4: '10.8.0.9', ipv6: null, pingInterval: 5, pingTimeout: 20 },
    });
  });

  test('that cannot be done here takes a new connection', () => {
    expect(update(['route b', 'cipher none'])).toEqual({
      fault: "the server changes 'cipher none', which takes a new connection",
    });
  });

  test('of what the filters ignore does nothing', () => {
    const filters: PullFilter[] = [
      { action: 'ignore', start: 'cipher' },
      { action: 'ignore', start: 'route' },
    ];
    expect(update(['cipher none', '-route', '?route b'], filters)).toMatchObject({ options: { all: BEFORE.all } });
  });
});
