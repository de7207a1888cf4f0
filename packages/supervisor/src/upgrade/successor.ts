import { type ChildProcess, spawn } from 'node:child_process';
import type { NativePort } from '../shards/native-port.js';
import { HandOverChannel } from './hand-over-channel.js';
import { type Program, withTakeOver } from './program.js';

type SuccessorNative = Pick<NativePort, 'openHandOver' | 'sendHandOver' | 'receiveHandOver' | 'closeFds'>;

/** The new process of an upgrade. */
export class Successor {
  readonly channel: HandOverChannel;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  /** Its output goes where this process's goes. */
  constructor(native: SuccessorNative, { command, words, directory, environment }: Program) {
    const { ours, theirs } = native.openHandOver();
    this.channel = new HandOverChannel(native, ours);
    try {
      this.#child = spawn(command, words, {
        cwd: directory,
        env: withTakeOver(environment, CHANNEL_FD),
        stdio: ['inherit', 'inherit', 'inherit', theirs],
      });
    } finally {
      native.closeFds([theirs]);
    }
    const child = this.#child;
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
      child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
    this.channel.close();
  }

  /** It lives on alone. */
  release(): void {
    this.#child.unref();
    this.channel.close();
  }
}

/** The first descriptor behind standard error. */
const CHANNEL_FD = 3;
