import { type DataLayers, framingOverhead, layersOn, NO_LAYERS, parseFramingOption } from '../framing.js';
import type { PushedOptions } from '../negotiate/pushed-options.js';
import type { ClientOptions } from './client-options.js';

/** The server may choose the framing, whether we compress is up to us. [wire 13] */
export const layersFromPush = (own: ClientOptions, { framing }: PushedOptions): DataLayers => {
  const layers = layersOn(own.remote, own.layers);
  const chosen = (framing === null ? null : parseFramingOption(framing.split(/\s+/))) ?? layers;
  return {
    framing: chosen.framing,
    compress: chosen.compresses && layers.allow === 'yes',
    fragment: layers.fragment,
  };
};

/** Why the pushed framing cannot be used, or null. */
export const framingFault = ({ layers = NO_LAYERS }: ClientOptions, { framing }: PushedOptions): string | null => {
  if (framing === null) {
    return null;
  }
  const option = parseFramingOption(framing.split(/\s+/));
  if (option === null) {
    return `the server pushed '${framing}', which is not known`;
  }
  return option.compresses && layers.allow === 'no'
    ? `the server pushed '${framing}' and would compress; allow-compression asym takes that`
    : null;
};

/** For our line of the options comparison. [wire 18] */
export const ownLayers = (own: ClientOptions) => {
  const { framing, fragment } = layersOn(own.remote, own.layers);
  return { compression: framing !== 'none', linkBytes: framingOverhead(framing), fragment: fragment !== null };
};
