import { type Group, OTHER_DIRECTIVES } from './other-directives.js';
import { type Form, SUPPORTED_DIRECTIVES } from './supported-directives.js';

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

/** What one role makes of every name. */
export interface DirectiveTable {
  /** By canonical name; undefined for a name that OpenVPN does not know either. */
  find(name: string): Directive | undefined;
  /** Every known name, old names included. */
  names(): readonly string[];
}

/** Old names that mean the same as a newer one. */
const ALIASES: Readonly<Record<string, string>> = {
  'ncp-ciphers': 'data-ciphers',
  'udp-mtu': 'link-mtu',
  'tun-max-mtu': 'tun-mtu-max',
};

/** The name a directive goes by today. */
export const canonicalName = (name: string): string =>
  Object.hasOwn(ALIASES, name) ? (ALIASES[name] as string) : name;

export const directiveTable = (entries: Iterable<readonly [string, Directive]>): DirectiveTable => {
  const directives = new Map(entries);
  return { find: (name) => directives.get(name), names: () => [...directives.keys(), ...Object.keys(ALIASES)] };
};

/** The entries of directives that are obeyed. */
export const supportedEntries = (forms: Readonly<Record<string, Form>>): readonly (readonly [string, Directive])[] =>
  Object.entries(forms).map(([name, form]) => [name, { standing: 'supported', ...form }] as const);

/** The entries of directives that are not. */
export const otherEntries = (groups: readonly Group[]): readonly (readonly [string, Directive])[] =>
  groups.flatMap(({ standing, reason, names }) =>
    names.split(/\s+/).map((name) => [name, { standing, reason }] as const),
  );

export const SERVER_DIRECTIVES: DirectiveTable = directiveTable([
  ...supportedEntries(SUPPORTED_DIRECTIVES),
  ...otherEntries(OTHER_DIRECTIVES),
]);

export const findDirective = SERVER_DIRECTIVES.find;
export const directiveNames = SERVER_DIRECTIVES.names;
