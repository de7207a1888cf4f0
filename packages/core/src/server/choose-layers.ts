import {
  type DataLayers,
  type Framing,
  type FramingOption,
  framingOverhead,
  isFramingOption,
  type LayerPolicy,
  NO_LAYERS,
  parseFramingOption,
} from '../framing.js';
import { parseOptionsString } from '../wire/options-string.js';

/** What a client has said about itself. */
export interface FramingOffer {
  /** Its line of the options comparison; '' when it sent none. */
  readonly optionsString: string;
  readonly peerInfo: ReadonlyMap<string, string>;
}

export interface LayerChoice {
  readonly layers: DataLayers;
  /** The options for this client, without a framing that it does not have. */
  readonly push: readonly string[];
}

/**
 * The framing that this client uses: the pushed one, if the client has announced it; else the configured one, unless the
 * client's own line says that it has none. [wire 13]
 */
export const chooseLayers = (
  policy: LayerPolicy = NO_LAYERS,
  offer: FramingOffer,
  options: readonly string[],
): LayerChoice => {
  const push = options.filter((option) => !isFramingOption(option) || isAnnounced(pushedFraming(option), offer));
  const pushed = push.findLast(isFramingOption);
  if (pushed !== undefined) {
    return { layers: layersOf(policy, pushedFraming(pushed)), push };
  }
  const { compression } = parseOptionsString(offer.optionsString);
  if (policy.migrate && compression) {
    const option = offer.peerInfo.get('IV_COMP_STUBv2') === '1' ? 'compress stub-v2' : 'comp-lzo no';
    return { layers: layersOf(policy, pushedFraming(option)), push: [...push, option] };
  }
  const isBare = offer.optionsString !== '' && !compression;
  return { layers: layersOf(policy, isBare ? null : policy), push };
};

/** What our line of the options comparison says about layers, so that neither side has anything to warn of. */
export const layersInOptionsString = (
  policy: LayerPolicy = NO_LAYERS,
  client: string,
  push: readonly string[],
): { readonly compression: boolean; readonly linkBytes: number; readonly fragment: boolean } => {
  const possible = policy.framing !== 'none' || policy.migrate || push.some(isFramingOption);
  const { compression } = parseOptionsString(client);
  const framing: Framing = policy.framing === 'none' ? 'lzo' : policy.framing;
  const shown = possible && compression;
  return { compression: shown, linkBytes: shown ? framingOverhead(framing) : 0, fragment: policy.fragment !== null };
};

const pushedFraming = (option: string): FramingOption | null => parseFramingOption(option.split(/\s+/));

const layersOf = (policy: LayerPolicy, option: FramingOption | null): DataLayers => ({
  framing: option?.framing ?? 'none',
  compress: option?.compresses === true && policy.allow === 'yes',
  fragment: policy.fragment,
});

/** Clients in a kernel module have no framing at all; they and others that cannot have it refuse to connect with it. */
const isAnnounced = (option: FramingOption | null, { optionsString, peerInfo }: FramingOffer): boolean => {
  if (option === null) return false;
  const has = (name: string): boolean => peerInfo.get(name) === '1';
  switch (option.framing) {
    case 'none':
      return true;
    case 'lzo':
      // compat(2.3): says nothing about itself but that it has compression in its profile.
      return (
        has('IV_LZO') ||
        (!option.compresses && has('IV_LZO_STUB')) ||
        (![...peerInfo.keys()].some((name) => /^IV_(LZ|COMP)/.test(name)) &&
          parseOptionsString(optionsString).compression)
      );
    case 'stub':
      return has('IV_COMP_STUB');
    case 'stub-v2':
      return has('IV_COMP_STUBv2');
    case 'lz4':
      return has('IV_LZ4');
    case 'lz4-v2':
      return has('IV_LZ4v2');
  }
};
