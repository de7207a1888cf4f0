/** TCP: bytes that both sides know, written in pieces of many sizes, and compared by their SHA-256. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { keyStream } from './key-stream.mjs';
import { openStream, serveStreams } from './serve-streams.mjs';

/** With no delay each becomes a superpacket or a segment of its own, with an odd tail. */
const PIECES = [1, 1399, 4096, 100, 65_535, 1400, 13, 70_001, 250_000, 2801, 131_072];

export const servePieces = (port) => serveStreams(port, write);

/** 'same', or what is wrong. */
export async function sendStream(host, port, bytes) {
  const socket = await openStream(host, port, 'up', bytes);
  const [sent, parts] = await Promise.all([write(socket, bytes), socket.toArray()]);
  return verdict(sent, Buffer.concat(parts).toString());
}

export async function receiveStream(host, port, bytes) {
  const socket = await openStream(host, port, 'down', bytes);
  socket.end();
  const hash = createHash('sha256');
  for await (const chunk of socket) hash.update(chunk);
  const expected = createHash('sha256');
  for (const piece of pieces(bytes)) expected.update(piece);
  return verdict(expected.digest('hex'), hash.digest('hex'));
}

const verdict = (sent, arrived) => (sent === arrived ? 'same' : `sent ${sent}, arrived ${arrived}`);

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
