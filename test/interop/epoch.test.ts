import { afterEach, expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { useLab } from './lab/lab.js';
import { OurClient } from './lab/our-client.js';
import { until } from './lab/until.js';
import { endHeirs, PATIENT, startUpgradable, upgrade } from './lab/upgrade.js';

const { ours } = useLab();

afterEach(endHeirs);

ours(
  'a client in the epoch format stays through an upgrade and a renegotiation, beside a stock client without it',
  async (lab) => {
    const { config } = await startUpgradable(lab, { lines: ['client-to-client'] });
    const client = await OurClient.connect(lab, 2);
    const stock = await Client.connect(lab, 3, { name: 'client2' });
    await client.process.says(/pushed options.*aead-epoch/);
    expect(stock.log()).toMatch(/PUSH_REPLY/);
    expect(stock.log()).not.toMatch(/aead-epoch/);
    expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
    expect(await client.reaches(stock.ipv4, 1372)).toBe(true);
    await upgrade(lab, config);
    expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
    await until('it renegotiates with the new process', () => client.renegotiations === 1, PATIENT);
    expect(await client.reaches(stock.ipv4, 1372)).toBe(true);
    expect(client.log().match(/info: connected/g)).toHaveLength(1);
  },
);
