/**
 * udp-relay.mjs PORT HOST REMOTE_PORT SOURCE...: a NAT between a client on 127.0.0.1:PORT and the server.
 * SIGUSR2 makes it forget its socket and go on from the next SOURCE address, on a new port.
 * SIGUSR1 makes it send everything that has passed to the server once more, whole and cut short, as an attacker on the path can.
 */
import { createSocket } from 'node:dgram';

const [port, host, remotePort, ...sources] = process.argv.slice(2);
const inside = createSocket('udp4');
let client;
let outside;

const passed = [];
inside.on('message', (message, from) => {
  client = from;
  if (passed.length < 5000) passed.push(message);
  outside.send(message, Number(remotePort), host);
});
inside.bind(Number(port), '127.0.0.1', move);
process.on('SIGUSR2', move);
process.on('SIGUSR1', replay);

function move() {
  const before = outside;
  outside = createSocket('udp4');
  outside.on('message', (message) => client && inside.send(message, client.port, client.address));
  outside.bind(0, sources.length > 1 ? sources.shift() : sources[0], () => {
    before?.close();
    console.log(`relay from ${outside.address().address}:${outside.address().port}`);
  });
}

async function replay() {
  for (const [index, message] of [...passed].entries()) {
    outside.send(message, Number(remotePort), host);
    outside.send(message.subarray(0, (index * 7919) % message.length), Number(remotePort), host);
    if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  console.log(`relay replayed ${passed.length}`);
}
