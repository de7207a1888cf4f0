import {
  assertNever,
  type InheritedPeer,
  type LiveOptions,
  type Millis,
  type PeerId,
  type Server,
  type ServerEvent,
  type SnapshotChange,
} from '@shardvpn/core';
import { DriveLoop } from './drive-loop.js';
import { eventMessage } from './event-message.js';
import type { FromShard, ShardStart, TlsOptions, ToShard } from './messages.js';

export interface ShardPorts {
  /** Makes the protocol; `onTlsProgress` goes into its ports. */
  readonly createServer: (onTlsProgress: () => void) => ShardServer;
  /** Monotonic. */
  readonly now: () => Millis;
  readonly post: (message: FromShard) => void;
  readonly wakeDataThread: () => void;
  /** Clients of the shard's earlier workers. */
  readonly inheritedPeers: () => readonly InheritedPeer[];
  readonly keepSnapshot: (change: SnapshotChange) => void;
  readonly setCrl: (crl: string) => void;
  /** Throws, and leaves everything as it was, when the engine cannot use it. */
  readonly setTls: (tls: TlsOptions) => void;
}

/** Injected faults and its own beginning are the thread's affair. */
export type ShardMessage = Exclude<ToShard, { readonly type: 'fault' | 'begin' }>;

/** What a shard needs of core's `Server`. */
export type ShardServer = Pick<Server, keyof Server>;

/** Drives one `Server`, and carries decisions and events between it and the supervisor. */
export class Shard {
  readonly #ports: ShardPorts;
  readonly #loop: DriveLoop<ServerEvent, ShardServer>;
  #draining = false;
  #peers: PeerId[] | null = [];

  /** Takes the sessions of earlier workers over, and says `taken-over` after their events. */
  constructor(rings: Pick<ShardStart, 'toData' | 'toWorker'>, ports: ShardPorts) {
    this.#ports = ports;
    this.#loop = new DriveLoop<ServerEvent, ShardServer>(rings, ports, {
      create: ports.createServer,
      handleEvent: (event) => this.#tell(event),
      keepState: () => this.#keepSnapshots(),
      handleDrained: () => {
        this.#tellTakenOver();
        this.#tellDrained();
      },
    });
    this.#loop.handle((now) => this.#loop.protocol.restore(now, ports.inheritedPeers()));
  }

  /** Something may have come: a turn follows soon. */
  wake(): void {
    this.#loop.wake();
  }

  handleMessage(message: ShardMessage): void {
    if (message.type === 'release') this.#release();
    else this.#loop.handle((now) => this.#carryOut(now, message));
  }

  /** The wall clock of the machine, in seconds since 1970. */
  handleWallClock(unixNow: number): void {
    this.#loop.handle((now) => this.#loop.protocol.handleWallClock(now, unixNow));
  }

  /** No turn runs any more. */
  close(): void {
    this.#loop.close();
  }

  #carryOut(now: Millis, message: Exclude<ShardMessage, { readonly type: 'release' }>): void {
    const server = this.#loop.protocol;
    switch (message.type) {
      case 'auth-decision':
        server.handleAuthDecision(now, message.request, message.decision);
        break;
      case 'lease-decision':
        server.handleLeaseDecision(now, message.request, message.decision);
        break;
      case 'key-verdict':
        server.handleKeyVerdict(now, message.key, message.verdict);
        break;
      case 'disconnect':
        server.disconnect(now, message.peerId, message.reason, message.detail, message.notice ?? null);
        break;
      case 'push-update': {
        const problem = server.pushUpdate(now, message.peerId, message.update);
        this.#ports.post({ type: 'push-updated', request: message.request, problem });
        break;
      }
      case 'info':
        server.sendInfo(now, message.peerId, message.text);
        break;
      case 'leave-listener':
        server.leaveListener(now, message.listener);
        break;
      case 'set-crl':
        this.#ports.setCrl(message.crl);
        break;
      case 'reconfigure':
        this.#ports.post({
          type: 'reconfigured',
          request: message.request,
          problem: this.#reconfigure(now, message.server, message.tls),
        });
        break;
      case 'drops':
        this.#ports.post({
          type: 'drops',
          request: message.request,
          drops: { ...server.drops, ...this.#loop.losses },
          handshakes: server.handshakes,
        });
        break;
      case 'shutdown':
        this.#draining = true;
        server.shutdown(now);
        break;
      default:
        assertNever(message);
    }
  }

  #reconfigure(now: Millis, options: LiveOptions, tls: TlsOptions | null): string | null {
    try {
      if (tls !== null) this.#ports.setTls(tls);
    } catch (error) {
      return (error as Error).message;
    }
    this.#loop.protocol.reconfigure(now, options);
    return null;
  }

  #tell(event: ServerEvent): void {
    if (event.type === 'restored') this.#peers?.push(event.client.peerId);
    this.#ports.post(eventMessage(event));
  }

  /** All are made before the first is kept: making them takes memory, and a worker that has none left dies there. */
  #keepSnapshots(): void {
    const server = this.#loop.protocol;
    const changes: SnapshotChange[] = [];
    for (let change = server.pollSnapshot(); change !== undefined; change = server.pollSnapshot()) changes.push(change);
    for (const change of changes) this.#ports.keepSnapshot(change);
  }

  #tellTakenOver(): void {
    if (this.#peers === null) return;
    this.#ports.post({ type: 'taken-over', peerIds: this.#peers });
    this.#peers = null;
  }

  #release(): void {
    this.#loop.finish();
    this.#ports.post({ type: 'released' });
  }

  #tellDrained(): void {
    if (!this.#draining || !this.#loop.protocol.isDrained) return;
    this.#draining = false;
    this.#ports.post({ type: 'drained' });
  }
}
