import { IV_PROTO, type PushUpdate, VpnError } from '@shardvpn/core';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { NO_ANSWER } from '../shards/shard-handle.js';
import { type ClientSelector, selectorText } from './client-selector.js';
import type { ClientRecord } from './identities.js';
import { type PushUpdatePlan, planPushUpdate } from './plan-push-update.js';
import type { Registry } from './registry.js';

/** What has become of an update, client by client. */
export interface PushUpdateReport {
  readonly updated: readonly NamedClient[];
  readonly notUpdated: readonly (NamedClient & { readonly reason: string })[];
}

export interface NamedClient {
  readonly name: string;
  readonly peerId: number;
}

export interface PushUpdaterPorts {
  readonly registry: Pick<Registry, 'select' | 'moveLease'>;
  readonly networks: () => Pick<ServerConfig, 'ipv4' | 'ipv6'>;
  /** Has the client's shard tell it; why that did not happen, or null. */
  readonly tell: (record: ClientRecord, update: PushUpdate) => Promise<string | null>;
  readonly log: Log;
}

/** Gives connected clients new routes, DNS and addresses. [wire 15] */
export class PushUpdater {
  readonly #ports: PushUpdaterPorts;

  constructor(ports: PushUpdaterPorts) {
    this.#ports = ports;
  }

  /** Rejects with `config/push-update`, and tells nobody, where an option is wrong. */
  async push(selector: ClientSelector, options: readonly string[]): Promise<PushUpdateReport> {
    const plan = planPushUpdate(options, this.#ports.networks());
    const records = this.#ports.registry.select(selector);
    if ((plan.ipv4 !== null || plan.ipv6 !== null) && records.length > 1)
      throw new VpnError('config/push-update', `an address is for one client, and ${records.length} are meant`);
    const told = await Promise.all(
      records.map(async (record) => ({ client: nameOf(record), reason: await this.#update(record, plan) })),
    );
    const report = {
      updated: told.flatMap(({ client, reason }) => (reason === null ? [client] : [])),
      notUpdated: told.flatMap(({ client, reason }) => (reason === null ? [] : [{ ...client, reason }])),
    };
    const { updated, notUpdated } = report;
    this.#ports.log.info(`options pushed to ${selectorText(selector)}`, {
      options: plan.options.join(', '),
      updated: updated.length,
      notUpdated: notUpdated.length,
    });
    return report;
  }

  async #update(record: ClientRecord, plan: PushUpdatePlan): Promise<string | null> {
    if (!understandsUpdates(record)) return 'the client does not understand PUSH_UPDATE; it has to connect again';
    const { options, ipv4, ipv6 } = plan;
    if (ipv4 === null && ipv6 === null) return this.#ports.tell(record, { options, addresses: null });
    const addresses = { ipv4: ipv4 ?? record.lease.ipv4, ipv6: ipv6 ?? record.lease.ipv6 };
    const move = this.#ports.registry.moveLease(record, addresses);
    if (typeof move === 'string') return move;
    const problem = await this.#ports.tell(record, { options, addresses });
    if (problem === null) move.commit();
    else if (problem !== NO_ANSWER) move.abandon();
    return problem;
  }
}

const understandsUpdates = ({ identity }: ClientRecord): boolean =>
  Math.floor(Number(identity.peerInfo.get('IV_PROTO') ?? 0) / IV_PROTO.pushUpdate) % 2 === 1;

export const nameOf = ({ identity, peerId }: ClientRecord): NamedClient => ({ name: identity.commonName, peerId });
