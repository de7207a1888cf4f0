import type { Path } from '@shardvpn/core';
import { decodeInet, encodeInet, type Family } from './inet-address.js';

/** Bytes of an address in a control record. */
export const PATH_LENGTH = 24;

/** Slots of the decode cache: the clients that talk at the same time, handshakes above all. */
const SLOTS = 512;

/** Little-endian, `u16 listener | u8 family | u8 0 | u16 port | u16 0 | ip[16]`. */
export function encodePath(path: Path, bytes: Uint8Array, at: number): void {
  bytes[at] = path.listener;
  bytes[at + 1] = path.listener >>> 8;
  bytes[at + 3] = 0;
  bytes[at + 4] = path.port;
  bytes[at + 5] = path.port >>> 8;
  bytes[at + 6] = 0;
  bytes[at + 7] = 0;
  bytes[at + 2] = encodeInet(path.host, bytes, at + 8);
}

/**
 * Decodes addresses; the same address gives the same object as long as it stays in a small cache, because a client's packets come in runs.
 */
export class PathDecoder {
  readonly #keys = new Uint8Array(SLOTS * PATH_LENGTH);
  readonly #paths: (Path | undefined)[] = Array<undefined>(SLOTS).fill(undefined);

  /** undefined for bytes that are no address. */
  decode(bytes: Uint8Array): Path | undefined {
    if (bytes.length < PATH_LENGTH) return undefined;
    const slot = slotOf(bytes);
    const cached = this.#paths[slot];
    if (cached !== undefined && this.#matches(slot, bytes)) return cached;
    const family = bytes[2];
    if (family !== 4 && family !== 6) return undefined;
    const path = decodePath(family, bytes);
    this.#keys.set(bytes.subarray(0, PATH_LENGTH), slot * PATH_LENGTH);
    this.#paths[slot] = path;
    return path;
  }

  #matches(slot: number, bytes: Uint8Array): boolean {
    const base = slot * PATH_LENGTH;
    for (let i = 0; i < PATH_LENGTH; i++) if (this.#keys[base + i] !== bytes[i]) return false;
    return true;
  }
}

function decodePath(family: Family, bytes: Uint8Array): Path {
  return {
    listener: (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8),
    host: decodeInet(family, bytes, 8),
    port: (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8),
  };
}

/** FNV-1a. */
function slotOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < PATH_LENGTH; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
