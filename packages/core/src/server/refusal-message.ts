import type { ClientFeatures } from '../negotiate/features.js';
import type { AuthRefusal } from './auth-decision.js';
import { withText } from './farewell.js';

/** The AUTH_FAILED of a refusal, in a form that the client knows: older ones take everything else for a reason. [wire 15] */
export const refusalMessage = (refusal: AuthRefusal, features: ClientFeatures | null): string => {
  switch (refusal.type) {
    case 'refuse':
      return withText('AUTH_FAILED', refusal.reason);
    case 'expired':
      return withText('AUTH_FAILED', `SESSION: ${refusal.reason}`);
    case 'temporary':
      return withText(
        'AUTH_FAILED',
        features?.temporaryAuthFailure ? `TEMP${temporaryFlags(refusal)}: ${refusal.reason}` : refusal.reason,
      );
    case 'challenge':
      return withText(
        'AUTH_FAILED',
        `CRV1:${challengeFlags(refusal)}:${refusal.stateId}:${refusal.user}:${refusal.text}`,
      );
  }
};

/** The words behind the flags of CRV1 and CR_TEXT. [wire 15] */
export const challengeFlags = ({ echo, response }: { readonly echo: boolean; readonly response: boolean }): string =>
  [response ? 'R' : null, echo ? 'E' : null].filter((flag) => flag !== null).join(',');

const temporaryFlags = ({ backoff, advance }: Extract<AuthRefusal, { type: 'temporary' }>): string => {
  const flags = [
    backoff == null ? null : `backoff ${Math.max(0, Math.floor(backoff))}`,
    advance == null ? null : `advance ${advance}`,
  ].filter((flag) => flag !== null);
  return flags.length === 0 ? '' : `[${flags.join(',')}]`;
};
