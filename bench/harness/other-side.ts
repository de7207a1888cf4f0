import type { Side } from './side.js';

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
