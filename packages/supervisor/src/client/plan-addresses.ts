import { netmaskBits } from '../config/ipv4-network.js';
import type { PlannedAddress } from './planned.js';
import { isAddress, lastOption, type SplitOption } from './pushed-words.js';

/** The addresses of the device, from `ifconfig`, `ifconfig-ipv6` and `topology`. */
export const planAddresses = (options: readonly SplitOption[], remarks: string[]): readonly PlannedAddress[] =>
  [planIpv4(options, remarks), planIpv6(options, remarks)].filter((address) => address !== null);

/** compat: without `topology` the second word is the other end of a point-to-point link, unless it can only be a netmask. */
const planIpv4 = (options: readonly SplitOption[], remarks: string[]): PlannedAddress | null => {
  const option = lastOption(options, 'ifconfig');
  if (option === undefined) return null;
  const [own, second = ''] = option.args;
  if (!isAddress(own, 4) || !isAddress(second, 4)) return refuse(option, remarks);
  const topology = lastOption(options, 'topology')?.args[0];
  if (topology !== 'subnet' && !second.startsWith('255.')) return { address: `${own}/32`, peer: second };
  const bits = netmaskBits(second);
  return bits === undefined ? refuse(option, remarks) : { address: `${own}/${bits}`, peer: null };
};

const planIpv6 = (options: readonly SplitOption[], remarks: string[]): PlannedAddress | null => {
  const option = lastOption(options, 'ifconfig-ipv6');
  if (option === undefined) return null;
  const [own, bits = ''] = (option.args[0] ?? '').split('/');
  if (!isAddress(own, 6) || !/^\d{1,3}$/.test(bits) || Number(bits) > 128) return refuse(option, remarks);
  return { address: `${own}/${bits}`, peer: null };
};

const refuse = (option: SplitOption, remarks: string[]): null => {
  remarks.push(`not understood: ${option.text}`);
  return null;
};
