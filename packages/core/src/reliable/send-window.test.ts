import { describe, expect, test } from '@jest/globals';
import { SEND_WINDOW_SIZE, SendWindow } from './send-window.js';

const payload = new Uint8Array(3);
const filled = (count: number, options: { nextId?: number } = {}) => {
  const window = new SendWindow(2000, options.nextId);
  for (let i = 0; i < count; i++) {
    window.enqueue(4, payload);
  }
  return window;
};
const sent = (window: SendWindow, now: number): number[] => {
  const ids: number[] = [];
  for (let packet = window.pollPacket(now); packet !== undefined; packet = window.pollPacket(now)) {
    ids.push(packet.messageId);
  }
  return ids;
};

describe('the send window', () => {
  test('sends at once and in order', () => {
    const window = filled(3);
    expect(window.nextDeadline).toBe(0);
    expect(sent(window, 5000)).toEqual([0, 1, 2]);
    expect(window.nextDeadline).toBe(7000);
  });

  test('continues the numbers of a stateless reset', () => {
    expect(sent(filled(2, { nextId: 1 }), 0)).toEqual([1, 2]);
  });

  test('retransmits after 2, 4, 8 seconds and never gives up', () => {
    const window = filled(1);
    const times: number[] = [];
    for (let i = 0; i < 8; i++) {
      const at = window.nextDeadline ?? Number.NaN;
      times.push(at);
      expect(sent(window, at)).toEqual([0]);
      expect(sent(window, at)).toEqual([]);
    }
    expect(times).toEqual([0, 2000, 6000, 14_000, 30_000, 62_000, 126_000, 254_000]);
  });

  test('retransmits early behind three higher acks, without backing off', () => {
    const window = filled(5);
    sent(window, 0);
    window.handleAcks([1, 2]);
    expect(sent(window, 100)).toEqual([]);
    window.handleAcks([2, 3]);
    expect(window.nextDeadline).toBe(0);
    expect(sent(window, 100)).toEqual([0]);
    expect(window.nextDeadline).toBe(2000);
  });

  test('the early retransmission postpones the regular one by the same timeout', () => {
    const window = filled(4);
    sent(window, 0);
    window.handleAcks([1, 2, 3]);
    expect(sent(window, 500)).toEqual([0]);
    expect(window.nextDeadline).toBe(500 + 4000);
  });

  test('has room for six ids from the oldest one that is not acked', () => {
    const window = filled(SEND_WINDOW_SIZE);
    expect(window.hasRoom).toBe(false);
    expect(() => window.enqueue(4, payload)).toThrow('no room');
    window.handleAcks([1, 2, 3, 4, 5]);
    expect(window.hasRoom).toBe(false);
    window.handleAcks([0]);
    expect(window.hasRoom).toBe(true);
    expect(window.isEmpty).toBe(true);
    expect(window.nextDeadline).toBeUndefined();
  });

  test('acks of unknown and repeated ids change nothing', () => {
    const window = filled(2);
    sent(window, 0);
    window.handleAcks([7, 7, 7, 0xffffffff]);
    window.handleAcks([0, 0]);
    expect(sent(window, 2000)).toEqual([1]);
  });
});
