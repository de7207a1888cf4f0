/**
 * echo-stream.mjs serve PORT  sends back what comes
 * echo-stream.mjs HOST PORT   sends a piece every few milliseconds until SIGTERM, and compares what comes back by its
 *                             SHA-256; prints {"bytes", "same", "longestGapMs"}
 */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const PIECE = 8192;
const EVERY_MS = 4;
const [host, port] = process.argv.slice(2);
if (host === 'serve') {
  createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket)).listen(
    Number(port),
    '::',
  );
} else {
  console.log(JSON.stringify(await stream()));
}

async function stream() {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  let bytes = 0;
  const timer = setInterval(() => {
    const piece = cipher.update(Buffer.alloc(PIECE));
    bytes += PIECE;
    sent.update(piece);
    socket.write(piece);
  }, EVERY_MS);
  process.once('SIGTERM', () => {
    clearInterval(timer);
    socket.end();
  });
  let [last, longestGapMs] = [performance.now(), 0];
  for await (const part of socket) {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, Math.round(now - last));
    last = now;
    received.update(part);
  }
  return { bytes, same: sent.digest('hex') === received.digest('hex'), longestGapMs };
}
