import { type DataLimits, NO_LIMITS } from './data-limits.js';
import type { DataCommand } from './data-plane.js';
import type { PeerId } from './ids.js';
import type { ReplayTolerance } from './wrap/replay-window.js';

/** What follows `add-peer`, before the first key; nothing where nothing is limited. */
export const limitPeer = (
  peerId: PeerId,
  limits: DataLimits = NO_LIMITS,
  replayWindow: ReplayTolerance | undefined,
): readonly DataCommand[] => {
  const { renegBytes, renegPackets, inactive } = limits;
  const isLimited = renegBytes > 0 || renegPackets > 0 || inactive.seconds > 0 || replayWindow !== undefined;
  return isLimited ? [{ type: 'limit-peer', peerId, ...limits, replayWindow: replayWindow ?? null }] : [];
};
