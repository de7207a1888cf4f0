import { expect, test } from '@jest/globals';
import { type LayerPolicy, NO_LAYERS } from '../framing.js';
import { chooseLayers } from './choose-layers.js';
import { layersMismatch } from './layers-mismatch.js';

const PLAIN = 'V4,dev-type tun,tls-client';
const COMPRESSION = 'V4,dev-type tun,comp-lzo,tls-client';
const FRAGMENT = 'V4,dev-type tun,mtu-dynamic,tls-client';
const KNOWN = new Map([
  ['IV_LZO_STUB', '1'],
  ['IV_COMP_STUBv2', '1'],
]);

const hintFor = (optionsString: string, policy: Partial<LayerPolicy> = {}, push: readonly string[] = []) => {
  const offer = { optionsString, peerInfo: KNOWN };
  return layersMismatch(chooseLayers({ ...NO_LAYERS, ...policy }, offer, push), offer)?.hint ?? null;
};
const fragment = { size: 1200, countsHeaders: false };

test('compression on one side alone is told with what to write', () => {
  expect(hintFor(COMPRESSION)).toMatch(/compress migrate/);
});

test('where the server has a framing, pushes one or moves clients away from it, there is nothing to tell', () => {
  expect(hintFor(COMPRESSION, { framing: 'lzo' })).toBeNull();
  expect(hintFor(COMPRESSION, {}, ['comp-lzo no'])).toBeNull();
  expect(hintFor(COMPRESSION, { migrate: true })).toBeNull();
  expect(hintFor(PLAIN, { framing: 'lzo' })).toBeNull();
});

test('fragment on one side alone is told, whichever', () => {
  expect(hintFor(FRAGMENT)).toMatch(/remove the line/);
  expect(hintFor(PLAIN, { fragment })).toMatch(/add the server's line/);
  expect(hintFor(FRAGMENT, { fragment })).toBeNull();
});

test('a client that says nothing about itself is not judged', () => {
  expect(hintFor('')).toBeNull();
  expect(hintFor('', { fragment })).toBeNull();
});
