import type { Millis } from '../ids.js';
import type { Deadline } from './deadline.js';

/** The next deadline of each of many items, as a binary heap in which replaced entries are skipped when they surface. */
export class DeadlineQueue<T> {
  readonly #current = new Map<T, Entry<T>>();
  #heap: Entry<T>[] = [];

  /** Replaces the item's deadline; undefined removes it. */
  set(item: T, next: Deadline | undefined): void {
    const old = this.#current.get(item);
    if (next === undefined) {
      this.#current.delete(item);
      return;
    }
    if (old?.at === next.at) {
      old.reason = next.reason;
      return;
    }
    const entry = { item, at: next.at, reason: next.reason };
    this.#current.set(item, entry);
    this.#insert(entry);
    if (this.#heap.length > 2 * this.#current.size + SLACK) {
      this.#heap = [...this.#current.values()].toSorted((a, b) => a.at - b.at);
    }
  }

  peek(): Deadline | undefined {
    this.#dropReplaced();
    return this.#heap[0];
  }

  /** An item whose deadline has come; its deadline is removed. */
  pollDue(now: Millis): T | undefined {
    this.#dropReplaced();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) {
      return undefined;
    }
    this.#current.delete(first.item);
    return first.item;
  }

  #dropReplaced(): void {
    for (
      let first = this.#heap[0];
      first !== undefined && this.#current.get(first.item) !== first;
      first = this.#heap[0]
    ) {
      this.#removeFirst();
    }
  }

  #insert(entry: Entry<T>): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (atOf(heap[parent]) <= entry.at) {
        break;
      }
      swap(heap, at, parent);
      at = parent;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    swap(heap, 0, heap.length - 1);
    heap.pop();
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = atOf(heap[left + 1]) < atOf(heap[left]) ? left + 1 : left;
      if (atOf(heap[child]) >= atOf(heap[at])) {
        return;
      }
      swap(heap, at, child);
      at = child;
    }
  }
}

const SLACK = 64;

interface Entry<T> {
  readonly item: T;
  readonly at: Millis;
  reason: string;
}

const atOf = (entry: { at: Millis } | undefined): Millis => entry?.at ?? Number.POSITIVE_INFINITY;

const swap = <T>(heap: T[], a: number, b: number): void => {
  const first = heap[a];
  const second = heap[b];
  if (first !== undefined && second !== undefined) {
    heap[a] = second;
    heap[b] = first;
  }
};
