import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The typed face of native/crates/load. Every function throws an Error with an errno's name as its `code`. */
export interface LoadNative {
  /** Opens the sockets of clients 0 to `clients` - 1 and starts their thread; the rings are views over SharedArrayBuffers. */
  openLoad(options: OpenLoad): number;
  /** On the thread that has opened it. */
  closeLoad(load: number): void;
  attachLoad(load: number, onWake: () => void): void;
  wakeLoad(load: number): void;
  /** Goes on from another socket, of another local address if one is named. The session stays. */
  moveClient(load: number, client: number, localHost?: string): void;
  /** Since the last call: client and milliseconds of each move, one behind the other. */
  takeMoves(load: number): number[];
  /** Starts a flow beside those that run, all of whose ends are on this load thread; its number. */
  openFlow(load: number, options: OpenFlow): number;
  /** Sends nothing more; what is under way still counts. */
  stopFlow(load: number, flow: number): void;
  /** Ends the flow; what arrives later is a stray. */
  closeFlow(load: number, flow: number): FlowAccount;
  strayPackets(load: number): StrayPackets;
  /** Milliseconds on the clock of moves and accounts. */
  loadClock(): number;
  /** Forgets what was counted and starts to send, on all threads of the process. */
  startTraffic(options: StartTraffic): void;
  stopTraffic(): void;
  /** Of all threads; `latency` in microseconds for each of the `parts`, which lie between 0 and 1. */
  trafficTally(parts: number[]): TrafficTally;
  /** Sums of all threads, drops as `drop-REASON`; what is 0 is left out. */
  loadCounters(): { name: string; value: number }[];
  /** A UDP socket on a thread of its own. */
  startEcho(options: StartEcho): void;
  /** Packets and bytes received, and packets sent. */
  stopEcho(): { packets: number; bytes: number; sent: number } | null;
}

export interface OpenLoad {
  readonly host: string;
  readonly port: number;
  readonly clients: number;
  readonly toData: Uint8Array;
  readonly toWorker: Uint8Array;
}

export interface StartTraffic {
  /** Packets per second and client; null = as many as come back, at most `window` of a client under way. */
  readonly pace: number | null;
  /** With a null `pace`, null = as many as the threads can send. */
  readonly window: number | null;
  /** Bytes of UDP payload, 32 to 1472. */
  readonly payload: number;
  /** UDP port of the echo; null = the packets go to another client. */
  readonly echoPort: number | null;
  /** Four numbers for each flow: load thread, peer-id, source and destination as big-endian numbers. */
  readonly flows: Uint32Array;
}

export interface OpenFlow {
  readonly peerId: number;
  /** Inner addresses as big-endian numbers. */
  readonly source: number;
  readonly destination: number;
  /** UDP port of the echo; null = the destination is another client. */
  readonly echoPort: number | null;
  /** Packets a second. */
  readonly pace: number;
  /** Bytes of UDP payload, 32 to 1472. */
  readonly payload: number;
}

export interface FlowAccount {
  readonly sent: number;
  /** Had no key, no peer or no room. */
  readonly unsent: number;
  readonly received: number;
  readonly reordered: number;
  readonly duplicated: number;
  /** Packets in a row that never came: first number, how many, milliseconds at which the first and the last were sent, of each. */
  readonly gaps: readonly number[];
}

export interface StrayPackets {
  /** Changed on the way, or delivered to the wrong client. */
  readonly corrupted: number;
  /** Of a flow that had been closed. */
  readonly late: number;
  /** Not of any flow. */
  readonly foreign: number;
}

export interface StartEcho {
  readonly host: string;
  readonly port: number;
  /** Send back what comes; otherwise it is only counted. */
  readonly answers: boolean;
  /** Bytes of UDP payload to send without end to every client that sends something; null = none. */
  readonly flood: number | null;
  /** One by one, and not in runs that the kernel cuts. */
  readonly single: boolean;
  /** So many a second for each client; null = as many as it can. */
  readonly pps: number | null;
}

export interface TrafficTally {
  readonly sent: number;
  readonly sentBytes: number;
  readonly unsent: number;
  readonly received: number;
  readonly receivedBytes: number;
  readonly reordered: number;
  readonly duplicated: number;
  readonly corrupted: number;
  readonly foreign: number;
  readonly latency: readonly number[];
}

/** This file runs as bench/dist/load/load-native.js; build.mjs puts the add-on beside its source. */
const ADDON = new URL(`../../load/load.${process.platform}-${process.arch}.node`, import.meta.url);

export const loadNative = (): LoadNative => createRequire(import.meta.url)(fileURLToPath(ADDON)) as LoadNative;
