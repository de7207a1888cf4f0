import { type Path, type PeerId, pathKey } from '../ids.js';
import type { SessionId } from '../wire/session-id.js';
import type { ServerSession } from './server-session.js';

/** Sessions by address and client session id, and the connected ones by peer-id. [wire 2, 16] */
export class SessionTable {
  readonly #byPath = new Map<string, Map<SessionId, ServerSession>>();
  readonly #byPeerId = new Map<PeerId, ServerSession>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(path: Path, clientId: SessionId): ServerSession | undefined {
    return this.#byPath.get(pathKey(path))?.get(clientId);
  }

  /** All sessions of an address: usually one, two while a client starts anew. */
  atPath(path: Path): readonly ServerSession[] {
    return [...(this.#byPath.get(pathKey(path))?.values() ?? [])];
  }

  byPeerId(peerId: PeerId): ServerSession | undefined {
    return this.#byPeerId.get(peerId);
  }

  /** In the order of arrival at their address. */
  all(): readonly ServerSession[] {
    return [...this.#byPath.values()].flatMap((sessions) => [...sessions.values()]);
  }

  /** Takes the place of a session with the same id at the same address, which only waits for its last acks. */
  add(session: ServerSession): void {
    const key = pathKey(session.path);
    const sessions = this.#byPath.get(key) ?? new Map<SessionId, ServerSession>();
    if (!sessions.has(session.clientId)) {
      this.#size++;
    }
    sessions.set(session.clientId, session);
    this.#byPath.set(key, sessions);
  }

  remove(session: ServerSession): void {
    const key = pathKey(session.path);
    const sessions = this.#byPath.get(key);
    if (sessions?.get(session.clientId) !== session) {
      return;
    }
    sessions.delete(session.clientId);
    if (sessions.size === 0) {
      this.#byPath.delete(key);
    }
    this.#size--;
  }

  setPeerId(peerId: PeerId, session: ServerSession): void {
    this.#byPeerId.set(peerId, session);
  }

  clearPeerId(peerId: PeerId): void {
    this.#byPeerId.delete(peerId);
  }
}
