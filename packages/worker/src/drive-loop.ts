import type { DataCommand, DataEvent, Deadline, Millis, Path, Transmit } from '@shardvpn/core';
import { RingConsumer, RingProducer } from '@shardvpn/ring';
import { encodeCommand } from './command-record.js';
import { encodeTransmit, RecordDecoder, type RecordSink } from './control-ring.js';

/** Records of one turn. A handshake's packet costs up to 1 ms, and timers and messages have to get their turn. */
const BATCH = 32;
/** A full ring is tried again after this long; the data thread empties it in microseconds. */
const RETRY_MS: Millis = 2;
/** The longest timer Node has. */
const LONGEST_MS: Millis = 2 ** 31 - 1;

export interface DrivePorts {
  /** Monotonic. */
  readonly now: () => Millis;
  readonly wakeDataThread: () => void;
}

/** The control rings of a shard. */
export interface DriveRings {
  readonly toData: SharedArrayBuffer;
  readonly toWorker: SharedArrayBuffer;
}

/** A protocol of either role: core's `Server` and `Client` have these verbs. */
export interface Protocol<Event> {
  handleDatagram(now: Millis, path: Path, bytes: Uint8Array): void;
  handleDataEvent(now: Millis, event: DataEvent): void;
  handleTls(now: Millis): void;
  handleTimeout(now: Millis): void;
  pollTimeout(): Deadline | undefined;
  pollCommand(): DataCommand | undefined;
  pollTransmit(): Transmit | undefined;
  pollEvent(): Event | undefined;
}

export interface Driver<Event, P extends Protocol<Event>> {
  /** Makes the protocol; `onTlsProgress` goes into its ports. */
  readonly create: (onTlsProgress: () => void) => P;
  readonly handleEvent: (event: Event) => void;
  /**
   * Called when everything that a turn has to say is written, and before any of it leaves: whoever comes after this worker has to
   * know what was said, and must not know what was not.
   */
  readonly keepState?: () => void;
  /** Every turn ends with it, once all events have been handled. */
  readonly handleDrained: () => void;
}

/**
 * Drives one protocol: hands in datagrams, data events and time, then drains commands, transmits and events, in this order.
 * The only reader of the clock. Every turn starts from the event loop, so an exception of the protocol ends the worker.
 */
export class DriveLoop<Event, P extends Protocol<Event>> {
  readonly protocol: P;
  readonly #ports: DrivePorts;
  readonly #driver: Driver<Event, P>;
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
  #closed = false;

  constructor(rings: DriveRings, ports: DrivePorts, driver: Driver<Event, P>) {
    this.#ports = ports;
    this.#driver = driver;
    this.#now = ports.now();
    this.#toData = new RingProducer(rings.toData);
    this.#toWorker = new RingConsumer(rings.toWorker);
    const protocol = driver.create(() => {
      this.#tlsNews = true;
      this.wake();
    });
    this.protocol = protocol;
    this.#sink = {
      handleDatagram: (path, bytes) => protocol.handleDatagram(this.#now, path, bytes),
      handleDataEvent: (event) => protocol.handleDataEvent(this.#now, event),
    };
    this.wake();
  }

  /** Something may have come: a turn follows soon. */
  wake(): void {
    if (!this.#closed) this.#immediate ??= setImmediate(this.#turn);
  }

  /** Hands something in from outside of a turn, at the time of the call. */
  handle(input: (now: Millis) => void): void {
    this.#now = this.#ports.now();
    input(this.#now);
    this.wake();
  }

  /** What the rings have lost. */
  get losses(): Record<string, number> {
    return {
      'control-ring-full': this.#toData.dropped,
      'control-ring-corrupt': this.#toWorker.corrupt,
      'control-record-malformed': this.#decoder.malformed,
    };
  }

  /** One last turn, so that whoever comes next finds everything said and done. */
  finish(): void {
    if (!this.#closed) this.#turn();
    this.close();
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
      this.protocol.handleTls(this.#now);
    }
    const timeout = this.protocol.pollTimeout();
    if (timeout !== undefined && timeout.at <= this.#now) this.protocol.handleTimeout(this.#now);
  }

  /** INVARIANT: a transmit is never in the ring before a command that was polled earlier. */
  #flush(): void {
    const done = this.#flushCommands();
    if (done) this.#flushTransmits();
    this.#driver.keepState?.();
    if (this.#toData.publish()) this.#ports.wakeDataThread();
    if (!done) return;
    for (let event = this.protocol.pollEvent(); event !== undefined; event = this.protocol.pollEvent())
      this.#driver.handleEvent(event);
    this.#driver.handleDrained();
  }

  /** False when the ring is full and a command waits. */
  #flushCommands(): boolean {
    let command = this.#held ?? this.protocol.pollCommand();
    while (command !== undefined && encodeCommand(this.#toData, command)) command = this.protocol.pollCommand();
    this.#held = command;
    return command === undefined;
  }

  /** What does not fit is lost, as on any network, and counted; the protocol sends it again. */
  #flushTransmits(): void {
    for (let transmit = this.protocol.pollTransmit(); transmit !== undefined; transmit = this.protocol.pollTransmit()) {
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
    const timeout = this.protocol.pollTimeout();
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
}
