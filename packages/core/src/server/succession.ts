import type { Millis } from '../ids.js';
import { sameForPush } from '../negotiate/features.js';
import type { KeyScheduleState } from '../session/data-key-schedule.js';
import type { Session } from '../session/session.js';
import { sameIdentity } from './identity-lock.js';
import type { ServerPhase } from './server-phase.js';
import type { Stage, StageOf } from './stage.js';

/** What a session leaves to the one that takes its place. */
export interface Succession {
  readonly stage: StageOf<'connected'>;
  readonly keys: KeyScheduleState;
}

/**
 * A client whose renegotiation has come to nothing begins anew from the same address, in the middle of its tunnel: it keeps the
 * addresses, the peer-id and the cipher that it has, whatever it is told. So the new session goes on with the peer of the old one. null where that one is connected beyond doubt, or belongs to somebody else: then it is replaced. [wire 7, 17]
 */
export const successionOf = (
  now: Millis,
  { control, stage }: { readonly control: Session<ServerPhase>; readonly stage: Stage },
  newer: Stage,
): Succession | null => {
  const { keySchedule: keys } = control;
  if (newer.type !== 'await-push-request' || stage.type !== 'connected' || keys === null) return null;
  if (!isInDoubt(now, control, keys)) return null;
  const { client } = newer;
  const { lock, choice } = stage.client;
  const { suite } = client.choice;
  const isSame =
    sameIdentity(lock, client.lock) &&
    choice.suite.format === suite.format &&
    choice.suite.cipher === suite.cipher &&
    choice.suite.auth === suite.auth &&
    sameForPush(choice.features, client.choice.features);
  return isSame ? { stage, keys } : null;
};

/** A renegotiation has begun and has not succeeded, or nobody knows whether the client has the newest key. */
const isInDoubt = (now: Millis, { current, times }: Session<ServerPhase>, keys: KeyScheduleState): boolean =>
  keys.expireAt !== null || keys.useAt !== null || (current.channel.isLost && now < keys.settledAt + times.handWindow);
