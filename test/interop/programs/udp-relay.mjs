/**
 * udp-relay.mjs PORT HOST REMOTE_PORT SOURCE...: a NAT between a client on 127.0.0.1:PORT and the server.
 * Each SIGUSR2 makes it forget its socket and go on from the next SOURCE address, on a new port.
 */
import { createSocket } from 'node:dgram';

const [port, host, remotePort, ...sources] = process.argv.slice(2);
const inside = createSocket('udp4');
let client;
let outside;

inside.on('message', (message, from) => {
  client = from;
  outside.send(message, Number(remotePort), host);
});
inside.bind(Number(port), '127.0.0.1', move);
process.on('SIGUSR2', move);

function move() {
  const before = outside;
  outside = createSocket('udp4');
  outside.on('message', (message) => client && inside.send(message, client.port, client.address));
  outside.bind(0, sources.length > 1 ? sources.shift() : sources[0], () => {
    before?.close();
    console.log(`relay from ${outside.address().address}:${outside.address().port}`);
  });
}
