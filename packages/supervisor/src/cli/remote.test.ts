import { isIP } from 'node:net';
import { expect, test } from '@jest/globals';
import { ownAddress, parseRemote } from './remote.js';

test.each([
  ['vpn.example.org', 'vpn.example.org', 1194],
  ['vpn.example.org:443', 'vpn.example.org', 443],
  ['192.0.2.1:443', '192.0.2.1', 443],
  ['2001:db8::1', '2001:db8::1', 1194],
  ['[2001:db8::1]:443', '2001:db8::1', 443],
])('%s', (text, host, port) => expect(parseRemote(text, 1194)).toEqual({ host, port }));

test.each(['', 'a b', 'host:0', 'host:70000', 'x\nauth-user-pass', '[::1', '-x'])('%j is refused', (text) => {
  expect(() => parseRemote(text, 1194)).toThrow(expect.objectContaining({ code: 'config/remote' }));
});

test('the machine has an address', () => expect(isIP(ownAddress())).not.toBe(0));
