import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.js';
import type { Registry } from '../registry/registry.js';
import type { DataPlane } from '../shards/data-plane.js';
import type { NativePort } from '../shards/native-port.js';
import type { ShardGroup } from '../shards/shard-group.js';
import { VERSION } from '../version.js';
import { ChannelClosed } from './hand-over-channel.js';
import { HAND_OVER_FORMAT, HELLO, type Offer, PREPARED, STARTED } from './hand-over-message.js';
import type { Program } from './program.js';
import { Successor } from './successor.js';

/** What `POST /upgrade` answers. */
export interface UpgradeReport {
  /** `refused`: this process goes on as before. */
  readonly result: 'upgraded' | 'refused';
  readonly problem: string | null;
  /** The process that serves now. */
  readonly pid: number;
  readonly version: string;
  readonly sessions: number;
  /** Milliseconds in which no packet was handled; those that came waited in the kernel. */
  readonly pauseMs: number;
}

export interface UpgraderPorts {
  readonly native: Pick<
    NativePort,
    'openHandOver' | 'sendHandOver' | 'receiveHandOver' | 'closeFds' | 'haltPlane' | 'sendSessions' | 'takeBackPlane'
  >;
  /** null where nobody knows what to start. */
  readonly program: Program | null;
  readonly data: Pick<DataPlane, 'plane'> & { readonly listeners: Pick<DataPlane['listeners'], 'settled'> };
  readonly group: Pick<ShardGroup, 'release' | 'resume'>;
  readonly registry: Pick<Registry, 'state'>;
  /** What is open now, and its descriptors. */
  readonly offer: () => { readonly offer: Offer; readonly fds: readonly number[] };
  readonly log: Log;
}

const LIMITS_MS = { hello: 30_000, prepared: 60_000, sessions: 5_000, started: 10_000, end: 1_000 };

/** Starts a new process beside this one and hands everything over to it; when that fails, this one goes on. */
export class Upgrader {
  /** Resolves with the process that has taken over: this one is to leave. */
  readonly replaced: Promise<number>;
  readonly #ports: UpgraderPorts;
  #isReplaced: (pid: number) => void = () => {};
  #successor: Successor | null = null;
  #running: Promise<UpgradeReport> | null = null;
  #handedOver = false;
  readonly #stopped: Promise<void>;
  #stop: () => void = () => {};
  #isStopped = false;

  constructor(ports: UpgraderPorts) {
    this.#ports = ports;
    this.replaced = new Promise((resolve) => {
      this.#isReplaced = resolve;
    });
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  /** Whether another process serves the clients. */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  /** Requests that come during an upgrade share its outcome. Never rejects because of what the new process does. */
  upgrade(): Promise<UpgradeReport> {
    this.#running ??= this.#upgrade().finally(() => {
      if (!this.#handedOver) this.#running = null;
    });
    return this.#running;
  }

  /** Ends an upgrade that is under way, for a server that stops. */
  async abort(): Promise<void> {
    if (this.#handedOver) return;
    this.#isStopped = true;
    this.#stop();
    await this.#successor?.kill();
    await this.#running?.catch(() => {});
  }

  async #upgrade(): Promise<UpgradeReport> {
    const { program, native, data, log } = this.#ports;
    if (program === null) return refused('this server does not know the program that it was started with');
    // What a reload has closed is told to its clients first: nothing can be offered before.
    await Promise.race([data.listeners.settled(), this.#stopped]);
    if (this.#isStopped) return this.#tellRefused('this server stops');
    log.info('upgrade: starting the new program', { command: program.words.join(' ') });
    let successor: Successor;
    try {
      successor = new Successor(native, program);
    } catch (error) {
      return this.#tellRefused((error as Error).message);
    }
    this.#successor = successor;
    try {
      const version = await this.#prepare(successor);
      const report = { ...(await this.#handOver(successor)), version, pid: successor.pid };
      this.#handedOver = true;
      log.info('upgrade: handed over', report);
      // The answer to whoever has asked goes out first.
      setTimeout(() => this.#leave(successor), LEAVE_AFTER_MS);
      return { result: 'upgraded', problem: null, ...report };
    } catch (error) {
      const reason = await describeFailure(error as Error, successor);
      await successor.kill();
      return this.#tellRefused(reason);
    } finally {
      this.#successor = null;
    }
  }

  /** Until everything is set up in the new process. Returns its version. */
  async #prepare({ channel }: Successor): Promise<string> {
    const { message: hello } = await channel.receive(HELLO, LIMITS_MS.hello);
    if (hello.type === 'refused') throw new Error(hello.reason);
    if (hello.format !== HAND_OVER_FORMAT) {
      throw new Error(
        `version ${hello.version} takes over in format ${hello.format}, this one (${VERSION}) hands over in ${HAND_OVER_FORMAT}; restart instead`,
      );
    }
    const { offer, fds } = this.#ports.offer();
    channel.send(offer, fds);
    const { message: prepared } = await channel.receive(PREPARED, LIMITS_MS.prepared);
    if (prepared.type === 'refused') throw new Error(prepared.reason);
    return hello.version;
  }

  /** The one moment without anybody: workers end, data threads halt, the new process takes the sessions and starts. */
  async #handOver(successor: Successor): Promise<{ sessions: number; pauseMs: number }> {
    const { native, data, group, registry } = this.#ports;
    const { channel } = successor;
    let halted = false;
    await group.release();
    try {
      channel.send({ type: 'state', registry: registry.state() });
      const since = performance.now();
      native.haltPlane(data.plane);
      halted = true;
      native.sendSessions(data.plane, channel.fd, LIMITS_MS.sessions);
      const { message } = await channel.receive(STARTED, LIMITS_MS.started);
      if (message.type === 'refused') throw new Error(message.reason);
      return { sessions: message.sessions, pauseMs: Math.round(performance.now() - since) };
    } catch (error) {
      const reason = await describeFailure(error as Error, successor);
      // It may have begun to send: two processes with one key would be the end of its secrecy.
      await successor.kill();
      if (halted) native.takeBackPlane(data.plane);
      group.resume();
      throw new Error(reason);
    }
  }

  #tellRefused(reason: string): UpgradeReport {
    this.#ports.log.error(`upgrade refused, this process goes on: ${reason}`);
    return refused(reason);
  }

  #leave(successor: Successor): void {
    successor.release();
    this.#isReplaced(successor.pid);
  }
}

const LEAVE_AFTER_MS = 20;

const refused = (problem: string): UpgradeReport => ({
  result: 'refused',
  problem,
  pid: process.pid,
  version: VERSION,
  sessions: 0,
  pauseMs: 0,
});

/** A process that is gone is better described by how it ended. */
const describeFailure = async (error: Error, successor: Successor): Promise<string> => {
  if (!isOfTheEnd(error)) return error.message;
  const end = await Promise.race([successor.ended, sleep(LIMITS_MS.end, null)]);
  return end === null ? error.message : `the new program ${end}; its output says why`;
};

const isOfTheEnd = (error: NodeJS.ErrnoException): boolean =>
  error instanceof ChannelClosed || error.code === 'EPIPE' || error.code === 'ECONNRESET';
