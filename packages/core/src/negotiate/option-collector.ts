/** Puts the options of a message together that may come in parts. [wire 15] */
export class OptionCollector {
  #options: string[] = [];
  #overflown = false;

  /** Options of one part; undefined while more is to come, and for good when the message grows beyond reason. */
  handlePart(options: readonly string[]): readonly string[] | undefined {
    this.#overflown ||= this.#options.length + options.length > MAX_OPTIONS;
    if (this.#overflown) {
      return undefined;
    }
    this.#options.push(...withoutContinuation(options));
    if (options.includes(`${CONTINUATION}2`)) {
      return undefined;
    }
    const all = this.#options;
    this.#options = [];
    return all;
  }
}

export const withoutContinuation = (options: readonly string[]): readonly string[] =>
  options.filter((option) => !option.startsWith(CONTINUATION));

const CONTINUATION = 'push-continuation ';
const MAX_OPTIONS = 10_000;
