import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import { Host, type Running } from './host.js';

/** A network of hosts around a bridge; the server's host is number 1. */
export class Lab {
  readonly #hosts = new Map<number, Host>();
  readonly #running = new Set<Running>();
  readonly #prefix: string;
  /** Of this lab alone: test files run side by side. */
  readonly folder: string;

  constructor() {
    const { INTEROP_PREFIX, INTEROP_DIR } = process.env;
    if (!INTEROP_PREFIX || !INTEROP_DIR) throw new Error('run this suite with its own jest configuration');
    this.folder = mkdtempSync(join(INTEROP_DIR, 'lab-'));
    // What makes the folder's name another one than any other's does the same for the names of the hosts.
    this.#prefix = `${INTEROP_PREFIX}${basename(this.folder)}-`;
    chmodSync(this.folder, 0o755);
  }

  get serverHost(): Host {
    return this.host(1);
  }

  /** Host `number` of the network, made at the first use: 192.0.2.<number> and 2001:db8::<number in hex>. */
  host(number: number): Host {
    const known = this.#hosts.get(number);
    if (known) return known;
    const made = this.#make(number);
    this.#hosts.set(number, made);
    return made;
  }

  /** Ends every process, the newest first, and leaves the network for the next test. */
  async stopAll(): Promise<void> {
    const newestFirst = [...this.#running].reverse();
    await Promise.all(newestFirst.map((process_) => process_.stop(4)));
    this.#running.clear();
  }

  /** What every process of this test has said last, for the message of a failed test. */
  tails(lines = 25): string {
    return [...this.#running]
      .map((running) => `--- ${running.name}\n${running.log().trimEnd().split('\n').slice(-lines).join('\n')}`)
      .join('\n');
  }

  async close(): Promise<void> {
    await this.stopAll();
    for (const host of this.#hosts.values()) execFileSync('ip', ['netns', 'del', host.namespace]);
    this.#hosts.clear();
  }

  #make(number: number): Host {
    const namespace = `${this.#prefix}${number}`;
    const host = new Host(
      namespace,
      `192.0.2.${number}`,
      `2001:db8::${number.toString(16)}`,
      this.folder,
      this.#running,
    );
    execFileSync('ip', ['netns', 'add', namespace]);
    host.ip('link', 'set', 'lo', 'up');
    if (number === 1) {
      // Without an address of its own a bridge changes to that of its lowest port, and the neighbours' caches are wrong.
      host.ip('link', 'add', 'net0', 'address', '02:00:00:00:00:01', 'type', 'bridge');
    } else {
      const { namespace: server } = this.serverHost;
      host.ip('link', 'add', 'net0', 'type', 'veth', 'peer', 'name', `port${number}`, 'netns', server);
      this.serverHost.ip('link', 'set', `port${number}`, 'master', 'net0', 'up');
    }
    host.ip('addr', 'add', `${host.ipv4}/24`, 'dev', 'net0');
    host.ip('addr', 'add', `${host.ipv6}/64`, 'dev', 'net0', 'nodad');
    host.ip('link', 'set', 'net0', 'up');
    return host;
  }
}

/** Of a test that waits for several things on a machine that has others to do. */
const SECONDS = 300;

export type Scenario = (name: string, work: (lab: Lab) => Promise<void>, seconds?: number) => void;

/**
 * `scenario` is a test with the file's lab; a failure shows what every process said.
 * `ours` is one that only makes sense for the server of this project, and is skipped when the suite proves itself against another.
 */
export function useLab(): { scenario: Scenario; ours: Scenario } {
  const lab = new Lab();
  afterAll(() => lab.close());
  const scenario: Scenario = (name, work, seconds = SECONDS) => test(name, () => guarded(lab, work), seconds * 1000);
  const skipped: Scenario = (name) => test.skip(`${name} (only for shardvpn)`, () => {});
  return { scenario, ours: process.env.INTEROP_SERVER === 'openvpn' ? skipped : scenario };
}

export type Step<T> = (name: string, work: (standing: T) => Promise<void>, seconds?: number) => void;

/** A lab whose set-up serves all steps of a `describe`; for what is asked many times of the same processes. */
export function useStandingLab<T>(setUp: (lab: Lab) => Promise<T>): Step<T> {
  const lab = new Lab();
  let standing: T;
  beforeAll(() =>
    explained(lab, async () => {
      standing = await setUp(lab);
    }),
  );
  afterAll(() => lab.close());
  return (name, work, seconds = SECONDS) => test(name, () => explained(lab, () => work(standing)), seconds * 1000);
}

async function guarded(lab: Lab, work: (lab: Lab) => Promise<void>): Promise<void> {
  try {
    await explained(lab, () => work(lab));
  } finally {
    await lab.stopAll();
  }
}

async function explained(lab: Lab, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) error.message += `\n${lab.tails()}`;
    throw error;
  }
}
