import { deepStrictEqual, ok } from 'node:assert';
import { encodeClientPart } from '../../packages/core/src/snapshot/client-part.js';
import {
  decodeSessionSnapshot,
  encodeSessionSnapshot,
  type SessionSnapshot,
} from '../../packages/core/src/snapshot/session-snapshot.js';

/** What the worker after it takes for granted about a snapshot that was decoded. It encodes to what it was. */
export const checkSnapshot = (snapshot: SessionSnapshot): void => {
  const { keys, link, times, busyKey, path } = snapshot;
  for (const keyId of [keys.keyId, keys.lameDuck ?? 0]) isNumber(keyId, 0, 7);
  for (const { sentTime, window } of [link.initial, link.renegotiated ?? link.initial]) {
    isNumber(sentTime, 0, 0xfffffffe);
    isNumber(window.time, -1, 0xfffffffe);
  }
  ok(times.handWindow >= 1 && times.tlsTimeout >= 1 && times.tranWindow >= 0 && times.renegotiate >= 0);
  for (const { nextId } of busyKey === null ? [] : [busyKey.channel.send, busyKey.channel.receive]) {
    isNumber(nextId, 0, 0x7fffffff);
  }
  deepStrictEqual(typeof path.host, 'string');
  deepStrictEqual(decodeSessionSnapshot(encodeSessionSnapshot(snapshot, encodeClientPart(snapshot.client))), snapshot);
};

const isNumber = (value: number, least: number, most: number): void => {
  ok(Number.isInteger(value) && value >= least && value <= most, `${value} is not from ${least} to ${most}`);
};
