/** The far end of TCP streams whose bytes both sides know. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const HEAD = 32;

/**
 * Takes connections. The first bytes of each say what it wants: `up BYTES`, and it gets the SHA-256 of what it has sent, or
 * `down BYTES`, and `send` writes them to its socket.
 */
export function serveStreams(port, send) {
  createServer({ allowHalfOpen: true }, (socket) => answer(socket, send).catch(() => socket.destroy())).listen(
    port,
    '::',
  );
}

/** A connection to it. */
export async function openStream(host, port, direction, bytes) {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  socket.write(`${direction} ${bytes}`.padEnd(HEAD));
  return socket;
}

async function answer(socket, send) {
  const hash = createHash('sha256');
  let head = Buffer.alloc(0);
  let sending;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    const missing = HEAD - head.length;
    head = Buffer.concat([head, chunk.subarray(0, missing)]);
    hash.update(chunk.subarray(missing));
    if (head.length === HEAD) sending ??= start(socket, send, head.toString().trim().split(' '));
  }
  if ((await sending) === 'up') socket.end(hash.digest('hex'));
}

async function start(socket, send, [direction, bytes]) {
  socket.setNoDelay(true);
  if (direction === 'down') await send(socket, Number(bytes));
  return direction;
}
