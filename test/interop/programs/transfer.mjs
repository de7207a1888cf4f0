/**
 * transfer.mjs serve PORT          takes connections; each says what it wants in its first 32 bytes
 * transfer.mjs HOST PORT up BYTES  sends BYTES pseudo-random bytes; both ends must agree on their SHA-256
 * transfer.mjs HOST PORT down BYTES
 * The bytes are the AES-CTR key stream of a zero key, so that both sides know them.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { openStream, serveStreams } from './serve-streams.mjs';

const [first, second, direction, size] = process.argv.slice(2);
if (first === 'serve') serveStreams(Number(second), send);
else await request(first, Number(second), direction, Number(size));

async function request(host, port, wanted, bytes) {
  const socket = await openStream(host, port, wanted, bytes);
  const expected = await digestOf(keyStream(bytes));
  const begin = process.hrtime.bigint();
  const got =
    wanted === 'down'
      ? await Promise.all([digestOf(socket), socket.end()]).then(([hex]) => hex)
      : await upload(socket, bytes);
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  console.log(JSON.stringify({ matches: got === expected, seconds, gbit: (bytes * 8) / seconds / 1e9 }));
}

async function upload(socket, bytes) {
  await send(socket, bytes);
  const parts = [];
  for await (const part of socket) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function send(socket, bytes) {
  for await (const chunk of keyStream(bytes)) if (!socket.write(chunk)) await once(socket, 'drain');
  socket.end();
}

async function digestOf(stream) {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

async function* keyStream(bytes) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(1 << 18);
  for (let left = bytes; left > 0; left -= zeros.length) {
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
  }
}
