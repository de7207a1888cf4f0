/** Sends the messages of one turn of the event loop as one, at its end: each time the other thread is woken costs more than a message does. */
export class PostBatch<T> {
  readonly #post: (messages: readonly T[]) => void;
  #waiting: T[] = [];

  constructor(post: (messages: readonly T[]) => void) {
    this.#post = post;
  }

  push(message: T): void {
    this.#waiting.push(message);
    if (this.#waiting.length === 1) queueMicrotask(this.#flush);
  }

  readonly #flush = (): void => {
    const messages = this.#waiting;
    this.#waiting = [];
    this.#post(messages);
  };
}
