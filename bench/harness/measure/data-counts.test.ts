import { expect, test } from '@jest/globals';
import { countsIn } from './data-counts.js';

test('packets and clients are told by shard, hops in all', () => {
  const text = `# TYPE shardvpn_data_total counter
shardvpn_clients{shard="0"} 2
shardvpn_clients{shard="1"} 0
shardvpn_data_total{shard="0",counter="inbound-packets"} 10
shardvpn_data_total{shard="1",counter="outbound-packets"} 5
shardvpn_data_total{shard="1",counter="inbound-packets"} 2
shardvpn_data_total{shard="1",counter="udp-received"} 1000
shardvpn_data_total{shard="0",counter="turns"} 20
shardvpn_data_total{shard="1",counter="turns"} 1
shardvpn_data_total{shard="1",counter="sleeps"} 4
shardvpn_hops_total{shard="0",reason="outbound"} 3
shardvpn_hops_total{shard="1",reason="inbound"} 1e3
shardvpn_dropped_packets_total{shard="0",reason="hop-full"} 7
shardvpn_dropped_packets_total{shard="0",reason="replayed"} 8
`;
  expect(countsIn(text)).toEqual({ packets: [10, 7], clients: [2, 0], turns: 21, sleeps: 4, hops: 1003, hopFull: 7 });
});
