import { plainText } from '../plain-text.js';
import type { ClientStatus, ServerStatus } from './server-status.js';

/**
 * Text of the `status` file: version 1 for people, 2 with commas and 3 with tabs for programs, which find columns by their
 * header. Times are local, as in openvpn's own file.
 */
export const encodeStatusFile = (status: ServerStatus, version: 1 | 2 | 3, now: number): string => {
  const rows = version === 1 ? forPeople(status, now) : forPrograms(status, now);
  const separator = version === 3 ? '\t' : ',';
  return rows.map((row) => `${row.map((field) => plain(String(field), separator)).join(separator)}\n`).join('');
};

type Row = readonly (string | number)[];

const forPeople = ({ clients }: ServerStatus, now: number): Row[] => [
  ['OpenVPN CLIENT LIST'],
  ['Updated', localTime(now)],
  ['Common Name', 'Real Address', 'Bytes Received', 'Bytes Sent', 'Connected Since'],
  ...clients.map((client) => [
    nameOf(client),
    realAddress(client),
    client.bytesReceived,
    client.bytesSent,
    localTime(client.since),
  ]),
  ['ROUTING TABLE'],
  ['Virtual Address', 'Common Name', 'Real Address', 'Last Ref'],
  ...routes(clients, now).map(({ address, client, lastRef }) => [
    address,
    nameOf(client),
    realAddress(client),
    localTime(lastRef),
  ]),
  ['GLOBAL STATS'],
  ['Max bcast/mcast queue length', 0],
  ['END'],
];

const forPrograms = ({ server, clients }: ServerStatus, now: number): Row[] => [
  ['TITLE', `ShardVPN ${server.version}`],
  ['TIME', localTime(now), now],
  ['HEADER', 'CLIENT_LIST', ...CLIENT_COLUMNS],
  ...clients.map(clientRow),
  ['HEADER', 'ROUTING_TABLE', 'Virtual Address', 'Common Name', 'Real Address', 'Last Ref', 'Last Ref (time_t)'],
  ...routes(clients, now).map(({ address, client, lastRef }) => [
    'ROUTING_TABLE',
    address,
    nameOf(client),
    realAddress(client),
    localTime(lastRef),
    lastRef,
  ]),
  ['GLOBAL_STATS', 'Max bcast/mcast queue length', 0],
  ['GLOBAL_STATS', 'dco_enabled', 0],
  ['END'],
];

const CLIENT_COLUMNS = [
  'Common Name',
  'Real Address',
  'Virtual Address',
  'Virtual IPv6 Address',
  'Bytes Received',
  'Bytes Sent',
  'Connected Since',
  'Connected Since (time_t)',
  'Username',
  'Client ID',
  'Peer ID',
  'Data Channel Cipher',
];

const clientRow = (client: ClientStatus): Row => [
  'CLIENT_LIST',
  nameOf(client),
  realAddress(client),
  client.ipv4 ?? '',
  client.ipv6 ?? '',
  client.bytesReceived,
  client.bytesSent,
  localTime(client.since),
  client.since,
  client.username ?? 'UNDEF',
  client.peerId,
  client.peerId,
  client.cipher,
];

const routes = (clients: readonly ClientStatus[], now: number) =>
  clients.flatMap((client) =>
    [client.ipv4, client.ipv6].flatMap((address) =>
      address === null ? [] : [{ address, client, lastRef: Math.floor(now - client.idleSeconds) }],
    ),
  );

const nameOf = ({ name }: ClientStatus): string => (name === '' ? 'UNDEF' : name);

/** compat(2.6): an IPv6 address stands without its port. */
const realAddress = (client: ClientStatus): string => client.realAddress.replace(/^\[(.*)\]:\d+$/, '$1');

/** Neither a name nor a peer may add columns or lines. */
const plain = (field: string, separator: string): string => plainText(field, '_').replaceAll(separator, '_');

const localTime = (unixSeconds: number): string => {
  const at = new Date(unixSeconds * 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
};
