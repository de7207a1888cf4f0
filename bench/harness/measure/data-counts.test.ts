import { expect, test } from '@jest/globals';
import { countsIn } from './data-counts.js';

test('packets and hops are summed over shards', () => {
  const text = `# TYPE shardvpn_data_total counter
shardvpn_data_total{shard="0",counter="inbound-packets"} 10
shardvpn_data_total{shard="1",counter="outbound-packets"} 5
shardvpn_data_total{shard="1",counter="udp-received"} 1000
shardvpn_hops_total{shard="0",reason="outbound"} 3
shardvpn_hops_total{shard="1",reason="inbound"} 1e3
`;
  expect(countsIn(text)).toEqual({ packets: 15, hops: 1003 });
});
