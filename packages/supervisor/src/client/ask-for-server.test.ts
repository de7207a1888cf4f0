import { describe, expect, test } from '@jest/globals';
import type { Log } from '../log.js';
import { answerChallenge, showPrompt } from './ask-for-server.js';
import type { UserInput } from './user-input.js';

const newLab = (answer: string | null) => {
  const [asked, lines]: [[string, boolean][], string[]] = [[], []];
  const ask = async (question: string, echo: boolean) => {
    asked.push([question, echo]);
    return answer;
  };
  const log: Log = { error: () => {}, warn: (line) => void lines.push(line), info: () => {}, debug: () => {} };
  return { input: { ask } as unknown as UserInput, asked, lines, log };
};

describe('what a server asks', () => {
  test('pages are shown, nobody is asked', async () => {
    const { input, log, lines, asked } = newLab('x');
    expect(await showPrompt({ type: 'open-url', url: 'https://example.com' }, input, log)).toBeNull();
    expect(await showPrompt({ type: 'web-auth', url: 'https://example.org', flags: [] }, input, log)).toBeNull();
    expect(lines.join()).toMatch(/https:\/\/example\.com.*https:\/\/example\.org/);
    expect(asked).toEqual([]);
  });

  test('a text is shown, and answered when an answer is wanted and there is one', async () => {
    const prompt = { type: 'text', text: 'PIN?', echo: false, response: true } as const;
    const { input, log, asked } = newLab('grün');
    expect(await showPrompt(prompt, input, log)).toBe(Buffer.from('grün').toString('base64'));
    expect(asked).toEqual([['PIN?', false]]);
    expect(await showPrompt({ ...prompt, response: false }, input, log)).toBeNull();
    expect(asked).toHaveLength(1);
    const silent = newLab(null);
    expect(await showPrompt(prompt, silent.input, silent.log)).toBeNull();
    expect(silent.lines.join()).toContain('standard input has none');
  });

  test('the answer to a challenge is the next password', async () => {
    const challenge = { type: 'challenge', stateId: 's7', user: '', text: 'PIN?', echo: true, response: true } as const;
    expect(await answerChallenge(challenge, newLab('1:2').input)).toBe('CRV1::s7::1:2');
    expect(await answerChallenge(challenge, newLab(null).input)).toBeNull();
    const { input, asked } = newLab('x');
    expect(await answerChallenge({ ...challenge, response: false }, input)).toBe('CRV1::s7::');
    expect(asked).toEqual([]);
  });
});
