import { complain } from './complain.js';
import { takeFaultFlag } from './fault-switch.js';

/**
 * Runs the words of a command line and resolves to the exit code. Never throws: a fault is one line on standard error.
 * Only what the words ask for is loaded: a server that starts, perhaps in the place of a running one, needs no commands.
 */
export const main = async (allWords: readonly string[]): Promise<number> => {
  const { words, allowed } = takeFaultFlag(allWords);
  try {
    if (isClientCall(words)) {
      const { connect } = await import('./connect.js');
      return await connect(configWords(words.slice(1)));
    }
    if (!isServerCall(words)) {
      const { runCommand } = await import('./run-command.js');
      return await runCommand(words);
    }
    const { serve } = await import('./serve.js');
    return await serve({ arguments: configWords(words) }, undefined, allowed);
  } catch (error) {
    complain(`shardvpn: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
};

const COMMANDS = [
  'quickstart',
  'client',
  'check',
  'serve',
  'connect',
  'reload',
  'upgrade',
  'push-update',
  'kick',
  'genkey',
  'help',
];
const OWN_OPTIONS = ['--help', '-h', '--version', '-V'];

/** As openvpn is called: with `--directive` options, or with the name of a file. */
const isServerCall = (words: readonly string[]): boolean => {
  const first = words[0];
  return first !== undefined && !COMMANDS.includes(first) && !OWN_OPTIONS.includes(first);
};

/** `connect` takes directives as a server does, which no parser of options knows. */
const isClientCall = ([first, second]: readonly string[]): boolean =>
  first === 'connect' && second !== undefined && !OWN_OPTIONS.includes(second);

/** `FILE` alone, or first, stands for `--config FILE`. */
const configWords = (words: readonly string[]): readonly string[] =>
  words[0]?.startsWith('--') ? words : ['--config', ...words];
