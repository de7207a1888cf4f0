import { OTHER_DIRECTIVES } from './other-directives.js';
import { SUPPORTED_DIRECTIVES } from './supported-directives.js';

/**
 * What this server makes of a directive:
 * `supported` it is obeyed; `ignored` it changes nothing here and a note says why; `unsupported` OpenVPN obeys it
 * and this server cannot yet; `refused` OpenVPN itself takes it not at all, or not in a server.
 */
export type Directive =
  | {
      readonly standing: 'supported';
      /** Number of arguments. */
      readonly min: number;
      readonly max: number;
      /** May stand as a `<name>...</name>` block instead. */
      readonly inline: boolean;
      /** Every occurrence counts; otherwise the last one wins. */
      readonly repeatable: boolean;
    }
  | { readonly standing: 'ignored' | 'unsupported' | 'refused'; readonly reason: string };

/** Old names that mean the same as a newer one. */
const ALIASES: Readonly<Record<string, string>> = {
  'ncp-ciphers': 'data-ciphers',
  'udp-mtu': 'link-mtu',
  'tun-max-mtu': 'tun-mtu-max',
};

/** The name a directive goes by today. */
export const canonicalName = (name: string): string =>
  Object.hasOwn(ALIASES, name) ? (ALIASES[name] as string) : name;

/** By canonical name; undefined for a name that OpenVPN does not know either. */
export const findDirective = (name: string): Directive | undefined => DIRECTIVES.get(name);

/** Every name this server knows, old names included. */
export const directiveNames = (): readonly string[] => [...DIRECTIVES.keys(), ...Object.keys(ALIASES)];

const DIRECTIVES: ReadonlyMap<string, Directive> = new Map<string, Directive>([
  ...Object.entries(SUPPORTED_DIRECTIVES).map(([name, form]) => [name, { standing: 'supported', ...form }] as const),
  ...OTHER_DIRECTIVES.flatMap(({ standing, reason, names }) =>
    names.split(/\s+/).map((name) => [name, { standing, reason }] as const),
  ),
]);
