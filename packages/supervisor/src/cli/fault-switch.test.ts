import { expect, test } from '@jest/globals';
import { faultFile, takeFaultFlag } from './fault-switch.js';

test('faults need the variable and the flag', () => {
  expect(faultFile({ SHARDVPN_FAULTS: '/tmp/faults' }, true)).toBe('/tmp/faults');
  expect(faultFile({}, true)).toBeNull();
  expect(faultFile({ SHARDVPN_FAULTS: '' }, false)).toBeNull();
  expect(() => faultFile({ SHARDVPN_FAULTS: '/tmp/faults' }, false)).toThrow('--allow-fault-injection');
});

test('the flag is no directive', () => {
  expect(takeFaultFlag(['--config', 'a.conf', '--allow-fault-injection', '--port', '1195'])).toEqual({
    words: ['--config', 'a.conf', '--port', '1195'],
    allowed: true,
  });
  expect(takeFaultFlag(['a.conf'])).toEqual({ words: ['a.conf'], allowed: false });
});
