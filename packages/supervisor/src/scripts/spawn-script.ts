import { type ChildProcess, spawn } from 'node:child_process';
import type { ScriptCommand } from '../config/script-command.js';

/** How a run of a command ended. `output` is the end of what it printed. */
export type ScriptEnd =
  | { readonly type: 'exited'; readonly code: number; readonly output: string }
  /** By a signal that was not ours. */
  | { readonly type: 'killed'; readonly signal: string; readonly output: string }
  | { readonly type: 'timeout'; readonly output: string }
  /** It could not be started. */
  | { readonly type: 'not-started'; readonly detail: string };

/** A command that runs. */
export interface ScriptProcess {
  readonly ended: Promise<ScriptEnd>;
  /** Ends it with everything that it has started. */
  kill(): void;
}

/**
 * Starts a command without a shell. Its environment is `env` and nothing else, it has no input, and it is killed after
 * `limitMs`. What it leaves running when it ends by itself goes on, but nobody listens to it any more.
 */
export const spawnScript = (
  { words, folder }: ScriptCommand,
  env: Readonly<Record<string, string>>,
  limitMs: number,
): ScriptProcess => {
  const [program = '', ...args] = words;
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own can be killed as a whole.
    detached: true,
  });
  let isLate = false;
  const kill = (): void => killGroup(child);
  const end = (): void => {
    isLate = child.exitCode === null && child.signalCode === null;
    kill();
  };
  // A process that did not run for a while hears first of what has ended meanwhile.
  const timer = setTimeout(() => setImmediate(end), limitMs);
  const output = collectOutput(child);
  const ended = new Promise<ScriptEnd>((resolve) => {
    child.on('error', (error) => resolve({ type: 'not-started', detail: error.message }));
    child.on('exit', async (code, signal) => {
      clearTimeout(timer);
      const printed = await output.end();
      if (isLate) resolve({ type: 'timeout', output: printed });
      else if (code === null) resolve({ type: 'killed', signal: signal ?? '', output: printed });
      else resolve({ type: 'exited', code, output: printed });
    });
  });
  return { ended: ended.finally(() => clearTimeout(timer)), kill };
};

/** The last of what a process prints; `end` stops listening once its pipes are empty, or soon. */
const collectOutput = (child: ChildProcess): { end(): Promise<string> } => {
  let text = '';
  const pipes = [child.stdout, child.stderr].filter((pipe) => pipe !== null);
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  for (const pipe of pipes) {
    pipe.on('data', (bytes: Buffer) => {
      text = (text + bytes.toString()).slice(-MOST_OUTPUT);
    });
  }
  return {
    end: async () => {
      const stop = (): void => {
        for (const pipe of pipes) pipe.destroy();
      };
      const timer = setTimeout(() => setImmediate(stop), LAST_WORDS_MS);
      await closed;
      clearTimeout(timer);
      return text;
    },
  };
};

const MOST_OUTPUT = 1000;
const LAST_WORDS_MS = 100;

const killGroup = ({ pid, exitCode, signalCode }: ChildProcess): void => {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
};
