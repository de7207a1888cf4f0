/**
 * Several suites run at once, and the output of each comes out whole and in the order in which they were announced: the first one
 * that has not ended is shown as it goes, the later ones are kept until it has.
 */
export class OrderedOutput {
  #channels = [];
  #shown = 0;
  #show;

  /** `show` gets text. */
  constructor(show) {
    this.#show = show;
  }

  /** The next one in the order. */
  announce() {
    const channel = { kept: '', ended: false };
    this.#channels.push(channel);
    return {
      write: (text) => {
        channel.kept += text;
        this.#advance();
      },
      end: () => {
        channel.ended = true;
        this.#advance();
      },
    };
  }

  /** All that is kept, for a run that is cut short. */
  flush() {
    for (const channel of this.#channels.slice(this.#shown)) this.#showKept(channel);
  }

  #advance() {
    for (; this.#shown < this.#channels.length; this.#shown++) {
      const channel = this.#channels[this.#shown];
      this.#showKept(channel);
      if (!channel.ended) return;
    }
  }

  #showKept(channel) {
    if (channel.kept !== '') this.#show(channel.kept);
    channel.kept = '';
  }
}
