import type { ClientIdentity, Lease, Path, PeerId } from '@shardvpn/core';

/** A client that has a lease: connected, or about to be. */
export interface ClientRecord {
  readonly shard: number;
  readonly peerId: PeerId;
  readonly identity: ClientIdentity;
  lease: Lease;
  readonly slot: number;
  /** Slots of addresses that it was given later. */
  held: readonly number[];
  /** Where its packets come from now. */
  path: Path;
  /** null until the client has all it needs. */
  connection: Connection | null;
}

export interface Connection {
  readonly cipher: string;
  tls: string;
  readonly keyDerivation: 'tls-ekm' | 'prf';
  /** Unix seconds. */
  readonly since: number;
}

/** Who is here. A peer-id is unique over all shards. */
export class Identities {
  readonly #byPeer = new Map<PeerId, ClientRecord>();
  readonly #byName = new Map<string, Set<ClientRecord>>();

  add(record: ClientRecord): void {
    this.#byPeer.set(record.peerId, record);
    const name = record.identity.commonName;
    const same = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, same.add(record));
  }

  /** Takes a client out; undefined when it is not here. */
  remove(peerId: PeerId): ClientRecord | undefined {
    const record = this.#byPeer.get(peerId);
    if (record === undefined) return undefined;
    this.#byPeer.delete(peerId);
    const same = this.#byName.get(record.identity.commonName);
    same?.delete(record);
    if (same?.size === 0) this.#byName.delete(record.identity.commonName);
    return record;
  }

  get(peerId: PeerId): ClientRecord | undefined {
    return this.#byPeer.get(peerId);
  }

  /** Everybody of that name; nobody for the empty name, which says nothing about who it is. */
  named(name: string): readonly ClientRecord[] {
    return name === '' ? [] : [...(this.#byName.get(name) ?? [])];
  }

  all(): readonly ClientRecord[] {
    return [...this.#byPeer.values()];
  }

  get size(): number {
    return this.#byPeer.size;
  }
}

/** An older self: the same certificates and the same username. Clients without a certificate are never that. [wire 16] */
export const isSameIdentity = (a: ClientIdentity, b: ClientIdentity): boolean => {
  const [chain, other] = [a.certificate?.chainHashes, b.certificate?.chainHashes];
  if (chain === undefined || other === undefined || chain.length !== other.length) return false;
  return a.username === b.username && chain.every((hash, i) => hash === other[i]);
};

/** For the log. */
export const nameOf = ({ commonName }: ClientIdentity): string =>
  commonName === '' ? 'a client without a name' : commonName;

export const addressOf = ({ path: { host, port } }: Pick<ClientIdentity, 'path'>): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
