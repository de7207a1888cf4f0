import { expect, test } from '@jest/globals';
import { parsePing } from './latency-probe.js';

test("round trips are read from ping's lines, duplicates are not", () => {
  const output = `PING 10.66.0.1 (10.66.0.1) 160(188) bytes of data.
168 bytes from 10.66.0.1: icmp_seq=1 ttl=64 time=0.301 ms
168 bytes from 10.66.0.1: icmp_seq=1 ttl=64 time=0.400 ms (DUP!)
168 bytes from 10.66.0.1: icmp_seq=3 ttl=64 time=12.5 ms

--- 10.66.0.1 ping statistics ---
3 packets transmitted, 2 received, +1 duplicates, 33% packet loss, time 41ms
`;
  expect(parsePing(output)).toEqual({ sent: 3, roundTripsUs: [301, 12500] });
});
