/** TCP: bytes that both sides know, written in pieces of many sizes, and compared by their SHA-256. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { keyStream } from './key-stream.mjs';

const HEAD = 32;
/** With no delay each becomes a superpacket or a segment of its own, with an odd tail. */
const PIECES = [1, 1399, 4096, 100, 65_535, 1400, 13, 70_001, 250_000, 2801, 131_072];

export function serveStreams(port) {
  createServer({ allowHalfOpen: true }, (socket) => answer(socket).catch(() => socket.destroy())).listen(port, '::');
}

/** 'same', or what is wrong. */
export async function sendStream(host, port, bytes) {
  const socket = await open(host, port, `up ${bytes}`);
  const [sent, parts] = await Promise.all([write(socket, bytes), socket.toArray()]);
  return verdict(sent, Buffer.concat(parts).toString());
}

export async function receiveStream(host, port, bytes) {
  const socket = await open(host, port, `down ${bytes}`);
  socket.end();
  const hash = createHash('sha256');
  for await (const chunk of socket) hash.update(chunk);
  const expected = createHash('sha256');
  for (const piece of pieces(bytes)) expected.update(piece);
  return verdict(expected.digest('hex'), hash.digest('hex'));
}

const verdict = (sent, arrived) => (sent === arrived ? 'same' : `sent ${sent}, arrived ${arrived}`);

async function open(host, port, request) {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  socket.write(request.padEnd(HEAD));
  return socket;
}

async function answer(socket) {
  const hash = createHash('sha256');
  let head = Buffer.alloc(0);
  let sending;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    const missing = HEAD - head.length;
    head = Buffer.concat([head, chunk.subarray(0, missing)]);
    hash.update(chunk.subarray(missing));
    if (head.length === HEAD) sending ??= start(socket, head.toString().trim().split(' '));
  }
  if ((await sending) === 'up') socket.end(hash.digest('hex'));
}

async function start(socket, [direction, bytes]) {
  socket.setNoDelay(true);
  if (direction === 'down') await write(socket, Number(bytes));
  return direction;
}

/** The SHA-256 of what was written. */
async function write(socket, bytes) {
  const hash = createHash('sha256');
  for (const piece of pieces(bytes)) {
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

function* pieces(bytes) {
  const stream = keyStream('stream');
  for (let left = bytes, turn = 0; left > 0; turn++) {
    const size = Math.min(left, PIECES[turn % PIECES.length]);
    left -= size;
    yield stream(size);
  }
}
