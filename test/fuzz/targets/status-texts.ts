import { deepStrictEqual, ok } from 'node:assert';
import type { ClientStatus, ServerStatus } from '../../../packages/supervisor/src/admin/server-status.js';
import { encodeStatusFile } from '../../../packages/supervisor/src/admin/status-file.js';
import { ByteSource } from '../byte-source.js';

const NOW = 1_700_000_000;
const MOST_CLIENTS = 4;
/** What any reader takes for the end of a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are ends of lines
const LINE_ENDS = /[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/u;
const CLIENT: ClientStatus = {
  name: 'ann',
  username: 'ann',
  certificateSerial: '01',
  realAddress: '192.0.2.1:5000',
  proto: 'udp',
  ipv4: '10.8.0.2',
  ipv6: null,
  shard: 0,
  peerId: 0,
  cipher: 'AES-256-GCM',
  tls: 'TLSv1.3',
  keyDerivation: 'tls-ekm',
  since: NOW - 60,
  bytesReceived: 1,
  bytesSent: 2,
  packetsReceived: 3,
  packetsSent: 4,
  idleSeconds: 5,
  version: null,
  platform: null,
};

/** The status file of a server with clients of any names: these change nothing but their own fields. */
export const statusTexts = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const version = ((source.u8() % 3) + 1) as 1 | 2 | 3;
  const clients: ClientStatus[] = [];
  while (!source.isEmpty && clients.length < MOST_CLIENTS) {
    const username = source.u8() % 2 === 0 ? textOf(source) : null;
    clients.push({ ...CLIENT, name: textOf(source), username });
  }
  const lines = linesOf(clients, version);
  const usual = linesOf(
    clients.map(() => CLIENT),
    version,
  );
  deepStrictEqual(lines.map(columns(version)), usual.map(columns(version)));
  for (const line of lines)
    ok(!/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(line.replaceAll('\t', '')), JSON.stringify(line));
};

const linesOf = (clients: readonly ClientStatus[], version: 1 | 2 | 3): readonly string[] =>
  encodeStatusFile({ server: { version: '1' }, clients } as unknown as ServerStatus, version, NOW).split(LINE_ENDS);

const columns =
  (version: 1 | 2 | 3) =>
  (line: string): number =>
    line.split(version === 3 ? '\t' : ',').length;

const textOf = (source: ByteSource): string => new TextDecoder().decode(source.sized());
