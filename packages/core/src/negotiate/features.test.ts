import { describe, expect, test } from '@jest/globals';
import { clientFeatures, featureOption } from './features.js';

const features = (proto: string, extra: Record<string, string> = {}) =>
  clientFeatures(new Map(Object.entries({ IV_PROTO: proto, ...extra })));

describe('features of known clients [wire 14]', () => {
  test.each([
    ['2.3', '0', 'prf', false, null],
    ['2.4', '2', 'prf', true, null],
    ['2.5', '6', 'prf', true, null],
    ['2.6.0', '478', 'ekm-by-protocol-flags', true, 'protocol-flags cc-exit tls-ekm'],
    ['2.6.14', '990', 'ekm-by-protocol-flags', true, 'protocol-flags cc-exit tls-ekm dyn-tls-crypt'],
    ['2.7', '8094', 'ekm-by-protocol-flags', true, 'protocol-flags cc-exit tls-ekm dyn-tls-crypt'],
    ['OpenVPN 3 before protocol-flags', '30', 'ekm-by-key-derivation', true, 'key-derivation tls-ekm'],
    ['only the exit message', '130', 'prf', true, 'protocol-flags cc-exit'],
    ['dynamic tls-crypt that cannot be told', '514', 'prf', true, null],
  ])('%s', (_name, proto, keyDerivation, dataV2, option) => {
    expect(features(proto)).toMatchObject({ keyDerivation, dataV2 });
    expect(featureOption(features(proto), 'aead')).toBe(option);
  });

  test.each([
    ['2.7', 8094, true],
    ['without protocol-flags', 8094 - 128, false],
    ['without the exporter', 8094 - 8, false],
    ['without DATA_V2', 8094 - 2, false],
    ['2.6', 990, false],
  ])('the epoch format: %s', (_name, proto, dataEpoch) => {
    expect(features(String(proto)).dataEpoch).toBe(dataEpoch);
  });

  test('the tun-mtu is for clients with IV_MTU', () => {
    expect(features('990', { IV_MTU: '1600' }).maxTunMtu).toBe(1600);
    expect(features('990').maxTunMtu).toBeNull();
  });

  test('numbers that are none count as missing', () => {
    for (const proto of ['', '-1', '0x3de', '1e3', '99999999999999999999']) {
      expect(features(proto)).toEqual(clientFeatures(new Map()));
    }
  });

  test('a client without pull is known', () => {
    expect(features('34').ignoresPush).toBe(true);
    expect(features('990').ignoresPush).toBe(false);
    expect(features('990').requestPush).toBe(true);
  });
});
