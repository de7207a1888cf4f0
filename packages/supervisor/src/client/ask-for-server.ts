import type { AuthRefusal, PendingPrompt } from '@shardvpn/core';
import { toBase64 } from '../auth/password.js';
import type { Log } from '../log.js';
import type { UserInput } from './user-input.js';

/** Shows what the server asks its user to do; the answer in base64, null where none is wanted or to be had. */
export const showPrompt = async (prompt: PendingPrompt, input: UserInput, log: Log): Promise<string | null> => {
  if (prompt.type !== 'text') {
    log.warn(`the server wants you to open ${prompt.url}`);
    return null;
  }
  log.warn(`the server says: ${prompt.text}`);
  if (!prompt.response) return null;
  const answer = await input.ask(prompt.text, prompt.echo);
  if (answer === null) log.warn('the server waits for an answer, and standard input has none');
  return answer === null ? null : toBase64(answer);
};

/** The password of the next connection, which answers a challenge; null where there is no answer. [wire 15] */
export const answerChallenge = async (
  { stateId, text, echo, response }: Extract<AuthRefusal, { type: 'challenge' }>,
  input: UserInput,
): Promise<string | null> => {
  const answer = response ? await input.ask(text, echo) : '';
  return answer === null ? null : `CRV1::${stateId}::${answer}`;
};
