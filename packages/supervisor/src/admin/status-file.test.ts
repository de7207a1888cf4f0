import { describe, expect, test } from '@jest/globals';
import type { ClientStatus, ServerStatus } from './server-status.js';
import { encodeStatusFile } from './status-file.js';

const NOW = 1_700_000_000;

const client = (change: Partial<ClientStatus>): ClientStatus => ({
  name: 'alice',
  username: null,
  certificateSerial: '0A',
  realAddress: '192.0.2.1:4000',
  proto: 'udp',
  ipv4: '10.8.0.2',
  ipv6: 'fd00::1000',
  shard: 0,
  peerId: 4,
  cipher: 'AES-256-GCM',
  tls: 'TLSv1.3',
  keyDerivation: 'tls-ekm',
  since: NOW - 100,
  bytesReceived: 1234,
  bytesSent: 5678,
  packetsReceived: 1,
  packetsSent: 2,
  idleSeconds: 2.6,
  version: null,
  platform: null,
  ...change,
});

const statusOf = (...clients: ClientStatus[]): ServerStatus => ({
  server: {
    version: '0.1.0',
    since: NOW,
    device: 'tun0',
    listening: [],
    workers: 1,
    uptimeSeconds: 0,
    endedSessions: {},
    clients: clients.length,
    refusals: {},
  },
  shards: [],
  clients,
});

const two = (n: number): string => String(n).padStart(2, '0');

/** The same moment as the file shows it, in whatever time zone this runs. */
const local = (unixSeconds: number): string => {
  const at = new Date(unixSeconds * 1000);
  return `${at.toLocaleDateString('sv-SE')} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
};

const STATUS = statusOf(
  client({}),
  client({ name: '', username: 'bob', realAddress: '[2001:db8::1]:5000', ipv6: null, peerId: 5 }),
);

describe('status file', () => {
  test('version 1', () => {
    expect(encodeStatusFile(STATUS, 1, NOW)).toBe(`OpenVPN CLIENT LIST
Updated,${local(NOW)}
Common Name,Real Address,Bytes Received,Bytes Sent,Connected Since
alice,192.0.2.1:4000,1234,5678,${local(NOW - 100)}
UNDEF,2001:db8::1,1234,5678,${local(NOW - 100)}
ROUTING TABLE
Virtual Address,Common Name,Real Address,Last Ref
10.8.0.2,alice,192.0.2.1:4000,${local(NOW - 3)}
fd00::1000,alice,192.0.2.1:4000,${local(NOW - 3)}
10.8.0.2,UNDEF,2001:db8::1,${local(NOW - 3)}
GLOBAL STATS
Max bcast/mcast queue length,0
END
`);
  });

  test('version 2', () => {
    expect(encodeStatusFile(STATUS, 2, NOW)).toBe(`TITLE,ShardVPN 0.1.0
TIME,${local(NOW)},${NOW}
HEADER,CLIENT_LIST,Common Name,Real Address,Virtual Address,Virtual IPv6 Address,Bytes Received,Bytes Sent,Connected Since,Connected Since (time_t),Username,Client ID,Peer ID,Data Channel Cipher
CLIENT_LIST,alice,192.0.2.1:4000,10.8.0.2,fd00::1000,1234,5678,${local(NOW - 100)},${NOW - 100},UNDEF,4,4,AES-256-GCM
CLIENT_LIST,UNDEF,2001:db8::1,10.8.0.2,,1234,5678,${local(NOW - 100)},${NOW - 100},bob,5,5,AES-256-GCM
HEADER,ROUTING_TABLE,Virtual Address,Common Name,Real Address,Last Ref,Last Ref (time_t)
ROUTING_TABLE,10.8.0.2,alice,192.0.2.1:4000,${local(NOW - 3)},${NOW - 3}
ROUTING_TABLE,fd00::1000,alice,192.0.2.1:4000,${local(NOW - 3)},${NOW - 3}
ROUTING_TABLE,10.8.0.2,UNDEF,2001:db8::1,${local(NOW - 3)},${NOW - 3}
GLOBAL_STATS,Max bcast/mcast queue length,0
GLOBAL_STATS,dco_enabled,0
END
`);
  });

  test('version 3 is version 2 with tabs', () => {
    expect(encodeStatusFile(STATUS, 3, NOW)).toBe(encodeStatusFile(STATUS, 2, NOW).replaceAll(',', '\t'));
  });

  test('a name cannot add columns or lines', () => {
    const rows = encodeStatusFile(statusOf(client({ name: 'a,b\nEND\tc' })), 2, NOW).split('\n');
    expect(rows.filter((row) => row.startsWith('CLIENT_LIST'))).toEqual([
      expect.stringMatching(/^CLIENT_LIST,a_b_END_c,192/),
    ]);
  });

  test('nor in the eyes of a reader that knows more ends of lines, or of a terminal', () => {
    const text = encodeStatusFile(statusOf(client({ name: 'a\u2028b\u0085c\u009b2Jd\u202ee' })), 2, NOW);
    expect(text).toContain('CLIENT_LIST,a_b_c_2Jd_e,192');
  });
});
