import { VpnError } from '../errors.js';
import type { DataCommand, DataEvent } from '../data-plane.js';
import { createDropCounters, type DropReason } from '../drop-reason.js';
import type { Millis, Path, PeerId, UnixSeconds } from '../ids.js';
import type { AuthDecision, EndReason, LeaseDecision, ServerEvent } from './server-event.js';
import type { ServerOptions } from './server-options.js';
import type { ServerPorts } from './server-ports.js';

/** A datagram for the network. `bytes` belong to the caller from then on. */
export interface Transmit {
  readonly path: Path;
  readonly bytes: Uint8Array;
}

/**
 * The protocol of one shard. The drive loop is: hand in what happened (`handle*`), then drain `pollCommand`, `pollTransmit`, `pollEvent`
 * in this order until each is empty, then arm a timer for `pollTimeout`. Nothing here throws because of what a peer sent.
 */
export class Server {
  readonly drops: Readonly<Record<DropReason, number>> = createDropCounters();

  constructor(options: ServerOptions, ports: ServerPorts, now: Millis, unixNow: UnixSeconds) {
    throw new VpnError('internal/not-implemented', 'server');
  }
  handleDatagram(now: Millis, path: Path, bytes: Uint8Array): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  handleTls(now: Millis): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  handleDataEvent(now: Millis, event: DataEvent): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  handleAuthDecision(now: Millis, request: number, decision: AuthDecision): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  handleLeaseDecision(now: Millis, request: number, decision: LeaseDecision): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  disconnect(now: Millis, peerId: PeerId, reason: EndReason, detail: string): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  shutdown(now: Millis): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  handleTimeout(now: Millis): void {
    throw new VpnError('internal/not-implemented', 'server');
  }
  pollTimeout(): { at: Millis; reason: string } | undefined {
    throw new VpnError('internal/not-implemented', 'server');
  }
  pollCommand(): DataCommand | undefined {
    throw new VpnError('internal/not-implemented', 'server');
  }
  pollTransmit(): Transmit | undefined {
    throw new VpnError('internal/not-implemented', 'server');
  }
  pollEvent(): ServerEvent | undefined {
    throw new VpnError('internal/not-implemented', 'server');
  }
  get isDrained(): boolean {
    throw new VpnError('internal/not-implemented', 'server');
  }
  get handshakes(): number {
    throw new VpnError('internal/not-implemented', 'server');
  }
}
