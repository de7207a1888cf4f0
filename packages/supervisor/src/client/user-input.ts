import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

/** Questions to whoever sits at the terminal, or lines from whatever standard input is. */
export class UserInput {
  #lines: Interface | null = null;
  #iterator: AsyncIterator<string> | null = null;
  #muted = false;

  /** One line; null where standard input has ended. `echo`: what is typed may be seen. */
  async ask(question: string, echo: boolean): Promise<string | null> {
    process.stderr.write(`${question}: `);
    this.#iterator ??= this.#open()[Symbol.asyncIterator]();
    this.#muted = !echo;
    const { value, done } = await this.#iterator.next();
    this.#muted = false;
    process.stderr.write('\n');
    return done === true ? null : String(value);
  }

  close(): void {
    this.#lines?.close();
  }

  #open(): Interface {
    const output = new Writable({
      write: (part, _encoding, done) => {
        if (!this.#muted) process.stderr.write(part);
        done();
      },
    });
    const lines = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY === true });
    // At a terminal it takes the key for itself.
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    this.#lines = lines;
    return lines;
  }
}
