/**
 * transfer.mjs serve PORT          takes connections; each says what it wants in its first line
 * transfer.mjs HOST PORT up BYTES  sends BYTES pseudo-random bytes; both ends must agree on their SHA-256
 * transfer.mjs HOST PORT down BYTES
 * The bytes are the AES-CTR key stream of a zero key, so that both sides know them.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';

const [first, second, direction, size] = process.argv.slice(2);
if (first === 'serve') serve(Number(second));
else await request(first, Number(second), direction, Number(size));

function serve(port) {
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', async (head) => {
      const end = head.indexOf(10);
      const [wanted, bytes] = head.subarray(0, end).toString().split(' ');
      if (wanted === 'down') return pipeline(keyStream(Number(bytes)), socket).catch(() => {});
      socket.unshift(head.subarray(end + 1));
      socket.end(`${await digestOf(socket)}\n`);
    });
  }).listen(port, '::');
}

async function request(host, port, wanted, bytes) {
  const socket = connect({ host, port, allowHalfOpen: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.write(`${wanted} ${bytes}\n`);
  const expected = await digestOf(keyStream(bytes));
  const begin = process.hrtime.bigint();
  const answer = wanted === 'down' ? await digestOf(socket) : await upload(socket, bytes);
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  socket.destroy();
  console.log(JSON.stringify({ matches: answer === expected, seconds, gbit: (bytes * 8) / seconds / 1e9 }));
}

async function upload(socket, bytes) {
  const answer = new Promise((resolve) => socket.once('data', (line) => resolve(line.toString().trim())));
  await pipeline(keyStream(bytes), socket, { end: true });
  return answer;
}

async function digestOf(stream) {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

async function* keyStream(bytes) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(1 << 18);
  for (let left = bytes; left > 0; left -= zeros.length)
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
}
