import { expect } from '@jest/globals';
import { useLab } from './lab/lab.js';
import { shardvpnCommand, writeServerConfig } from './lab/server.js';

const { ours } = useLab();

ours('a server refuses to start where faults could be injected unseen', async (lab) => {
  const words = [...shardvpnCommand, '--config', writeServerConfig(lab)];
  const server = lab.serverHost.start('server', words, { env: { SHARDVPN_FAULTS: '/tmp/faults' } });
  expect(await server.ended).toBe(1);
  expect(server.log()).toContain('--allow-fault-injection');
});
