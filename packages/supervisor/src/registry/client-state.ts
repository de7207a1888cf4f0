import { asPeerId } from '@shardvpn/core';
import type { ClientRecord } from './identities.js';
import type { ClientState } from './registry-state.js';

/** A connected client as JSON carries it; null for one that is about to connect. */
export const encodeClient = (record: ClientRecord): ClientState | null => {
  const { shard, peerId, slot, held, path, identity, lease, connection } = record;
  if (connection === null) return null;
  const { commonName, username, certificate, peerInfo } = identity;
  return {
    shard,
    peerId,
    slot,
    path,
    identity: {
      commonName,
      username,
      certificate: certificate === null ? null : { ...certificate, chainHashes: [...certificate.chainHashes] },
      path: identity.path,
      peerInfo: [...peerInfo],
    },
    lease: { ...lease, push: [...lease.push] },
    connection,
    ...(held.length > 0 && { held: [...held] }),
  };
};

export const decodeClient = ({ peerId, identity, held = [], ...rest }: ClientState): ClientRecord => ({
  ...rest,
  held,
  peerId: asPeerId(peerId),
  identity: { ...identity, peerInfo: new Map(identity.peerInfo) },
});
