import type { StartTraffic } from './load-native.js';
import type { LoadOptions, Target } from './load-options.js';
import type { ConnectedClient } from './thread-messages.js';

/** What the connected clients send to whom; null when nothing is to be sent, or nobody is there. */
export const planTraffic = (
  options: Pick<LoadOptions, 'send' | 'size' | 'to'>,
  clients: readonly ConnectedClient[],
): StartTraffic | null => {
  const { send, size, to } = options;
  const ends = clients.filter((client): client is Addressed => client.ipv4 !== null);
  if (send.type === 'none' || ends.length < (to === null ? 2 : 1)) return null;
  return {
    pace: send.type === 'paced' ? send.pps : null,
    window: send.type === 'saturate' ? (send.window ?? windowFor(ends.length)) : null,
    payload: size,
    echoPort: to?.port ?? null,
    flows: Uint32Array.from(ends.flatMap((client, n) => flowOf(client, destinationOf(ends, n, to)))),
  };
};

type Addressed = ConnectedClient & { readonly ipv4: string };

/** About what the socket buffers on the way hold, so that a full window loses nothing by itself. */
const UNDER_WAY = 2048;
const LARGEST_WINDOW = 256;

const windowFor = (flows: number): number => Math.min(LARGEST_WINDOW, Math.max(1, Math.floor(UNDER_WAY / flows)));

/** Clients send in pairs to each other; the last of an odd number sends to the first. */
const destinationOf = (ends: readonly Addressed[], n: number, to: Target | null): string =>
  to?.host ?? (ends[n ^ 1] ?? (ends[0] as Addressed)).ipv4;

const flowOf = ({ load, peerId, ipv4 }: Addressed, destination: string): number[] => [
  load,
  peerId,
  numberOf(ipv4),
  numberOf(destination),
];

/** An IPv4 address as a big-endian number. */
export const numberOf = (ipv4: string): number => ipv4.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
