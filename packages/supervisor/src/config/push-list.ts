import { pushOptionFault } from '@shardvpn/core';
import type { ServerConfig } from './server-config.js';
import type { Settings } from './settings.js';

/** All global push options: the `push` lines first, then those of the helpers, as clients have always seen them. */
export const readPushes = (
  settings: Settings,
  { ipv4, ipv6 }: Pick<ServerConfig, 'ipv4' | 'ipv6'>,
  keepalive: readonly string[],
): readonly string[] => {
  const own: string[] = [];
  for (const entry of settings.all('push')) {
    const option = entry.args[0] as string;
    const fault = pushOptionFault(option);
    if (fault === null) own.push(option);
    else settings.error(entry, `cannot be sent: ${fault}; split or shorten it`);
  }
  const helpers: string[] = [];
  if (settings.has('server-ipv6') && ipv6 !== null) helpers.push('tun-ipv6');
  if (settings.has('server') && ipv4 !== null) helpers.push(`route-gateway ${ipv4.server}`, 'topology subnet');
  return [...own, ...helpers, ...keepalive];
};
