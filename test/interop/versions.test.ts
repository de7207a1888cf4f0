import { expect, test } from '@jest/globals';
import { Client } from './lab/client.js';
import { type DebianTree, getDebianTree, openvpnOf } from './lab/debian-tree.js';
import { startEmbedded } from './lab/embedded.js';
import type { Wrapping } from './lab/keys.js';
import { type Lab, useLab } from './lab/lab.js';
import { OpenVpn3 } from './lab/openvpn3.js';
import { injectFault, isOurs, shardvpnCommand, startServer, writeServerConfig } from './lab/server.js';
import { statusWith } from './lab/status.js';
import { until } from './lab/until.js';

/**
 * Clients of other versions than the machine's, from other releases of Debian: 2.5, 2.7 and OpenVPN 3 while this is written. Every other
 * file has the machine's own client.
 */
const notOurs: DebianTree = { missing: 'only for shardvpn' };
const TREES = {
  oldest: isOurs ? getDebianTree('bullseye', 'openvpn') : notOurs,
  newest: isOurs ? getDebianTree('sid', 'openvpn', 'openvpn3-client', 'dbus') : notOurs,
};

const { ours } = useLab();

const WRAPPINGS: readonly Wrapping[] = ['none', 'tls-auth', 'tls-auth-undirected', 'tls-crypt', 'tls-crypt-v2'];
const BOTH = ['local * 1194 udp', 'local * 1194 tcp-server'];
const udp = (lab: Lab) => `${lab.serverHost.ipv4} 1194 udp`;
const tcp = (lab: Lab) => `${lab.serverHost.ipv6} 1194 tcp`;

const trees = Object.entries(TREES).flatMap(([name, tree]) => ('missing' in tree ? [] : [{ name, root: tree.root }]));
for (const [name, tree] of Object.entries(TREES)) {
  if ('missing' in tree) test.skip(`the ${name} openvpn of Debian (${tree.missing})`, () => {});
}

if (trees.length > 0) {
  const names = trees.map(({ name }) => name).join(' and ');
  for (const wrapping of WRAPPINGS) {
    ours(`${wrapping}: the ${names} openvpn connects by UDP, and by TCP over IPv6`, async (lab) => {
      await startServer(lab, { wrapping, lines: BOTH });
      const ways = trees.flatMap(({ root }) =>
        [`${udp(lab)}4`, `${tcp(lab)}6-client`].map((remote) => ({ root, remote })),
      );
      const clients = ways.map(({ root, remote }, index) =>
        Client.start(lab, index + 2, { wrapping, remote, program: openvpnOf(root), name: `client${index + 1}` }),
      );
      for (const client of clients) {
        await client.connected();
        expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
      }
    });
  }
}

if (!('missing' in TREES.newest)) withNewest(TREES.newest.root);

function withNewest(root: string): void {
  const program = openvpnOf(root);

  ours('the newest openvpn takes the epoch format and a hybrid key agreement, and renegotiates', async (lab) => {
    const server = await startServer(lab, { lines: ['reneg-sec 6'] });
    const client = await Client.connect(lab, 2, { program });
    expect(client.pushed).toMatch(/aead-epoch/);
    expect(client.log()).toMatch(/X25519MLKEM768/);
    await server.says(/client1 renegotiated/);
    expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
    expect(client.log().match(/Initialization Sequence Completed/g)).toHaveLength(1);
  });

  ours('the newest openvpn takes new options while it is connected', async (lab) => {
    const config = writeServerConfig(lab);
    await startServer(lab, { config });
    const client = await Client.connect(lab, 2, { program });
    await statusWith(lab, 1);
    const route = 'route 10.9.0.0 255.255.0.0';
    const push = await lab.serverHost.exec(...shardvpnCommand, 'push-update', config, '--all', route);
    expect(push).toMatchObject({ code: 0 });
    const routes = async () => (await client.host.exec('ip', 'route')).output;
    await until('the route is there', async () => /10\.9\.0\.0\/16/.test(await routes()));
    expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
  });

  ours(
    'OpenVPN 3 connects with every wrapping by UDP, and by TCP over IPv6',
    async (lab) => {
      const client = await OpenVpn3.start(lab, 2, root);
      for (const wrapping of WRAPPINGS) {
        const server = await startServer(lab, { wrapping, lines: BOTH });
        for (const remote of [udp(lab), tcp(lab)]) {
          await client.connect({ wrapping, remote });
          expect({ wrapping, remote, reached: await client.reaches('10.8.0.1', 1372) }).toMatchObject({
            reached: true,
          });
          await client.disconnect();
        }
        await server.stop();
      }
    },
    600,
  );

  ours('OpenVPN 3 is told that it is refused', async (lab) => {
    const server = await startServer(lab, { lines: ['data-ciphers AES-256-CBC'] });
    const client = await OpenVpn3.start(lab, 2, root);
    await expect(client.connect({ remote: udp(lab) })).rejects.toThrow(/User authentication failed/);
    await server.says(/client refused: no shared data cipher/);
  });

  ours(
    'OpenVPN 3 waits for its login, is asked before and while it connects, and comes again when it is put off',
    async (lab) => {
      await startEmbedded(lab, ['duplicate-cn']);
      const client = await OpenVpn3.start(lab, 2, root);
      const login = (user: string, ...answers: string[]) =>
        client.connect({ remote: udp(lab), lines: ['auth-user-pass'] }, [user, 'secret', ...answers]);
      for (const [user, answer] of [['waiting'], ['challenged', '2718'], ['questioned', '2718'], ['later']] as const) {
        await (answer === undefined ? login(user) : login(user, answer));
        expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
        await client.disconnect();
      }
      await expect(login('questioned', '1111')).rejects.toThrow(/authentication failed/);
    },
    600,
  );

  ours(
    'OpenVPN 3 renegotiates, whoever begins, and comes again when the server restarts',
    async (lab) => {
      const server = await startServer(lab, { lines: [...BOTH, 'reneg-sec 6'] });
      const [begun, asked] = [await OpenVpn3.start(lab, 2, root), await OpenVpn3.start(lab, 3, root)];
      await begun.connect({ remote: udp(lab) });
      await asked.connect({ remote: tcp(lab), name: 'client2', lines: ['reneg-sec 3'] });
      for (const name of ['client1', 'client2']) await server.says(new RegExp(`(${name} renegotiated[\\s\\S]*){2}`));
      server.signal('SIGUSR1');
      for (const name of ['client1', 'client2']) await server.says(new RegExp(`(${name} connected[\\s\\S]*){2}`));
      for (const client of [begun, asked]) {
        await until('it has its tunnel again', () => client.reaches('10.8.0.1', 1372, 2));
      }
    },
    600,
  );

  ours(
    'OpenVPN 3 goes on when its worker dies right after a renegotiation',
    async (lab) => {
      const server = await startServer(lab, { faults: true, lines: ['workers 1', 'reneg-sec 8'] });
      const client = await OpenVpn3.start(lab, 2, root);
      await client.connect({ remote: udp(lab), lines: ['reneg-sec 8'] });
      await server.says(/client1 renegotiated/);
      injectFault(lab, 'exit', 0);
      await server.says(/worker of shard 0 replaced/);
      expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
      await server.says(/(client1 renegotiated[\s\S]*){2}/);
      expect(await client.reaches('10.8.0.1', 1372)).toBe(true);
      expect(server.log().match(/client1 connected/g)).toHaveLength(1);
    },
    600,
  );
}
