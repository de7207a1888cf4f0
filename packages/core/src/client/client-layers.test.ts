import { describe, expect, test } from '@jest/globals';
import { type LayerPolicy, NO_LAYERS } from '../framing.js';
import { asPeerId, STREAM_BIT } from '../ids.js';
import { type PushedOptions, readPushedOptions } from '../negotiate/pushed-options.js';
import { framingFault, ownLayers } from './client-layers.js';
import type { ClientOptions } from './client-options.js';
import { peerFromPush } from './handle-push.js';

const pushed = (...options: string[]): PushedOptions => readPushedOptions(options, []);

const own = (layers: Partial<LayerPolicy> = {}, listener = 0): ClientOptions =>
  ({
    remote: { listener, host: '192.0.2.1', port: 1194 },
    layers: { ...NO_LAYERS, ...layers },
  }) as unknown as ClientOptions;

const layersOf = (options: ClientOptions, ...push: string[]) =>
  peerFromPush(options, asPeerId(1), pushed(...push)).layers;

describe('the framing of a client', () => {
  test('is its own, or the last one that is pushed', () => {
    const options = own({ framing: 'lzo', compresses: true });
    expect(layersOf(options)?.framing).toBe('lzo');
    expect(layersOf(options, 'comp-lzo no', 'compress stub-v2')?.framing).toBe('stub-v2');
    expect(layersOf(own())?.framing).toBe('none');
  });

  test('compresses only with allow-compression yes', () => {
    for (const allow of ['no', 'asym', 'yes'] as const) {
      const options = own({ framing: 'lz4', compresses: true, allow });
      expect(layersOf(options)?.compress).toBe(allow === 'yes');
      expect(layersOf(options, 'compress lz4-v2')?.compress).toBe(allow === 'yes');
      expect(layersOf(options, 'compress')?.compress).toBe(false);
    }
  });

  test('may not be a compressing one unless it is allowed to take that', () => {
    const fault = (allow: LayerPolicy['allow'], option: string) => framingFault(own({ allow }), pushed(option));
    expect(fault('no', 'compress lz4')).toContain('allow-compression asym');
    expect(fault('asym', 'compress lz4')).toBeNull();
    expect(fault('no', 'comp-lzo no')).toBeNull();
    expect(fault('yes', 'compress snappy')).toContain('not known');
    expect(fault('no', 'route 10.0.0.0')).toBeNull();
  });

  test('has no fragments over TCP', () => {
    const fragment = { size: 1200, countsHeaders: false };
    expect(layersOf(own({ fragment }))?.fragment).toEqual(fragment);
    expect(layersOf(own({ fragment }, STREAM_BIT))?.fragment).toBeNull();
    expect(ownLayers(own({ fragment }, STREAM_BIT)).fragment).toBe(false);
  });

  test('stands in its line of the options comparison', () => {
    const fragment = { size: 1200, countsHeaders: false };
    expect(ownLayers(own({ framing: 'stub', fragment }))).toEqual({ compression: true, linkBytes: 1, fragment: true });
    expect(ownLayers(own())).toEqual({ compression: false, linkBytes: 0, fragment: false });
  });
});
