import { type DataLayers, isFramingOption } from '../framing.js';
import { parseOptionsString } from '../wire/options-string.js';
import type { FramingOffer, LayerChoice } from './choose-layers.js';

export interface Mismatch {
  readonly detail: string;
  readonly hint: string;
}

/**
 * Why nothing will pass between a client and its server although it connects; null when their layers fit, or when nobody can
 * tell. [wire 13, 18]
 */
export const layersMismatch = ({ layers, push }: LayerChoice, { optionsString }: FramingOffer): Mismatch | null => {
  if (optionsString === '') return null;
  const client = parseOptionsString(optionsString);
  // Pushed, it is what the client takes from here on.
  if (client.compression && layers.framing === 'none' && !push.some(isFramingOption)) return COMPRESSION;
  return fragmentMismatch(client.fragment, layers);
};

const COMPRESSION: Mismatch = {
  detail: "its profile has 'comp-lzo' or 'compress' and this server has neither",
  hint: "write 'compress migrate' in the server's configuration, or remove the line from the profile",
};

const fragmentMismatch = (client: boolean, { fragment }: DataLayers): Mismatch | null => {
  if (client === (fragment !== null)) return null;
  return client
    ? { detail: "its profile has 'fragment' and this server has not", hint: 'remove the line from the profile' }
    : {
        detail: "this server has 'fragment' and its profile has not",
        hint: "add the server's line to the profile, or remove it from the server's configuration",
      };
};
