import { deepStrictEqual, ok } from 'node:assert';
import { type PullFilter, VpnError } from '@shardvpn/core';
import { OptionCollector } from '../../../packages/core/src/negotiate/option-collector.js';
import { pullAction } from '../../../packages/core/src/negotiate/pull-filter.js';
import { encodePushReply, encodePushUpdate, pushOptionFault } from '../../../packages/core/src/negotiate/push-reply.js';
import { applyPushUpdate } from '../../../packages/core/src/negotiate/push-update.js';
import { PushReplyCollector } from '../../../packages/core/src/negotiate/pushed-options.js';
import { parseControlMessage } from '../../../packages/core/src/wire/control-message.js';
import { planTunnel } from '../../../packages/supervisor/src/client/tunnel-plan.js';
import { parseAddress } from '../../../packages/supervisor/src/registry/ip-address.js';
import { type PushUpdatePlan, planPushUpdate } from '../../../packages/supervisor/src/registry/plan-push-update.js';
import { ByteSource } from '../byte-source.js';

const NETWORKS = {
  ipv4: { network: '10.8.0.0', netmask: '255.255.255.0', bits: 24, server: '10.8.0.1', pool: null },
  ipv6: { network: 'fd00::', bits: 64, server: 'fd00::1', pool: null },
} as const;
const AROUND = { tunMtu: 1500, server: '192.0.2.1', wayToServer: { device: 'eth0', via: '192.0.2.254' } };

/** What a server pushes, first and later, and what an operator wants it to: any options, through messages and back. */
export const pushedOptions = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const filters = linesOf(source).map(asFilter);
  const all = linesOf(source);
  const update = linesOf(source);
  const pushable = all.filter((option) => pushOptionFault(option) === null);
  const collector = new PushReplyCollector(filters);
  const parts = encodePushReply(pushable).map(parseControlMessage);
  const pushed = parts.map((part) => (part.type === 'push-reply' ? collector.handlePart(part.options) : undefined));
  ok(pushed.slice(0, -1).every((early) => early === undefined));
  const accepted = pushed.at(-1)?.all.filter((option) => pullAction(filters, option) === 'accept') ?? [];
  checkTunnel(accepted);
  checkTunnel(all);
  const result = applyPushUpdate(pushable, update);
  if ('options' in result) checkTunnel(result.options);
  checkWish(update, pushable);
};

const linesOf = (source: ByteSource): readonly string[] =>
  new TextDecoder()
    .decode(source.sized())
    .split('\n')
    .filter((line) => line !== '');

const asFilter = (line: string): PullFilter => ({
  action: (['accept', 'ignore', 'reject'] as const)[line.length % 3] ?? 'accept',
  start: line.slice(1),
});

/** Whatever is planned names networks and addresses that exist. */
const checkTunnel = (options: readonly string[]): void => {
  const { mtu, addresses, routes } = planTunnel(options, AROUND);
  ok(mtu >= 576 && mtu <= 65_535);
  for (const prefix of [...addresses.map(({ address }) => address), ...routes.map(({ destination }) => destination)]) {
    const [host = '', bits = ''] = prefix.split('/');
    const longest = parseAddress(host)?.family === 6 ? 128 : 32;
    ok(parseAddress(host) !== undefined && Number(bits) >= 0 && Number(bits) <= longest, prefix);
  }
};

/** A wish that is granted reaches the client as it was meant, and changes nothing but what it names. */
const checkWish = (update: readonly string[], before: readonly string[]): void => {
  const plan = planned(update);
  if (plan === null) return;
  const collector = new OptionCollector();
  const messages = encodePushUpdate(plan.options).map(parseControlMessage);
  const arrived = messages.map((part) =>
    part.type === 'push-update' ? collector.handlePart(part.options) : undefined,
  );
  deepStrictEqual(arrived.at(-1), plan.options);
  const result = applyPushUpdate(before, plan.options);
  ok('options' in result);
  const again = applyPushUpdate(result.options, plan.options);
  ok('options' in again);
  deepStrictEqual([...again.options].sort(), [...result.options].sort());
};

const planned = (options: readonly string[]): PushUpdatePlan | null => {
  try {
    return planPushUpdate(options, NETWORKS);
  } catch (error) {
    if (error instanceof VpnError && error.code === 'config/push-update') return null;
    throw error;
  }
};
