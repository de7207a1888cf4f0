/** A thread that asks the registry what a shard asks for clients that come and go. */
import { parentPort } from 'node:worker_threads';

const IDENTITY = {
  commonName: 'client1',
  username: null,
  certificate: { commonName: 'client1', subject: 'CN=client1', serial: 'AB', chainHashes: ['a', 'b'], notAfter: 0 },
  path: { listener: 0, host: '192.0.2.1', port: 4000 },
  peerInfo: new Map([
    ['IV_VER', '2.6.14'],
    ['IV_PLAT', 'linux'],
    ['IV_CIPHERS', 'AES-256-GCM:AES-128-GCM'],
  ]),
};
const SHOWN = { cipher: 'AES-256-GCM', tls: 'TLSv1.3', keyDerivation: 'tls-ekm', since: 1000 };

let [leaving, clients] = [0, 0];
const say = (message: object): void => parentPort?.postMessage(message);

parentPort?.on('message', (message: { type: string; clients: number; request: number }) => {
  if (message.type === 'connect') {
    [leaving, clients] = [0, message.clients];
    for (let request = 0; request < clients; request++)
      say({ type: 'authenticate', request, identity: IDENTITY, password: null, renegotiation: false });
  } else if (message.type === 'auth-decision') {
    say({ type: 'lease', request: message.request, identity: IDENTITY, peerId: message.request });
  } else if (message.type === 'lease-decision') {
    const peerId = message.request;
    say({ type: 'connected', peerId, identity: IDENTITY, ...SHOWN });
    say({ type: 'disconnected', peerId, reason: 'exit-notify', detail: '' });
    if (++leaving === clients) say({ type: 'done' });
  }
});
