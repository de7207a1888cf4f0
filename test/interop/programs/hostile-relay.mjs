/**
 * hostile-relay.mjs PORT HOST REMOTE_PORT SOURCE SETTINGS: a man in the middle between a client on 127.0.0.1:PORT and the server, who
 * sends on from SOURCE. SETTINGS is JSON: `seed`, and how likely each of `drop`, `duplicate`, `delay`, `corrupt` and `replay` is for a
 * datagram; `most` milliseconds of delay, which reorders; `control`: data packets pass as they are; `lag`: milliseconds for which
 * everything else of the client is on its way; `capture`: a file for everything that has passed to the server, each datagram behind
 * its length, written at SIGUSR1; `mute`: a key id: once TLS has been answered there, nothing of the client's but data packets arrives
 * until SIGUSR2.
 */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';

const [port, host, remotePort, source, words] = process.argv.slice(2);
const settings = {
  seed: 1,
  drop: 0,
  duplicate: 0,
  delay: 0,
  corrupt: 0,
  replay: 0,
  most: 200,
  lag: 0,
  mute: -1,
  ...JSON.parse(words),
};
let state = settings.seed;
let client;
let isMuted = false;
let wasMuted = false;
const passed = [];
const counts = { passed: 0, drop: 0, duplicate: 0, delay: 0, corrupt: 0, replay: 0 };
const inside = createSocket('udp4');
const outside = createSocket('udp4');
inside.on('message', (message, from) => {
  client = from;
  if (passed.length < 20_000) passed.push(message);
  const send = (bytes) => (isMuted && !isData(bytes) ? undefined : outside.send(bytes, Number(remotePort), host));
  if (settings.lag > 0 && !isData(message)) setTimeout(() => meddle(message, send, passed), settings.lag);
  else meddle(message, send, passed);
});
const answers = [];
outside.on('message', (message) => {
  if (answers.length < 1000) answers.push(message);
  if (message[0] === ((4 << 3) | settings.mute) && !wasMuted) {
    isMuted = wasMuted = true;
    console.log('relay muted');
  }
  meddle(message, (bytes) => client && inside.send(bytes, client.port, client.address), answers);
});
inside.bind(Number(port), '127.0.0.1');
outside.bind(0, source, () => console.log(`relay from ${outside.address().address}:${outside.address().port}`));
process.on('SIGUSR1', capture);
process.on('SIGUSR2', () => {
  isMuted = false;
});
process.on('SIGTERM', () => {
  console.log(`relay ${JSON.stringify(counts)}`);
  process.exit(0);
});

function meddle(message, send, earlier) {
  counts.passed++;
  if (settings.control && isData(message)) return send(message);
  if (happens('drop')) return;
  const bytes = Buffer.from(message);
  if (bytes.length > 0 && happens('corrupt')) bytes[below(bytes.length)] ^= 1 + below(255);
  if (happens('duplicate')) later(() => send(bytes));
  if (happens('replay')) later(() => send(earlier[below(earlier.length)]));
  if (happens('delay')) later(() => send(bytes));
  else send(bytes);
}

function isData(message) {
  return [6, 9].includes(message[0] >> 3);
}

function later(work) {
  setTimeout(work, 1 + below(settings.most));
}

function happens(what) {
  const does = below(1e6) < settings[what] * 1e6;
  if (does) counts[what]++;
  return does;
}

/** mulberry32 */
function below(limit) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % limit;
}

function capture() {
  const parts = passed.flatMap((bytes) => [Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  writeFileSync(settings.capture, Buffer.concat(parts));
  console.log(`relay captured ${passed.length}`);
}
