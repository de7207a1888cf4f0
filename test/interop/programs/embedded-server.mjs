/** A program that embeds a server and decides about its users by their names. Usage: embedded-server.mjs CONFIG */
import { createServer } from '../../../packages/supervisor/dist/index.js';

const seen = new Set();
const PIN = '2718';

/** The first time `first`, then `then`. */
const firstTime = (username, first, then) => {
  const isFirst = !seen.has(username);
  seen.add(username);
  return isFirst ? first : then;
};

const RULES = {
  refused: () => ({ type: 'refuse', reason: 'no subscription' }),
  later: () => firstTime('later', { type: 'temporary', reason: 'busy', backoff: 3, advance: 'no' }, { type: 'accept' }),
  waiting: () => ({
    type: 'pending',
    timeout: 90,
    decision: new Promise((resolve) =>
      setTimeout(resolve, 2000, { type: 'accept', push: ['route 10.44.0.0 255.255.0.0'] }),
    ),
  }),
  challenged: ({ password }) =>
    password.type === 'dynamic-challenge' && password.stateId === 'state7' && password.response === PIN
      ? { type: 'accept' }
      : { type: 'challenge', stateId: 'state7', text: 'What is the PIN?', echo: true },
  prompted: ({ password }) =>
    password.type === 'static-challenge' && password.password === 'secret' && password.response === PIN
      ? { type: 'accept' }
      : { type: 'refuse', reason: 'wrong PIN' },
  questioned: () => ({
    type: 'pending',
    timeout: 60,
    prompt: { type: 'text', text: 'What is the PIN?', response: true },
    onResponse: (response) => (response === PIN ? { type: 'accept' } : { type: 'refuse', reason: 'wrong PIN' }),
  }),
};

const server = await createServer({
  file: process.argv[2],
  authenticate: (request) => {
    console.log(`asked about ${request.username} with ${request.password.type}, ${request.renegotiation}`);
    const rule = RULES[request.username];
    return rule === undefined ? { type: 'accept' } : rule(request);
  },
});
console.log('embedded server is ready');
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
