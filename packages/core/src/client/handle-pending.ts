import type { Millis } from '../ids.js';
import type { ControlMessage } from '../wire/control-message.js';
import { parseInfoPre } from '../wire/info-pre.js';
import type { ClientEvent } from './client-event.js';
import type { ClientOptions } from './client-options.js';

/** How long to wait on for a server that has not decided; `timeout` in seconds as it says, null where it does not. [wire 15] */
export const pendingWait = ({ handWindow, renegSec }: ClientOptions, timeout: number | null): Millis => {
  const longest = Math.max(handWindow, (renegSec === 0 ? USUAL_RENEG_SEC : renegSec) / 2);
  return 1000 * Math.min(timeout ?? handWindow, longest);
};

/** What INFO and INFO_PRE say to the user. */
export const infoEvent = ({ type, text }: Extract<ControlMessage, { type: 'info' | 'info-pre' }>): ClientEvent => {
  const prompt = type === 'info' ? null : parseInfoPre(text);
  return prompt === null ? { type: 'info', text } : { type: 'auth-prompt', prompt };
};

const USUAL_RENEG_SEC = 3600;
