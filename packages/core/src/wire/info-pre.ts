import type { PendingPrompt } from '../server/auth-decision.js';
import { parseChallengeFlags } from './auth-failed.js';

/** What a server asks the user of a waiting client to do; null for a form that is not known. [wire 15] */
export const parseInfoPre = (text: string): PendingPrompt | null => {
  const [, form, rest = ''] = /^([A-Z_]+):(.*)$/s.exec(text) ?? [];
  const [, flags = '', body = ''] = /^([^:]*):(.*)$/s.exec(rest) ?? [];
  switch (form) {
    case 'OPEN_URL':
      return rest === '' ? null : { type: 'open-url', url: rest };
    case 'WEB_AUTH':
      return body === ''
        ? null
        : { type: 'web-auth', url: body, flags: flags.split(',').filter((flag) => flag !== '') };
    case 'CR_TEXT':
      return { type: 'text', text: body, ...parseChallengeFlags(flags) };
    default:
      return null;
  }
};
