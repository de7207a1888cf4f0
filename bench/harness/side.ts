import { join } from 'node:path';
import { ROOT } from './root.js';

/** One of the servers that are held against each other. */
export interface Side {
  readonly id: string;
  readonly label: string;
  /** This project's server. */
  readonly ours: boolean;
  /** More lines for its server.conf. */
  readonly lines: readonly string[];
  /** The command that starts it from a config file. */
  command(config: string): readonly string[];
}

export const SHARDVPN = [process.execPath, join(ROOT, 'packages/supervisor/bin/shardvpn.mjs')];

export function ourSide(id = 'shardvpn', label = 'shardvpn', lines: readonly string[] = []): Side {
  return { id, label, ours: true, lines, command: (config) => [...SHARDVPN, '--config', config] };
}

/** The server that `--against` names; null for none. */
export function otherSide(against: string): Side | null {
  if (against === 'none') return null;
  const common = { id: 'other', ours: false, lines: [] };
  if (against === 'openvpn') {
    return { ...common, label: 'openvpn', command: (config) => ['openvpn', '--config', config] };
  }
  return { ...common, label: labelOf(against), command: (config) => ['sh', '-c', withConfig(against, config)] };
}

function withConfig(command: string, config: string): string {
  return command.includes('{config}') ? command.replaceAll('{config}', config) : `${command} --config ${config}`;
}

/** The program's name: the first word that is not a variable, without its folder. */
function labelOf(command: string): string {
  const program = command.split(/\s+/).find((word) => !/^\w+=/.test(word)) ?? command;
  return program.split('/').at(-1) || command;
}
