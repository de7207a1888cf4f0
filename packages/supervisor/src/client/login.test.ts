import { expect, test } from '@jest/globals';
import { parsePassword } from '../auth/password.js';
import { Login, type LoginPolicy, writtenCredentials } from './login.js';

/** Someone at the terminal, and what was asked. */
const terminal = (...answers: string[]) => {
  const asked: [string, boolean][] = [];
  const ask = (question: string, echo: boolean): Promise<string | null> => {
    asked.push([question, echo]);
    return Promise.resolve(answers.shift() ?? null);
  };
  return { asked, ask };
};

const NOTHING: LoginPolicy = { username: null, password: null, challenge: null };
const PIN = { text: 'Your PIN', echo: true, concat: false };

test('what the profile says is not asked for', async () => {
  const input = terminal();
  const login = new Login({ ...NOTHING, username: 'anna', password: 'secret' }, input);
  expect(await login.take()).toEqual({ username: 'anna', password: 'secret' });
  expect(input.asked).toEqual([]);
});

test('credentials are there without a question only where the profile has all of them', () => {
  const written = { ...NOTHING, username: 'anna', password: 'secret' };
  expect(writtenCredentials(written)).toEqual({ username: 'anna', password: 'secret' });
  for (const login of [null, NOTHING, { ...written, password: null }, { ...written, challenge: PIN }]) {
    expect(writtenCredentials(login)).toBeNull();
  }
});

test('name and password are asked for once, and the password is not shown', async () => {
  const input = terminal('anna', 'secret');
  const login = new Login(NOTHING, input);
  for (let connection = 0; connection < 2; connection++) {
    expect(await login.take()).toEqual({ username: 'anna', password: 'secret' });
    login.noteUsed();
  }
  expect(input.asked).toEqual([
    ['User name', true],
    ['Password', false],
  ]);
});

test('the answer to a static challenge goes along, and serves one login', async () => {
  const input = terminal('secret', '1111', '2222');
  const login = new Login({ ...NOTHING, username: 'anna', challenge: PIN }, input);
  const taken = async () => parsePassword((await login.take())?.password ?? null);
  const first = { type: 'static-challenge', password: 'secret', response: '1111' };
  expect(await taken()).toEqual(first);
  // No server has seen it.
  expect(await taken()).toEqual(first);
  login.noteUsed();
  expect(await taken()).toEqual({ ...first, response: '2222' });
  expect(input.asked.slice(1)).toEqual([
    ['Your PIN', true],
    ['Your PIN', true],
  ]);
});

test('an answer to the server takes the place of all that once', async () => {
  const input = terminal('4');
  const login = new Login({ username: 'anna', password: 'secret', challenge: PIN }, input);
  expect(await login.take('CRV1::state::42')).toEqual({ username: 'anna', password: 'CRV1::state::42' });
  expect(input.asked).toEqual([]);
});

test('concat puts the answer behind the password', async () => {
  const challenge = { ...PIN, concat: true };
  const login = new Login({ username: 'anna', password: 'secret', challenge }, terminal('42'));
  expect(await login.take()).toEqual({ username: 'anna', password: 'secret42' });
});

test.each([[[]], [['anna']], [['anna', 'secret']]])('%j and no more is no login', async (answers) => {
  const login = new Login({ ...NOTHING, challenge: PIN }, terminal(...answers));
  expect(await login.take()).toBeNull();
});
