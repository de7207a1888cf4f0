/**
 * udp-relay.mjs PORT HOST REMOTE_PORT SOURCE...: a NAT between a client on 127.0.0.1:PORT and the server.
 * SIGUSR2 makes it go on from the next SOURCE address, on a new port. What comes to the old one passes until a second after the server has
 * been heard at the new one, of which it tells.
 * SIGUSR1 makes it send everything that has passed to the server once more, whole and cut short, as an attacker on the path can, no faster
 * than the process whose id is in PACED_BY reads.
 */
import { createSocket } from 'node:dgram';
import { untilRead } from './until-read.mjs';

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
  const next = createSocket('udp4');
  outside = next;
  next.on('message', (message) => client && inside.send(message, client.port, client.address));
  if (before) {
    next.once('message', () => {
      console.log(`relay is followed to ${next.address().address}:${next.address().port}`);
      setTimeout(() => before.close(), 1000);
    });
  }
  next.bind(0, sources.length > 1 ? sources.shift() : sources[0], () => {
    console.log(`relay from ${next.address().address}:${next.address().port}`);
  });
}

async function replay() {
  for (const [index, message] of [...passed].entries()) {
    outside.send(message, Number(remotePort), host);
    outside.send(message.subarray(0, (index * 7919) % message.length), Number(remotePort), host);
    if (index % 50 === 49) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      await untilRead(process.env.PACED_BY, Number(remotePort));
    }
  }
  console.log(`relay replayed ${passed.length}`);
}
