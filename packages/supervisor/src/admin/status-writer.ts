import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { repeat } from '../system/repeat.js';
import { StateFile } from '../system/state-file.js';
import type { ServerStatus } from './server-status.js';
import { encodeStatusFile } from './status-file.js';

/** Writes the `status` file now and then; the last text, after the end of the shards, lists nobody. */
export class StatusWriter {
  readonly #options: NonNullable<ServerConfig['status']>;
  readonly #file: StateFile;
  #end: () => void = () => {};
  #last: ServerStatus | undefined;

  /** Opens the file; throws a one-line error when it cannot be written. */
  constructor(options: NonNullable<ServerConfig['status']>) {
    this.#options = options;
    this.#file = StateFile.open(options.file, 'status');
  }

  /** Interval 0 writes only at the start and at the end. */
  async start(readStatus: () => Promise<ServerStatus>, log: Log): Promise<void> {
    const write = async (): Promise<void> => {
      this.#last = await readStatus();
      this.#write(this.#last);
    };
    await write();
    const { file, seconds } = this.#options;
    if (seconds > 0) this.#end = repeat(seconds * 1000, `writing ${file}`, write, log);
  }

  /** For whoever moves the file away. Returns what is wrong, null when nothing is. */
  reopen(): string | null {
    try {
      this.#file.reopen();
      return null;
    } catch (error) {
      return `the status is written to the file that was moved away: ${(error as Error).message}`;
    }
  }

  /** `isOthers`: another process writes the file now. */
  close(isOthers = false): void {
    this.#end();
    if (!isOthers && this.#last !== undefined) this.#write({ ...this.#last, clients: [] });
    this.#file.close();
  }

  #write(status: ServerStatus): void {
    this.#file.write(encodeStatusFile(status, this.#options.version, Math.floor(Date.now() / 1000)));
  }
}
