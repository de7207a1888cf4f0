/** What a connected client can be given anew. [wire 15] */
export const UPDATABLE_OPTIONS: readonly string[] = [
  'block-ipv6',
  'block-outside-dns',
  'dhcp-option',
  'dns',
  'ifconfig',
  'ifconfig-ipv6',
  'redirect-gateway',
  'redirect-private',
  'route',
  'route-gateway',
  'route-ipv6',
  'route-metric',
  'topology',
  'tun-mtu',
  'keepalive',
];

/** One option of a PUSH_UPDATE: `name args`, `-name`, `?name args` or `-?name`. [wire 15] */
export interface OptionUpdate {
  readonly name: string;
  /** All options of that name go; nothing comes. */
  readonly removes: boolean;
  /** A client that does not know it leaves it out. */
  readonly optional: boolean;
  /** Without the signs. */
  readonly option: string;
}

/** null for signs in an order that has no meaning, and for nothing behind them. */
export const parseOptionUpdate = (text: string): OptionUpdate | null => {
  const [, sign = '', option = ''] = /^(-\?|-|\?|)([a-z0-9].*)$/is.exec(text.trim()) ?? [];
  return option === ''
    ? null
    : { name: nameOf(option), removes: sign.startsWith('-'), optional: sign.includes('?'), option };
};

export type UpdateResult =
  | { readonly options: readonly string[] }
  /** The option that only a new connection can bring. */
  | { readonly unsupported: string };

/** The options of a connection after an update: those of the same names go, whatever they said. [wire 15] */
export const applyPushUpdate = (options: readonly string[], update: readonly string[]): UpdateResult => {
  const updates: OptionUpdate[] = [];
  for (const text of update) {
    const parsed = parseOptionUpdate(text);
    if (parsed !== null && UPDATABLE_OPTIONS.includes(parsed.name)) {
      updates.push(parsed);
    } else if (parsed?.optional !== true) {
      return { unsupported: text };
    }
  }
  const replaced = new Set(updates.flatMap(({ name }) => pushedNames(name)));
  return {
    options: [
      ...options.filter((option) => !replaced.has(nameOf(option))),
      ...updates.filter(({ removes }) => !removes).flatMap(({ option }) => pushedForms(option)),
    ],
  };
};

/** `keepalive` stands for two options that a PUSH_REPLY brings one by one. */
const pushedNames = (name: string): readonly string[] => (name === 'keepalive' ? ['ping', 'ping-restart'] : [name]);

const pushedForms = (option: string): readonly string[] => {
  const [name, interval, timeout] = option.split(/\s+/);
  return name === 'keepalive' ? [`ping ${interval ?? 0}`, `ping-restart ${timeout ?? 0}`] : [option];
};

const nameOf = (option: string): string => option.trim().split(/\s+/, 1)[0] ?? '';
