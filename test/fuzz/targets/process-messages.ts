import { deepStrictEqual, ok } from 'node:assert';
import { VpnError } from '@shardvpn/core';
import { answerKick, answerPushUpdate } from '../../../packages/supervisor/src/admin/control-routes.js';
import { isSelected } from '../../../packages/supervisor/src/registry/client-selector.js';
import { decodeClient, encodeClient } from '../../../packages/supervisor/src/registry/client-state.js';
import { REGISTRY_STATE } from '../../../packages/supervisor/src/registry/registry-state.js';
import { HELLO, OFFER, PREPARED, STARTED } from '../../../packages/supervisor/src/upgrade/hand-over-message.js';

/** JSON of others: of the process before this one, maybe of another version, and of whoever uses the control socket. */
export const processMessages = (input: Uint8Array): void => {
  const body = new TextDecoder().decode(input);
  const wishes = {
    pushUpdate: () => {
      throw new VpnError('config/push-update', 'no');
    },
    kick: () => ({ result: 'done', clients: [] }),
  } as unknown as Parameters<typeof answerKick>[1];
  // The answer itself comes later; what is checked here is the reading.
  void answerPushUpdate(body, wishes);
  void answerKick(body, wishes);
  const value = parsed(body);
  if (value === undefined) return;
  for (const shape of [HELLO, OFFER, PREPARED, STARTED]) shape.safeParse(value);
  const state = REGISTRY_STATE.safeParse(value);
  if (!state.success) return;
  for (const client of state.data.clients) {
    const record = decodeClient(client);
    isSelected({ name: client.identity.commonName }, record);
    const { held, ...rest } = client;
    const again = encodeClient(record);
    ok(again !== null);
    deepStrictEqual(decodeClient(again).identity, record.identity);
    deepStrictEqual({ ...again, held: undefined, identity: null }, { ...rest, held: undefined, identity: null });
  }
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
