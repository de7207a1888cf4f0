import type { ClientOptions } from '@shardvpn/core';
import { createRing } from '@shardvpn/ring';
import { DriveLoop, NodeTlsEngine, nodeCrypto, type TlsOptions } from '@shardvpn/worker';
import { Fleet, type FleetEvent } from '../fleet.js';
import type { LoadNative } from '../load-native.js';

/** Room for the handshakes of a second. */
const RING_BYTES = 1 << 22;

/** Simulated clients that come and go one by one: their protocol on this thread, their packets on a native one. */
export class FleetLink {
  /** Number of the native thread. */
  readonly load: number;
  readonly #native: LoadNative;
  readonly #loop: DriveLoop<FleetEvent, Fleet>;

  /** Opens a socket for each client; throws what the system refuses. */
  constructor(
    native: LoadNative,
    client: ClientOptions,
    tls: TlsOptions,
    clients: number,
    handleEvent: (event: FleetEvent) => void,
  ) {
    const rings = { toData: createRing(RING_BYTES), toWorker: createRing(RING_BYTES) };
    const { host, port } = client.remote;
    const views = { toData: new Uint8Array(rings.toData), toWorker: new Uint8Array(rings.toWorker) };
    const load = native.openLoad({ host, port, clients, ...views });
    this.load = load;
    this.#native = native;
    const engine = new NodeTlsEngine(tls);
    const unixNow = (): number => Math.floor(Date.now() / 1000);
    const clock = { now: () => performance.now(), wakeDataThread: () => native.wakeLoad(load) };
    this.#loop = new DriveLoop<FleetEvent, Fleet>(rings, clock, {
      create: (onTlsProgress) => new Fleet({ client, crypto: nodeCrypto, tls: engine, unixNow, onTlsProgress }),
      handleEvent,
      handleDrained: () => undefined,
    });
    native.attachLoad(load, () => this.#loop.wake());
  }

  connect(client: number): void {
    this.#loop.handle((now) => this.#loop.protocol.start(now, client));
  }

  remove(client: number, goodbye: boolean): void {
    this.#loop.handle(() => this.#loop.protocol.remove(client, goodbye));
  }

  close(): void {
    this.#loop.close();
    this.#native.closeLoad(this.load);
  }
}
