import type { Millis } from '../ids.js';

/** When something has to be done although nothing arrives, and what: a wake-up can be explained. */
export interface Deadline {
  readonly at: Millis;
  readonly reason: string;
}

export const earliest = (deadlines: readonly (Deadline | undefined)[]): Deadline | undefined => {
  let first: Deadline | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (first === undefined || deadline.at < first.at)) {
      first = deadline;
    }
  }
  return first;
};

/** undefined for a time that is not set. */
export const deadline = (at: Millis | null | undefined, reason: string): Deadline | undefined =>
  at === null || at === undefined ? undefined : { at, reason };
