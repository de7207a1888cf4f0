import type { Log } from '../log.js';
import { startError } from '../system/start-error.js';
import type { RouteNative } from './client-native.js';
import type { PlannedAddress, PlannedRoute, TunnelPlan } from './planned.js';

/** Addresses and routes of a tunnel device, as far as they have been set; they follow the plans of its connections. */
export class Tunnel {
  readonly device: string;
  readonly #native: RouteNative;
  readonly #log: Log;
  #addresses: readonly PlannedAddress[] = [];
  #routes: PlannedRoute[] = [];
  #mtu: number;

  /** `mtu` is the one the device has been opened with. */
  constructor(native: RouteNative, device: string, mtu: number, log: Log) {
    this.#native = native;
    this.device = device;
    this.#mtu = mtu;
    this.#log = log;
  }

  /** Makes the system look like the plan. A route that is refused is told and left out; an address that is throws. */
  apply(plan: TunnelPlan): void {
    for (const remark of plan.remarks) this.#log.info(`pushed option ${remark}`);
    if (plan.mtu !== this.#mtu) this.#native.setMtu(this.device, plan.mtu);
    this.#mtu = plan.mtu;
    if (!same(this.#addresses, plan.addresses)) this.#replaceAddresses(plan.addresses);
    const kept = this.#routes.filter((route) => plan.routes.some((wanted) => same(wanted, route)));
    for (const route of this.#routes.filter((old) => !kept.includes(old))) this.#removeRoute(route);
    this.#routes = kept;
    for (const route of plan.routes.filter((wanted) => !kept.some((old) => same(old, wanted)))) this.#addRoute(route);
  }

  /** `10.8.0.2/24` and the like. */
  get addresses(): readonly string[] {
    return this.#addresses.map(({ address }) => address);
  }

  get mtu(): number {
    return this.#mtu;
  }

  /** Sets again what the device has lost while it was down or gone. Throws when an address is refused. */
  restore(): void {
    for (const address of this.#addresses) this.#native.addAddress(this.device, { ...address });
    for (const { device, ...route } of this.#routes) {
      try {
        this.#native.addRoute(device ?? this.device, route);
      } catch (error) {
        if ((error as { code?: string }).code !== 'EEXIST') throw error;
      }
    }
  }

  /** Takes addresses and routes away again. */
  clear(): void {
    for (const route of this.#routes.reverse()) this.#removeRoute(route);
    this.#routes = [];
    this.#removeAddresses();
  }

  /** The routes of the device go with its addresses, so they are all set again afterwards. */
  #replaceAddresses(addresses: readonly PlannedAddress[]): void {
    this.clear();
    for (const address of addresses) {
      try {
        this.#native.addAddress(this.device, { ...address });
      } catch (error) {
        throw startError('config/cannot-set-address', `cannot set up ${this.device}`, error, {
          EPERM: 'this needs root or CAP_NET_ADMIN',
          EACCES: 'IPv6 is switched off for the device: see net.ipv6.conf.all.disable_ipv6',
        });
      }
      this.#addresses = [...this.#addresses, address];
    }
  }

  #removeAddresses(): void {
    for (const address of this.#addresses) {
      this.#attempt(`address ${address.address}`, () => this.#native.removeAddress(this.device, { ...address }));
    }
    this.#addresses = [];
  }

  #addRoute(route: PlannedRoute): void {
    const { device, ...rest } = route;
    const done = this.#attempt(`route ${rest.destination}`, () => this.#native.addRoute(device ?? this.device, rest));
    if (done) this.#routes.push(route);
  }

  #removeRoute({ device, ...rest }: PlannedRoute): void {
    this.#attempt(`route ${rest.destination}`, () => this.#native.removeRoute(device ?? this.device, rest));
  }

  #attempt(what: string, change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      this.#log.warn(`${what}: ${(error as Error).message}`);
      return false;
    }
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
