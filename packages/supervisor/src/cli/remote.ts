import { networkInterfaces } from 'node:os';
import { VpnError } from '@shardvpn/core';

/** Where clients find the server. */
export interface Remote {
  readonly host: string;
  readonly port: number;
}

/** `HOST`, `HOST:PORT` or `[IPv6]:PORT`. Throws `config/remote` for anything else. */
export const parseRemote = (text: string, defaultPort: number): Remote => {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9][A-Za-z0-9.-]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  // An IPv6 address without brackets has no port.
  const host = bracketed ?? plain ?? (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]+$/.test(text) ? text : undefined);
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number < 1 || number > 65535) {
    throw new VpnError(
      'config/remote',
      `'${text}' is not a host; write --remote vpn.example.com or --remote vpn.example.com:1194`,
    );
  }
  return { host, port: number };
};

/** First address of the machine that others can reach, IPv4 before IPv6. */
export const ownAddress = (): string => {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const best = addresses.find(({ family }) => family === 'IPv4') ?? addresses[0];
  return best?.address ?? '127.0.0.1';
};
