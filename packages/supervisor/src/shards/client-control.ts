import type { Notice } from '@shardvpn/core';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { type ClientSelector, selectorText } from '../registry/client-selector.js';
import { type NamedClient, nameOf, type PushUpdateReport, PushUpdater } from '../registry/push-updater.js';
import type { Registry } from '../registry/registry.js';
import type { ShardGroup } from './shard-group.js';

/** How a client is sent away. Absent: it is not to come back by itself, and hears no reason. */
export interface Kick {
  /** It is to connect again. */
  readonly reconnect?: boolean;
  /** For its user. */
  readonly text?: string;
  /** When it connects again: with the password that it has. Default: true. */
  readonly keepCredentials?: boolean;
  /** When it connects again: to the next server of its list. */
  readonly nextServer?: boolean;
}

export interface KickReport {
  readonly kicked: readonly NamedClient[];
}

/** What may be done to connected clients. */
export interface ClientControl {
  /** Gives clients new options while they are connected. Rejects with `config/push-update` when an option is wrong. */
  pushUpdate(selector: ClientSelector, options: readonly string[]): Promise<PushUpdateReport>;
  kick(selector: ClientSelector, kick?: Kick): KickReport;
  /** A line for clients to show. Returns how many they are. */
  sendInfo(selector: ClientSelector, text: string): number;
}

export interface ClientControlPorts {
  readonly registry: Registry;
  readonly group: Pick<ShardGroup, 'pushUpdate'>;
  readonly config: () => ServerConfig;
  readonly log: Log;
}

export const createClientControl = ({ registry, group, config, log }: ClientControlPorts): ClientControl => {
  const updater = new PushUpdater({
    registry,
    networks: config,
    tell: ({ shard, peerId }, update) => group.pushUpdate(shard, peerId, update),
    log,
  });
  return {
    pushUpdate: (selector, options) => updater.push(selector, options),
    kick: (selector, kick = {}) => {
      const kicked = registry.kick(selector, noticeOf(kick)).map(nameOf);
      log.info(`clients sent away: ${selectorText(selector)}`, { clients: kicked.length });
      return { kicked };
    },
    sendInfo: (selector, text) => registry.sendInfo(selector, text).length,
  };
};

const noticeOf = ({ reconnect = false, text = '', keepCredentials = true, nextServer = false }: Kick): Notice =>
  reconnect ? { type: 'restart', keepCredentials, nextServer, text } : { type: 'halt', text };
