import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RECEIVE_WINDOW_SIZE, ReceiveWindow } from './receive-window.js';

const delivered = (window: ReceiveWindow): number[] => {
  const first: number[] = [];
  for (let packet = window.pollPacket(); packet !== undefined; packet = window.pollPacket()) {
    first.push(packet.payload[0] ?? -1);
  }
  return first;
};

describe('the receive window', () => {
  test('delivers in order whatever the order of arrival', () => {
    const order = fc.shuffledSubarray([...Array(RECEIVE_WINDOW_SIZE).keys()], { minLength: RECEIVE_WINDOW_SIZE });
    fc.assert(
      fc.property(order, (ids) => {
        const window = new ReceiveWindow();
        const got: number[] = [];
        for (const id of ids) {
          expect(window.handlePacket(id, 4, Uint8Array.of(id))).toBe('new');
          got.push(...delivered(window));
        }
        expect(got).toEqual([...Array(RECEIVE_WINDOW_SIZE).keys()]);
      }),
    );
  });

  test('knows duplicates, delivered or still held', () => {
    const window = new ReceiveWindow();
    window.handlePacket(0, 7, Uint8Array.of(0));
    window.handlePacket(2, 4, Uint8Array.of(2));
    expect(delivered(window)).toEqual([0]);
    expect(window.handlePacket(0, 7, Uint8Array.of(9))).toBe('duplicate');
    expect(window.handlePacket(2, 4, Uint8Array.of(9))).toBe('duplicate');
    window.handlePacket(1, 4, Uint8Array.of(1));
    expect(delivered(window)).toEqual([1, 2]);
  });

  test('refuses what is too far ahead', () => {
    const window = new ReceiveWindow(1);
    expect(window.handlePacket(1 + RECEIVE_WINDOW_SIZE, 4, new Uint8Array(0))).toBe('outside');
    expect(window.handlePacket(RECEIVE_WINDOW_SIZE, 4, new Uint8Array(0))).toBe('new');
    expect(window.handlePacket(0, 4, new Uint8Array(0))).toBe('duplicate');
    expect(window.handlePacket(0xffffffff, 4, new Uint8Array(0))).toBe('outside');
  });

  test('keeps a copy of the payload', () => {
    const window = new ReceiveWindow();
    const datagram = Uint8Array.of(5);
    window.handlePacket(0, 4, datagram);
    datagram[0] = 6;
    expect(delivered(window)).toEqual([5]);
  });
});
