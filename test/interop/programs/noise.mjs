/** noise.mjs HOST PORT COUNT PID: datagrams that no client would send, of every opcode, size and content, as fast as process PID reads them. */
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { untilRead } from './until-read.mjs';

const [host, port, count, pid] = process.argv.slice(2);
const sockets = Array.from({ length: 8 }, () => createSocket(host.includes(':') ? 'udp6' : 'udp4'));
for (let sent = 0; sent < Number(count); sent++) {
  const packet = randomBytes(randomInt(0, sent % 10 === 0 ? 1472 : 120));
  // Half of them look like the start of a handshake, which is what a server answers.
  if (sent % 2 === 0 && packet.length > 0) packet[0] = [0x38, 0x50, 0x20, 0x28, 0x48][sent % 5];
  await new Promise((resolve) => sockets[sent % 8].send(packet, Number(port), host, resolve));
  if (sent % 100 === 99) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await untilRead(pid, Number(port));
  }
}
for (const socket of sockets) socket.close();
