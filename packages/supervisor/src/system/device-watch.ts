import type { LinkNews } from '@shardvpn/native';
import type { Log } from '../log.js';
import { repeat } from './repeat.js';

/** The part of the native core that hears of devices. */
export type LinkNative = Pick<typeof import('@shardvpn/native'), 'openLinkWatch' | 'lookAtLink' | 'closeFds'>;

/** A tunnel device whose owner wants it back as it was. */
export interface KeptDevice {
  readonly name: string;
  /** The MTU it has been given. */
  readonly mtu: () => number;
  /** Sets addresses and routes again. */
  readonly restore: () => void;
  /** Makes the deleted device anew, with addresses and routes. */
  readonly reopen: () => void;
}

const EVERY_MS = 1_000;

/**
 * Watches the tunnel device. One that was down has lost routes and IPv6 addresses, which are set again once it is up;
 * one that was deleted is made anew; a new MTU is told. What cannot be done, after `user` for example, is told once.
 * Returns what ends it.
 */
export const watchDevice = (native: LinkNative, device: KeptDevice, log: Log): (() => void) => {
  const watch = native.openLinkWatch();
  const keeper = new DeviceKeeper(() => native.lookAtLink(watch, device.name), device, log);
  const end = repeat(EVERY_MS, `looking at ${device.name}`, () => keeper.look(), log);
  return () => {
    end();
    native.closeFds([watch]);
  };
};

/** The decisions of `watchDevice`; `hear` is what happened since it was called last. */
export class DeviceKeeper {
  readonly #hear: () => LinkNews;
  readonly #device: KeptDevice;
  readonly #log: Log;
  #state: LinkNews['state'] = 'up';
  #mtu: number;
  #oddMtu = false;
  #problem = '';

  constructor(hear: () => LinkNews, device: KeptDevice, log: Log) {
    this.#hear = hear;
    this.#device = device;
    this.#log = log;
    this.#mtu = device.mtu();
  }

  look(): void {
    const { state, lost, mtu } = this.#hear();
    const before = this.#state;
    this.#state = state;
    if (before === 'up') this.#problem = '';
    const { name } = this.#device;
    if (state === 'gone') this.#replace(before);
    else if (state === 'down' && before !== 'down') this.#log.warn(`${name} is down: no packet passes until it is up`);
    else if (state === 'up' && (lost || before !== 'up')) this.#restore();
    if (state === 'up') this.#compareMtu(mtu);
  }

  #replace(before: LinkNews['state']): void {
    const { name, reopen } = this.#device;
    if (before !== 'gone') this.#log.error(`${name} has been deleted`);
    if (!this.#attempt(reopen, `cannot make ${name} anew`)) return;
    this.#mtu = this.#device.mtu();
    this.#log.warn(`${name} has been made anew, with its addresses and routes`);
    // What was heard now is our own doing.
    this.#state = this.#hear().state;
  }

  #restore(): void {
    const { name, restore } = this.#device;
    if (this.#attempt(restore, `${name} is up again, but has lost routes or addresses; restart to set them`))
      this.#log.warn(`${name} was down and is up again, with its addresses and routes`);
  }

  #compareMtu(mtu: number): void {
    if (mtu === this.#mtu) return;
    const { name, mtu: configured } = this.#device;
    const odd = mtu !== configured();
    if (odd) this.#log.warn(`the MTU of ${name} has been changed`, { mtu, configured: configured() });
    else if (this.#oddMtu) this.#log.info(`the MTU of ${name} is as configured again`, { mtu });
    this.#mtu = mtu;
    this.#oddMtu = odd;
  }

  #attempt(change: () => void, what: string): boolean {
    try {
      change();
      this.#problem = '';
      return true;
    } catch (error) {
      const problem = `${what}: ${(error as Error).message}`;
      if (problem !== this.#problem) this.#log.error(problem);
      this.#problem = problem;
      return false;
    }
  }
}
