import type { Log } from '../log.js';

type Level = 'warn' | 'info';

/** Counters of the system's faults by their name in the status, with the words for a person. */
const FAULTS: Readonly<Record<string, readonly [Level, string]>> = {
  'udp-lost': ['warn', 'datagrams are lost: the receive buffer of a UDP socket is full'],
  'udp-receive-errors': ['warn', 'a UDP socket refuses to be read'],
  'udp-unreachable': ['info', 'ICMP says that the other side of some datagrams is not there'],
  'udp-send-no-room': ['warn', 'datagrams are lost: the send buffer or a queue of the device is full'],
  'udp-send-refused': ['warn', 'datagrams cannot be sent: no way to the address, or a firewall'],
  'tcp-accept-errors': ['warn', 'TCP connections cannot be accepted: too many open files, or no memory'],
  'tcp-refused': ['warn', 'TCP connections are refused: too many without a client'],
  'gso-given-up': ['warn', 'a device refuses segmentation, datagrams go one by one from now on'],
  'tun-read-errors': ['warn', 'the tunnel device refuses to be read'],
  'tun-write-errors': ['warn', 'the tunnel device refuses packets'],
  'routes-not-steered': [
    'warn',
    'the kernel does not take routes for steering the tunnel device: packets are handed from shard to shard',
  ],
  'commands-refused': ['warn', 'a data thread refuses orders of its worker'],
  'worker-ring-full': ['warn', 'a worker cannot keep up: control packets are lost'],
  'rings-corrupt': ['warn', 'a ring between two threads is corrupt'],
};

/** Seconds without a new count after which a fault is over; doubled each time it comes back soon. */
const QUIET = 10;
const LONGEST_QUIET = 600;
/** A fault that stays away for that many times its quiet is forgiven. */
const FORGIVEN_AFTER = 6;

interface Fault {
  seen: number;
  quiet: number;
  /** Count before it began; null = it is over. */
  before: number | null;
  began: number;
  lastRise: number;
}

/** Says once that a fault of the system has begun and once that it is over, however often it is counted. */
export class FaultLog {
  readonly #log: Log;
  readonly #faults = new Map<string, Fault>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `now` in seconds of any clock; `counters` is what all shards together have counted so far. */
  look(now: number, counters: ReadonlyMap<string, number>): void {
    for (const [name, [level, words]] of Object.entries(FAULTS)) {
      const fault = this.#faultOf(name, now);
      const count = counters.get(name) ?? 0;
      if (count > fault.seen) this.#rise(fault, now, () => this.#log[level](words, { counter: name }));
      else if (fault.before !== null && now - fault.lastRise >= fault.quiet) this.#end(fault, name, level);
      fault.seen = count;
    }
  }

  #faultOf(name: string, now: number): Fault {
    const known = this.#faults.get(name);
    if (known !== undefined) return known;
    const fault = { seen: 0, quiet: QUIET, before: null, began: now, lastRise: now };
    this.#faults.set(name, fault);
    return fault;
  }

  #rise(fault: Fault, now: number, say: () => void): void {
    if (fault.before === null) {
      const back = fault.seen > 0 && now - fault.lastRise < FORGIVEN_AFTER * fault.quiet;
      fault.quiet = back ? Math.min(2 * fault.quiet, LONGEST_QUIET) : QUIET;
      Object.assign(fault, { before: fault.seen, began: now });
      say();
    }
    fault.lastRise = now;
  }

  #end(fault: Fault, name: string, level: Level): void {
    const counted = fault.seen - (fault.before ?? 0);
    fault.before = null;
    this.#log[level](`over: ${FAULTS[name]?.[1]}`, {
      counter: name,
      counted,
      seconds: Math.round(fault.lastRise - fault.began),
    });
  }
}
