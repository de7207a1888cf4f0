import type { AuthRefusal } from '../server/auth-decision.js';

/** What a server means by the text behind `AUTH_FAILED,`. [wire 15] */
export const parseAuthFailed = (text: string): AuthRefusal => {
  const temporary = /^TEMP(?:\[([^\]]*)\])?:?\s*(.*)$/s.exec(text);
  if (temporary !== null) {
    return { type: 'temporary', reason: temporary[2] ?? '', ...temporaryFlags(temporary[1] ?? '') };
  }
  const session = /^SESSION:\s*(.*)$/s.exec(text);
  if (session !== null) {
    return { type: 'expired', reason: session[1] ?? '' };
  }
  const challenge = /^CRV1:([^:]*):([^:]*):([^:]*):(.*)$/s.exec(text);
  if (challenge !== null) {
    const [, flags = '', stateId = '', user = '', question = ''] = challenge;
    return { type: 'challenge', stateId, user, text: question, ...parseChallengeFlags(flags) };
  }
  return { type: 'refuse', reason: text };
};

/** `R`: an answer is wanted; `E`: the user may see what is typed. */
export const parseChallengeFlags = (flags: string): { echo: boolean; response: boolean } => {
  const words = flags.split(',');
  return { echo: words.includes('E'), response: words.includes('R') };
};

const temporaryFlags = (text: string): Pick<Extract<AuthRefusal, { type: 'temporary' }>, 'backoff' | 'advance'> => {
  const backoff = /(?:^|,)\s*backoff (\d{1,9})/.exec(text)?.[1];
  const advance = /(?:^|,)\s*advance (no|addr|remote)/.exec(text)?.[1];
  return {
    backoff: backoff === undefined ? null : Number(backoff),
    advance: advance === 'no' || advance === 'addr' || advance === 'remote' ? advance : null,
  };
};
