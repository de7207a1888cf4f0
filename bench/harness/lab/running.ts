import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { processTree } from '../measure/process-tree.js';

/** A process of the lab, with its log. */
export class Running {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;

  constructor(
    readonly name: string,
    child: ChildProcess,
    readonly logFile: string,
  ) {
    this.#child = child;
    this.#closed = new Promise((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.pid !== 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Throws with the end of the log when the process is not there any more. */
  mustRun(): void {
    if (this.isRunning) return;
    const how = this.#child.exitCode ?? this.#child.signalCode ?? 'no start';
    throw new Error(`${this.name} has ended (${how}):\n${this.log().slice(-2000)}`);
  }

  /** SIGTERM to the process and what it has started, SIGKILL after some seconds; resolves when it is gone. */
  async stop(seconds = 4): Promise<void> {
    if (!this.isRunning) return;
    const tree = processTree(this.pid);
    signalAll(tree, 'SIGTERM');
    const timer = setTimeout(() => signalAll(tree, 'SIGKILL'), seconds * 1000);
    await this.#closed;
    clearTimeout(timer);
  }
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // it ended by itself
    }
  }
}
