import { isStream, type Path } from './ids.js';

/**
 * How a payload says whether it is compressed; the index is the number in ADD_PEER records. `lzo` is `comp-lzo` and also
 * `comp-lzo no`, `stub` is `compress` without a name. [wire 13]
 */
export const FRAMINGS = ['none', 'lzo', 'stub', 'lz4', 'stub-v2', 'lz4-v2'] as const;
export type Framing = (typeof FRAMINGS)[number];

/** What lies between the cipher and the inner packets of a peer. */
export interface DataLayers {
  readonly framing: Framing;
  /** Compress what is sent, where the framing can. */
  readonly compress: boolean;
  /** Every payload has a fragment header; null = none has. */
  readonly fragment: FragmentSize | null;
}

/** Bytes of the largest datagram. `countsHeaders`: with its IP and UDP headers. */
export interface FragmentSize {
  readonly size: number;
  readonly countsHeaders: boolean;
}

/** Whether this end may send compressed (`yes`), only take it (`asym`), or wants neither (`no`). */
export type AllowCompression = 'no' | 'asym' | 'yes';

/** What a `comp-lzo` or `compress` line asks for. */
export interface FramingOption {
  readonly framing: Framing;
  /** The sender may compress. */
  readonly compresses: boolean;
}

/** The configured part of the layers, for either role. */
export interface LayerPolicy extends FramingOption {
  readonly allow: AllowCompression;
  /** `compress migrate`: clients with compression in their profiles are told to stop. */
  readonly migrate: boolean;
  readonly fragment: FragmentSize | null;
}

export const NO_LAYERS: LayerPolicy = {
  framing: 'none',
  compresses: false,
  allow: 'no',
  migrate: false,
  fragment: null,
};

/** The policy for one peer: a stream needs no fragments, and OpenVPN has none there. */
export const layersOn = (path: Path, policy: LayerPolicy = NO_LAYERS): LayerPolicy =>
  isStream(path) ? { ...policy, fragment: null } : policy;

/** Words of a line in a configuration or a pushed option; null for what is no such line, or names no framing of ours. */
export const parseFramingOption = ([name, argument]: readonly string[]): FramingOption | null => {
  if (name === 'comp-lzo') {
    if (argument === 'no') return { framing: 'lzo', compresses: false };
    return [undefined, 'yes', 'adaptive'].includes(argument) ? { framing: 'lzo', compresses: true } : null;
  }
  if (name !== 'compress') return null;
  switch (argument) {
    case undefined:
    case 'stub':
      return { framing: 'stub', compresses: false };
    case 'stub-v2':
      return { framing: 'stub-v2', compresses: false };
    case 'lzo':
    case 'lz4':
    case 'lz4-v2':
      return { framing: argument, compresses: true };
    default:
      return null;
  }
};

/** Whether an option as it is pushed chooses the framing. */
export const isFramingOption = (option: string): boolean => /^(comp-lzo|compress)( |$)/.test(option);

/** Bytes that an uncompressed packet grows by. */
export const framingOverhead = (framing: Framing): 0 | 1 =>
  framing === 'lzo' || framing === 'stub' || framing === 'lz4' ? 1 : 0;
