import { VpnError } from '@shardvpn/core';
import { z } from 'zod';
import type { ClientSelector } from '../registry/client-selector.js';
import type { PushUpdateReport } from '../registry/push-updater.js';
import type { Kick, KickReport } from '../shards/client-control.js';

/** What an operator may do to connected clients. */
export interface ClientWishes {
  readonly pushUpdate: (selector: ClientSelector, options: readonly string[]) => Promise<PushUpdateReport>;
  readonly kick: (selector: ClientSelector, kick: Kick) => KickReport;
}

/** An answer of `POST /push-update` or `POST /kick` to a body that makes no sense. */
export interface RefusedWish {
  readonly result: 'refused';
  readonly problems: readonly string[];
}

const SELECTOR = z.union([
  z.literal('all'),
  z.strictObject({ name: z.string() }),
  z.strictObject({ peerId: z.number() }),
  z.strictObject({ address: z.string() }),
]);
const PUSH_UPDATE = z.strictObject({ clients: SELECTOR, options: z.array(z.string()) });
const KICK = z.strictObject({
  clients: SELECTOR,
  reconnect: z.boolean().optional(),
  text: z.string().optional(),
  keepCredentials: z.boolean().optional(),
  nextServer: z.boolean().optional(),
});

export const answerPushUpdate = async (
  body: string,
  { pushUpdate }: ClientWishes,
): Promise<PushUpdateReport | RefusedWish> => {
  const wish = readBody(PUSH_UPDATE, body, '{"clients": "all" or {"name": "..."}, "options": ["..."]}');
  if ('result' in wish) return wish;
  try {
    return await pushUpdate(wish.clients, wish.options);
  } catch (error) {
    if (error instanceof VpnError && error.code === 'config/push-update') return refused(error.message.split('\n'));
    throw error;
  }
};

export const answerKick = async (body: string, { kick }: ClientWishes): Promise<KickReport | RefusedWish> => {
  const wish = readBody(KICK, body, '{"clients": {"name": "..."}, "reconnect": true, "text": "..."}');
  if ('result' in wish) return wish;
  const { clients, reconnect = false, text = '', keepCredentials = true, nextServer = false } = wish;
  return kick(clients, { reconnect, text, keepCredentials, nextServer });
};

const readBody = <T extends object>(shape: z.ZodType<T>, body: string, form: string): T | RefusedWish => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return refused([`the body is not JSON; send for example ${form}`]);
  }
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  return refused(
    read.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}; send for example ${form}`),
  );
};

const refused = (problems: readonly string[]): RefusedWish => ({ result: 'refused', problems });
