import { planAddresses } from './plan-addresses.js';
import { planRoutes } from './plan-routes.js';
import type { TunnelPlan, TunnelSurroundings } from './planned.js';
import { lastOption, type SplitOption, splitOption } from './pushed-words.js';

/** Plans addresses and routes from options in the form they are pushed in, own ones first. */
export const planTunnel = (options: readonly string[], around: TunnelSurroundings): TunnelPlan => {
  const all = options.map(splitOption);
  const remarks = [...all.filter(({ name }) => LEFT_ALONE.test(name)).map(({ text }) => `left alone: ${text}`)];
  const addresses = planAddresses(all, remarks);
  const routes = planRoutes(all, around, remarks);
  return { mtu: readMtu(all) ?? around.tunMtu, addresses, routes, remarks };
};

const LEFT_ALONE = /^(dhcp-option|dns|block-outside-dns|register-dns|block-ipv6|inactive|session-timeout)$/;

/** What devices take; a server that pushes anything else means something this client does not know. */
const readMtu = (options: readonly SplitOption[]): number | null => {
  const mtu = Number(lastOption(options, 'tun-mtu')?.args[0]);
  return mtu >= 576 && mtu <= 65_535 ? mtu : null;
};
