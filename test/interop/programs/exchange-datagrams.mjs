/**
 * UDP: bursts of datagrams and superpackets that both sides know, compared by the SHA-256 of each datagram. A TCP
 * connection says which burst is on its way; the next one waits until it has arrived, so that no buffer overflows.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { keyStream } from './key-stream.mjs';

/** How often a burst is sent that does not arrive. */
const TRIES = 10;

export function serveDatagrams(port, sender) {
  createServer((socket) => answer(socket, sender).catch(() => socket.destroy())).listen(port, '::');
}

/** `patience`: milliseconds that a burst may take to arrive. Of each direction, how many datagrams never arrived, arrived without having been sent, and how many bursts came late. */
export async function exchangeDatagrams(host, port, sender, mtu, patience) {
  const control = connect({ host, port });
  const lines = createInterface({ input: control })[Symbol.asyncIterator]();
  const inbox = await Inbox.open(patience);
  const ask = async (message) => {
    control.write(`${JSON.stringify(message)}\n`);
    return JSON.parse((await lines.next()).value);
  };
  const peer = await ask({ port: inbox.port, host, mtu, patience });
  const outbox = new Outbox(sender, host, peer.port);
  for (let index = 0; index < burstsOf(host, mtu).length; index++) {
    await repeat(async () => {
      outbox.send(recordsOf('up', host, mtu, index));
      return (await ask({ arrived: index })).whole;
    });
    await repeat(async () => {
      await ask({ send: index });
      return inbox.arrived(recordsOf('down', host, mtu, index));
    });
  }
  const { up } = await ask({});
  outbox.close();
  control.destroy();
  return { up, down: inbox.result };
}

async function repeat(attempt) {
  for (let left = TRIES; left > 0; left--) if (await attempt()) return;
}

async function answer(socket, sender) {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const { port, host, mtu, patience } = JSON.parse((await lines.next()).value);
  const inbox = await Inbox.open(patience);
  const outbox = new Outbox(sender, socket.remoteAddress.replace(/^::ffff:/, ''), port);
  let reply = { port: inbox.port };
  for (;;) {
    socket.write(`${JSON.stringify(reply)}\n`);
    const { value, done } = await lines.next();
    if (done) break;
    const { arrived, send } = JSON.parse(value);
    const whole = arrived !== undefined && (await inbox.arrived(recordsOf('up', host, mtu, arrived)));
    if (send !== undefined) outbox.send(recordsOf('down', host, mtu, send));
    reply = { whole, up: inbox.result };
  }
  inbox.socket.close();
  outbox.close();
}

/** Bursts of [payload bytes, segment size]; few enough datagrams in each for a default socket buffer. */
function burstsOf(host, mtu) {
  const full = mtu - (host.includes(':') ? 48 : 28);
  const many = Math.min(40, Math.floor(60_000 / full));
  return [
    [8, 9, 63, 64, 65, 511, 1200, full - 1, full].map((size) => [size, 0]),
    [[many * full + 17, full]],
    [
      [64 * 100, 100],
      [200, 0],
      [20 * 1000 + 999, 1000],
    ],
    [
      [60 * 333 + 332, 333],
      [2 * full, full],
      [full + 8, full],
    ],
    [
      [5 * 9 + 8, 9],
      [900, 0],
      [10 * 1201, 1201],
      [10 * 1201, 1201],
    ],
    [
      [full + 1, 0],
      [2 * full + 3, 0],
      [8000, 0],
      [30_001, 0],
    ],
  ];
}

function recordsOf(direction, host, mtu, index) {
  const stream = keyStream(`${direction} ${host} ${index}`);
  return burstsOf(host, mtu)[index].map(([size, segment]) => ({ bytes: stream(size), segment }));
}

function* datagramsOf({ bytes, segment }) {
  const step = segment || bytes.length;
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

class Outbox {
  #child;

  constructor(sender, host, port) {
    this.#child = spawn(sender, [host, String(port)], { stdio: ['pipe', 'inherit', 'inherit'] });
  }

  send(records) {
    for (const { bytes, segment } of records) {
      this.#child.stdin.write(Buffer.from(Uint32Array.of(bytes.length, segment).buffer));
      this.#child.stdin.write(bytes);
    }
  }

  close() {
    this.#child.stdin.end();
  }
}

class Inbox {
  #seen = new Set();
  #expected = new Set();
  #repeats = 0;
  #wake = () => {};

  static async open(patience) {
    const socket = createSocket({ type: 'udp6', recvBufferSize: 1 << 22 });
    socket.bind(0, '::');
    await once(socket, 'listening');
    return new Inbox(socket, patience);
  }

  #patience;

  constructor(socket, patience) {
    this.socket = socket;
    this.#patience = patience;
    socket.on('message', (bytes) => {
      this.#seen.add(digestOf(bytes));
      this.#wake();
    });
  }

  get port() {
    return this.socket.address().port;
  }

  get result() {
    const strange = [...this.#seen].filter((digest) => !this.#expected.has(digest));
    return { lost: this.#missing(this.#expected), strange: strange.length, repeats: this.#repeats };
  }

  /** Waits until all datagrams of a burst are here, but not for ever; whether they are. */
  async arrived(records) {
    const burst = new Set(records.flatMap((record) => [...datagramsOf(record)].map(digestOf)));
    for (const digest of burst) this.#expected.add(digest);
    const end = performance.now() + this.#patience;
    while (this.#missing(burst) > 0 && performance.now() < end) await this.#nextOr(end);
    const whole = this.#missing(burst) === 0;
    if (!whole) this.#repeats++;
    return whole;
  }

  #missing(digests) {
    return [...digests].filter((digest) => !this.#seen.has(digest)).length;
  }

  #nextOr(end) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, end - performance.now());
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
