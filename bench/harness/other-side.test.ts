import { expect, test } from '@jest/globals';
import { otherSide } from './other-side.js';

test('none is no side', () => {
  expect(otherSide('none')).toBeNull();
});

test('a command gets the config at its placeholder, or at its end', () => {
  const command = (against: string) => otherSide(against)?.command('/tmp/a.conf');
  expect(command('openvpn')).toEqual(['openvpn', '--config', '/tmp/a.conf']);
  expect(command('/opt/vpn/sbin/vpnd -q')).toEqual(['sh', '-c', '/opt/vpn/sbin/vpnd -q --config /tmp/a.conf']);
  expect(command('X=1 vpnd {config} -f {config}')).toEqual(['sh', '-c', 'X=1 vpnd /tmp/a.conf -f /tmp/a.conf']);
});

test('it is called by its program', () => {
  expect(otherSide('LD_PRELOAD=a.so /opt/vpn/sbin/vpnd -q')?.label).toBe('vpnd');
});
