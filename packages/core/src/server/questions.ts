import type { PeerId } from '../ids.js';
import type { ServerSession } from './server-session.js';

/** A question to the world that waits for its answer. */
export interface Question {
  readonly session: ServerSession;
  /** Of a question for a lease: taken until the answer is there, whatever becomes of the session. */
  readonly peerId: PeerId | null;
}

/** Numbers of `authenticate` and `lease` events, each answered once. */
export class Questions {
  readonly #open = new Map<number, Question>();
  #last = 0;

  ask(session: ServerSession, peerId: PeerId | null): number {
    this.#last++;
    this.#open.set(this.#last, { session, peerId });
    return this.#last;
  }

  /** The question, once. */
  take(request: number): Question | undefined {
    const question = this.#open.get(request);
    this.#open.delete(request);
    return question;
  }

  /** The question, which stays open. */
  find(request: number): Question | undefined {
    return this.#open.get(request);
  }

  /**
   * Drops what nobody needs an answer to, and returns the numbers. A lease has to be given back when it comes, so its
   * question stays.
   */
  forget(session: ServerSession): readonly number[] {
    const forgotten = [...this.#open].filter(
      ([, question]) => question.session === session && question.peerId === null,
    );
    for (const [request] of forgotten) {
      this.#open.delete(request);
    }
    return forgotten.map(([request]) => request);
  }
}
