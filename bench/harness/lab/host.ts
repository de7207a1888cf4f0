import { execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Running } from './running.js';

let serial = 0;

/** One machine of the lab: a network namespace. */
export class Host {
  readonly #running: Set<Running>;

  constructor(
    readonly namespace: string,
    /** Where this host reaches the server's namespace from outside the tunnel. */
    readonly serverAddress: string,
    private readonly folder: string,
    private readonly signal: AbortSignal,
    running: Set<Running>,
  ) {
    this.#running = running;
  }

  /** The name of a file that nothing else writes to. */
  newLogFile(name: string): string {
    return join(this.folder, `${name}-${++serial}.log`);
  }

  /** Starts a process whose output goes to a log file of its own. */
  start(name: string, [command = 'false', ...args]: readonly string[]): Running {
    this.signal.throwIfAborted();
    const log = this.newLogFile(name);
    const output = openSync(log, 'a');
    const child = spawn('ip', ['netns', 'exec', this.namespace, command, ...args], {
      stdio: ['ignore', output, output],
      // Ctrl-C is for the harness alone, which then ends this one.
      detached: true,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    closeSync(output);
    const running = new Running(name, child, log);
    this.#running.add(running);
    child.once('close', () => this.#running.delete(running));
    return running;
  }

  /** Runs a command to its end and gives its standard output; throws what it complained about. */
  exec(command: readonly string[]): Promise<string> {
    const options = { encoding: 'utf8' as const, maxBuffer: 1 << 28, signal: this.signal };
    return new Promise((resolve, reject) => {
      execFile('ip', ['netns', 'exec', this.namespace, ...command], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (this.signal.aborted) reject(this.signal.reason);
        else reject(new Error(`${command.join(' ')}: ${stderr.trim()} ${stdout.slice(-1000)}`.trim()));
      });
    });
  }

  /** `ip` on the namespace. */
  ip(...args: string[]): string {
    return execFileSync('ip', ['-n', this.namespace, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
}
