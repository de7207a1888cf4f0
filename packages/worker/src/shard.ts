import { assertNever, type DataCommand, type Millis, type Server } from '@shardvpn/core';
import { RingConsumer, RingProducer } from '@shardvpn/ring';
import { encodeCommand } from './command-record.js';
import { encodeTransmit, RecordDecoder, type RecordSink } from './control-ring.js';
import { eventMessage } from './event-message.js';
import type { FromShard, ShardStart, ToShard } from './messages.js';

/** Records of one turn. A handshake's packet costs up to 1 ms, and timers and messages have to get their turn. */
const BATCH = 32;
/** A full ring is tried again after this long; the data thread empties it in microseconds. */
const RETRY_MS: Millis = 2;
/** The longest timer Node has. */
const LONGEST_MS: Millis = 2 ** 31 - 1;

export interface ShardPorts {
  /** Makes the protocol; `onTlsProgress` goes into its ports. */
  readonly createServer: (onTlsProgress: () => void) => ShardServer;
  /** Monotonic. */
  readonly now: () => Millis;
  readonly post: (message: FromShard) => void;
  readonly wakeDataThread: () => void;
  readonly setCrl: (crl: string) => void;
}

/** What the drive loop needs of core's `Server`. */
export type ShardServer = Pick<Server, keyof Server>;

/**
 * Drives one `Server`: hands in datagrams, data events, decisions and time, then drains commands, transmits and events, in this order.
 * The only reader of the clock. Every turn starts from the event loop, so an exception of the protocol ends the worker.
 */
export class Shard {
  readonly #ports: ShardPorts;
  readonly #server: ShardServer;
  readonly #toData: RingProducer;
  readonly #toWorker: RingConsumer;
  readonly #decoder = new RecordDecoder();
  readonly #sink: RecordSink;
  #now: Millis;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt: Millis = Number.POSITIVE_INFINITY;
  /** A command the full ring had no room for. While it waits nothing new is read, and nothing overtakes it. */
  #held: DataCommand | undefined;
  #tlsNews = false;
  #draining = false;
  #closed = false;

  constructor(rings: Pick<ShardStart, 'toData' | 'toWorker'>, ports: ShardPorts) {
    this.#ports = ports;
    this.#now = ports.now();
    this.#toData = new RingProducer(rings.toData);
    this.#toWorker = new RingConsumer(rings.toWorker);
    const server = ports.createServer(() => {
      this.#tlsNews = true;
      this.wake();
    });
    this.#server = server;
    this.#sink = {
      handleDatagram: (path, bytes) => server.handleDatagram(this.#now, path, bytes),
      handleDataEvent: (event) => server.handleDataEvent(this.#now, event),
    };
    this.wake();
  }

  /** Something may have come: a turn follows soon. */
  wake(): void {
    if (!this.#closed) this.#immediate ??= setImmediate(this.#turn);
  }

  handleMessage(message: ToShard): void {
    this.#now = this.#ports.now();
    const server = this.#server;
    switch (message.type) {
      case 'auth-decision':
        server.handleAuthDecision(this.#now, message.request, message.decision);
        break;
      case 'lease-decision':
        server.handleLeaseDecision(this.#now, message.request, message.decision);
        break;
      case 'disconnect':
        server.disconnect(this.#now, message.peerId, message.reason, message.detail);
        break;
      case 'set-crl':
        this.#ports.setCrl(message.crl);
        break;
      case 'drops':
        this.#ports.post({
          type: 'drops',
          request: message.request,
          drops: this.#drops(),
          handshakes: server.handshakes,
        });
        break;
      case 'shutdown':
        this.#draining = true;
        server.shutdown(this.#now);
        break;
      default:
        assertNever(message);
    }
    this.wake();
  }

  /** No turn runs any more. */
  close(): void {
    this.#closed = true;
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
  }

  readonly #turn = (): void => {
    this.#immediate = undefined;
    this.#now = this.#ports.now();
    if (this.#held === undefined) this.#handleInput();
    this.#flush();
    this.#rearm();
  };

  #handleInput(): void {
    this.#toWorker.awake();
    this.#toWorker.drain(BATCH, (kind, payload) => this.#decoder.decode(kind, payload, this.#sink));
    if (this.#tlsNews) {
      this.#tlsNews = false;
      this.#server.handleTls(this.#now);
    }
    const timeout = this.#server.pollTimeout();
    if (timeout !== undefined && timeout.at <= this.#now) this.#server.handleTimeout(this.#now);
  }

  /** INVARIANT: a transmit is never in the ring before a command that was polled earlier. */
  #flush(): void {
    const done = this.#flushCommands();
    if (done) this.#flushTransmits();
    if (this.#toData.publish()) this.#ports.wakeDataThread();
    if (!done) return;
    for (let event = this.#server.pollEvent(); event !== undefined; event = this.#server.pollEvent())
      this.#ports.post(eventMessage(event));
    if (this.#draining && this.#server.isDrained) {
      this.#draining = false;
      this.#ports.post({ type: 'drained' });
    }
  }

  /** False when the ring is full and a command waits. */
  #flushCommands(): boolean {
    let command = this.#held ?? this.#server.pollCommand();
    while (command !== undefined && encodeCommand(this.#toData, command)) command = this.#server.pollCommand();
    this.#held = command;
    return command === undefined;
  }

  /** What does not fit is lost, as on any network, and counted; the protocol sends it again. */
  #flushTransmits(): void {
    for (let transmit = this.#server.pollTransmit(); transmit !== undefined; transmit = this.#server.pollTransmit()) {
      encodeTransmit(this.#toData, transmit);
    }
  }

  /** The next turn: at once, at a deadline, or when the data thread wakes this one. */
  #rearm(): void {
    if (this.#held !== undefined) {
      this.#arm(this.#now + RETRY_MS);
      return;
    }
    if (!this.#toWorker.sleep()) this.wake();
    const timeout = this.#server.pollTimeout();
    if (timeout !== undefined) this.#arm(timeout.at);
  }

  /** An earlier timer stays: it re-arms itself when it fires too soon, which is cheaper than moving it at every packet. */
  #arm(at: Millis): void {
    if (this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const delay = Math.min(Math.max(Math.ceil(at - this.#now), 0), LONGEST_MS);
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.wake();
    }, delay);
  }

  #drops(): Record<string, number> {
    return {
      ...this.#server.drops,
      'control-ring-full': this.#toData.dropped,
      'control-ring-corrupt': this.#toWorker.corrupt,
      'control-record-malformed': this.#decoder.malformed,
    };
  }
}
