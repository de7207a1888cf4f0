import type { DataLimits } from '@shardvpn/core';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

export type Limits = Pick<
  ServerConfig,
  'dataLimits' | 'sessionTimeout' | 'replayWindow' | 'tlsTimeout' | 'maxPacketSize'
>;

/** What both a server and a client limit, with OpenVPN's ranges and defaults. */
export const readLimits = (settings: Settings): Limits => {
  const replay = settings.last('replay-window');
  return {
    dataLimits: {
      renegBytes: settings.integer('reneg-bytes', 0, 0, Number.MAX_SAFE_INTEGER),
      renegPackets: settings.integer('reneg-pkts', 0, 0, Number.MAX_SAFE_INTEGER),
      inactive: readInactive(settings),
    },
    sessionTimeout: settings.integer('session-timeout', 0, 0, MAX_SECONDS),
    replayWindow:
      replay === undefined
        ? null
        : {
            size: settings.integerAt(replay, 0, 64, 0, 65536),
            seconds: settings.integerAt(replay, 1, 15, 0, 600),
          },
    tlsTimeout: settings.integer('tls-timeout', 2, 1, MAX_TLS_TIMEOUT),
    maxPacketSize: settings.integer('max-packet-size', 1250, 154, 2048),
  };
};

/** `connect-freq N SECONDS`; null for any number. */
export const readConnectFreq = (settings: Settings): ServerConfig['connectFreq'] => {
  const entry = settings.last('connect-freq');
  return entry === undefined
    ? null
    : {
        count: settings.integerAt(entry, 0, 1, 1, 1_000_000_000),
        seconds: settings.integerAt(entry, 1, 1, 1, 1_000_000),
      };
};

const readInactive = (settings: Settings): DataLimits['inactive'] => {
  const entry = settings.last('inactive');
  return entry === undefined
    ? { seconds: 0, bytes: 0 }
    : {
        seconds: settings.integerAt(entry, 0, 0, 0, MAX_SECONDS),
        bytes: settings.integerAt(entry, 1, 0, 0, Number.MAX_SAFE_INTEGER),
      };
};

/** Timers take 32-bit milliseconds. */
const MAX_SECONDS = 2_000_000;
/** It doubles with every retransmission, and the hand-window ends them all. */
const MAX_TLS_TIMEOUT = 3600;
