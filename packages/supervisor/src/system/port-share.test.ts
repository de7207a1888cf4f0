import { expect, test } from '@jest/globals';
import type { ForeignStream } from '@shardvpn/native';
import { PortShare } from './port-share.js';

const quiet = (): void => {};
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
test('nothing is taken over while it is off, and what waits is closed', () => {
  const closed: number[] = [];
  const waiting: ForeignStream[] = [{ fd: 1000, bytes: new Uint8Array(1), host: '192.0.2.1', port: 1 }];
  let wake = quiet;
  const calls: string[] = [];
  const share = new PortShare({
    native: {
      sharePort: (_, onWake) => {
        calls.push('on');
        wake = onWake;
      },
      unsharePort: () => void calls.push('off'),
      takeForeign: () => waiting.shift() ?? null,
      closeFds: (fds) => void closed.push(...fds),
    },
    plane: 1,
    log,
  });
  share.set({ host: '127.0.0.1', port: 9 });
  share.set({ host: '127.0.0.1', port: 10 });
  share.set(null);
  wake();
  share.close();
  expect([calls, closed]).toEqual([['on', 'off'], [1000]]);
});
