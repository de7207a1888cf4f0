/** Clients that are remembered. */
const PLACES = 8;
const NOBODY = 0;

/** Bytes of the memory that the workers of a shard share one after the other. */
export const SUSPECTS_BYTES = 4 * (1 + 2 * PLACES);

/**
 * Which client a worker is busy with, and with whom earlier ones were when they died. In memory that outlives a worker,
 * in whatever way it ends: the client, then peer-id and deaths of each suspect, the latest first. Peer-ids count from 1.
 */
export class Suspects {
  readonly #cells: Int32Array;

  /** For the next worker: if the one before has died over a client, that counts. */
  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory);
    const last = this.#cells[0] ?? NOBODY;
    this.#cells[0] = NOBODY;
    if (last !== NOBODY) this.#accuse(last);
  }

  /** null: the worker is busy with nobody. */
  handle(peerId: number | null): void {
    this.#cells[0] = peerId === null ? NOBODY : peerId + 1;
  }

  /** How many workers have died over this client. */
  deaths(peerId: number): number {
    return this.#all().find(([client]) => client === peerId + 1)?.[1] ?? 0;
  }

  /** The client is gone; another one may get its number. */
  forget(peerId: number): void {
    const all = this.#all();
    if (all.some(([client]) => client === peerId + 1)) this.#write(all.filter(([client]) => client !== peerId + 1));
  }

  #accuse(client: number): void {
    const all = this.#all();
    const before = all.find(([one]) => one === client)?.[1] ?? 0;
    this.#write([[client, before + 1], ...all.filter(([one]) => one !== client)]);
  }

  #all(): (readonly [client: number, deaths: number])[] {
    return Array.from(
      { length: PLACES },
      (_, at) => [this.#cells[1 + 2 * at] ?? NOBODY, this.#cells[2 + 2 * at] ?? 0] as const,
    ).filter(([client]) => client !== NOBODY);
  }

  #write(suspects: readonly (readonly [client: number, deaths: number])[]): void {
    this.#cells.fill(NOBODY, 1);
    this.#cells.set(suspects.slice(0, PLACES).flat(), 1);
  }
}
