import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Client } from './lab/client.js';
import { useLab } from './lab/lab.js';
import { POOL_OF_TWO, startServer } from './lab/server.js';
import { sleep, until } from './lab/until.js';

const { scenario } = useLab();

scenario('server-ipv6 gives each client both addresses', async (lab) => {
  await startServer(lab, { lines: ['server-ipv6 fd00:8::/64', 'client-to-client'] });
  const first = await Client.connect(lab, 2);
  const second = await Client.connect(lab, 3, { name: 'client2' });
  expect(first.ipv6).not.toBe(second.ipv6);
  for (const target of ['10.8.0.1', 'fd00:8::1', second.ipv4, second.ipv6]) {
    expect({ target, reached: await first.reaches(target) }).toEqual({ target, reached: true });
  }
});

scenario('ifconfig-pool-persist keeps addresses over a restart', async (lab) => {
  const file = join(lab.folder, 'persist.txt');
  const lines = [`ifconfig-pool-persist ${file} 1`];
  const connect = (n: number) => Client.connect(lab, n + 1, { name: `client${n}` });
  await startServer(lab, { lines });
  const before = [await connect(1), await connect(2)].map((client) => client.ipv4);
  await until(
    'the file has both',
    () => existsSync(file) && /client1,[\s\S]*client2,/.test(readFileSync(file, 'utf8')),
  );
  expect(readFileSync(file, 'utf8')).toMatch(new RegExp(`^client1,${before[0]}\\b`, 'm'));
  await lab.stopAll();
  await startServer(lab, { lines });
  const second = await connect(2);
  const first = await connect(1);
  expect([first.ipv4, second.ipv4]).toEqual(before);
});

scenario('duplicate-cn lets one certificate in twice', async (lab) => {
  await startServer(lab, { lines: ['duplicate-cn'] });
  const clients = [await Client.connect(lab, 2), await Client.connect(lab, 3)];
  expect(clients[0]?.ipv4).not.toBe(clients[1]?.ipv4);
  for (const client of clients) expect(await client.reaches('10.8.0.1')).toBe(true);
});

scenario('without duplicate-cn the newer connection replaces the older', async (lab) => {
  const status = join(lab.folder, 'replaced.status');
  await startServer(lab, { lines: [`status ${status} 1`, 'status-version 2'] });
  await Client.connect(lab, 2);
  lab.host(2).ip('link', 'set', 'net0', 'down'); // it must not come back to replace the newer one in turn
  try {
    const newer = await Client.connect(lab, 3);
    expect(await newer.reaches('10.8.0.1')).toBe(true);
    const lists = () =>
      [...readFileSync(status, { encoding: 'utf8', flag: 'a+' }).matchAll(/^CLIENT_LIST,client1,(\S+?):/gm)].map(
        ([, host]) => host,
      );
    await until('only the newer is listed', () => lists().join() === '192.0.2.3');
  } finally {
    lab.host(2).ip('link', 'set', 'net0', 'up');
  }
});

scenario('max-clients and an exhausted pool refuse the next client, and say so', async (lab) => {
  for (const { settings, reason } of [
    { settings: { lines: ['max-clients 2'] }, reason: /max(imum number of |-)clients/i },
    { settings: POOL_OF_TWO, reason: /no free .*address/i },
  ]) {
    const server = await startServer(lab, settings);
    const first = await Client.connect(lab, 2);
    await Client.connect(lab, 4, { name: 'client3' });
    const length = server.log().length;
    const second = Client.start(lab, 3, { name: 'client2' });
    await until('the server says why', () => reason.test(server.log().slice(length)));
    await sleep(1000);
    expect(second.log()).not.toMatch(/net_addr_v4_add/);
    expect(await first.reaches('10.8.0.1')).toBe(true);
    await lab.stopAll();
  }
});

scenario('more options than one message holds all arrive', async (lab) => {
  const routes = Array.from({ length: 70 }, (_, n) => `10.100.${n}.0`);
  await startServer(lab, { lines: routes.map((network) => `push "route ${network} 255.255.255.0"`) });
  for (const actAs of [undefined, 6]) {
    const client = await Client.connect(lab, 2, actAs === undefined ? {} : { actAs });
    const table = client.host.ip('route');
    for (const network of routes) expect(table).toContain(`${network}/24 via 10.8.0.1`);
    expect(await client.reaches('10.8.0.1')).toBe(true);
    await client.stop();
  }
});

scenario('a route of the server leads into the tunnel, and pushed options are obeyed', async (lab) => {
  await startServer(lab, { lines: ['route 10.77.0.0 255.255.0.0', 'push "dhcp-option DNS 10.8.0.1"', 'tun-mtu 1400'] });
  const client = await Client.connect(lab, 2);
  expect(lab.serverHost.ip('route')).toMatch(/10\.77\.0\.0\/16 (via 10\.8\.0\.2 )?dev tun0/);
  expect(client.pushed).toContain('dhcp-option DNS 10.8.0.1');
  expect(client.host.ip('link', 'show', 'tun0')).toContain('mtu 1400');
});
