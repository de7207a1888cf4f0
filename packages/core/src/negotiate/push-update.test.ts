import { describe, expect, test } from '@jest/globals';
import { applyPushUpdate, parseOptionUpdate } from './push-update.js';

describe('option updates', () => {
  test.each([
    [
      'route 10.0.0.0 255.0.0.0',
      { name: 'route', removes: false, optional: false, option: 'route 10.0.0.0 255.0.0.0' },
    ],
    ['-route', { name: 'route', removes: true, optional: false, option: 'route' }],
    ['?dns x', { name: 'dns', removes: false, optional: true, option: 'dns x' }],
    ['-?dns', { name: 'dns', removes: true, optional: true, option: 'dns' }],
    ['?-dns', null],
    ['-', null],
    ['', null],
    ['- route', null],
    ['--route', null],
  ])('%s', (text, expected) => {
    expect(parseOptionUpdate(text)).toEqual(expected);
  });

  test('an option that cannot be updated asks for a new connection, unless it is optional', () => {
    expect(applyPushUpdate(['route a'], ['cipher x'])).toEqual({ unsupported: 'cipher x' });
    expect(applyPushUpdate(['route a'], ['-cipher'])).toEqual({ unsupported: '-cipher' });
    expect(applyPushUpdate(['route a'], ['?-route'])).toEqual({ unsupported: '?-route' });
    expect(applyPushUpdate(['route a'], ['?cipher x', '-?what', 'route b'])).toEqual({ options: ['route b'] });
  });

  test('all options of a name go, whatever they said, and names that begin alike stay', () => {
    const before = ['route a', 'route-gateway g', 'route b', 'route-ipv6 c', 'ping 1', 'ping-restart 2'];
    expect(applyPushUpdate(before, ['-route'])).toEqual({
      options: ['route-gateway g', 'route-ipv6 c', 'ping 1', 'ping-restart 2'],
    });
    expect(applyPushUpdate(before, ['-keepalive', 'route z'])).toEqual({
      options: ['route-gateway g', 'route-ipv6 c', 'route z'],
    });
  });
});
