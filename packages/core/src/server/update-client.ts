import { withoutContinuation } from '../negotiate/option-collector.js';
import { encodePushReply, encodePushUpdate, pushOptionFault } from '../negotiate/push-reply.js';
import { applyPushUpdate, parseOptionUpdate } from '../negotiate/push-update.js';
import { parseControlMessage } from '../wire/control-message.js';
import type { ServerContext } from './server-context.js';
import type { Lease } from './server-event.js';
import type { StageOf } from './stage.js';

/** New options for a connected client. [wire 15] */
export interface PushUpdate {
  /** In the forms of a PUSH_UPDATE. */
  readonly options: readonly string[];
  /** What is leased from now on, where the options say so. */
  readonly addresses: Pick<Lease, 'ipv4' | 'ipv6'> | null;
}

export type UpdateOutcome =
  | { readonly stage: StageOf<'connected'>; readonly messages: readonly string[] }
  | { readonly fault: string };

/** The messages for the client, and what the server knows of it from then on; the data thread hears of new addresses. */
export const updateClient = (
  context: ServerContext,
  stage: StageOf<'connected'>,
  { options, addresses }: PushUpdate,
): UpdateOutcome => {
  if (!stage.client.choice.features.pushUpdate) {
    return { fault: 'the client does not understand PUSH_UPDATE' };
  }
  const bad = options.find((option) => pushOptionFault(option) !== null);
  if (bad !== undefined || options.length === 0) {
    return { fault: bad === undefined ? 'there is nothing to push' : `'${bad}': ${pushOptionFault(bad) ?? ''}` };
  }
  const result = applyPushUpdate(pushedOptions(stage.pushed), options);
  if ('unsupported' in result) {
    return { fault: `'${result.unsupported}' needs a new connection` };
  }
  const lease = addresses === null ? stage.lease : { ...stage.lease, ...addresses };
  const times = pingTimes(options);
  if (addresses !== null || times !== null) {
    context.outbox.commands.push({
      type: 'update-peer',
      peerId: stage.peerId,
      ipv4: lease.ipv4?.address ?? null,
      ipv6: lease.ipv6?.address ?? null,
      pingInterval: times?.interval ?? null,
      pingTimeout: times?.timeout ?? null,
    });
  }
  return {
    stage: { ...stage, lease, pushed: encodePushReply(result.options) },
    messages: encodePushUpdate(options),
  };
};

/**
 * What a pushed `keepalive` means for our end: a client that pings less often must not be taken for one that is gone. Our
 * end waits twice as long, as where `keepalive` is configured.
 */
const pingTimes = (options: readonly string[]): { readonly interval: number; readonly timeout: number } | null => {
  const update = options.map(parseOptionUpdate).findLast((parsed) => parsed?.name === 'keepalive' && !parsed.removes);
  const [interval = 0, timeout = 0] = (update?.option.split(/\s+/) ?? []).slice(1).map(Number);
  return interval > 0 && timeout > 0
    ? { interval: Math.min(interval, LONGEST), timeout: Math.min(2 * timeout, LONGEST) }
    : null;
};

/** Seconds. */
const LONGEST = 65_534;

const pushedOptions = (messages: readonly string[]): readonly string[] =>
  messages.flatMap((text) => {
    const message = parseControlMessage(text);
    return message.type === 'push-reply' ? withoutContinuation(message.options) : [];
  });
