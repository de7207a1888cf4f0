/**
 * Round trips through a UDP echo: RATE packets a second for SECONDS. Usage: udp-probe.js HOST PORT SECONDS RATE
 * Prints JSON: { sent, roundTripsUs }. A packet is numbered, and its time of leaving is kept here.
 */
import { createSocket } from 'node:dgram';

const [host = '127.0.0.1', port = '7', seconds = '1', rate = '50'] = process.argv.slice(2);
/** As large as a voice packet. */
const PACKET_BYTES = 160;
/** How long the last packets may take. */
const PATIENCE_MS = 2000;

const total = Math.max(1, Math.round(Number(seconds) * Number(rate)));
const left = new Map<number, bigint>();
const roundTripsUs: number[] = [];
const socket = createSocket('udp4');

socket.on('message', (packet) => {
  const now = process.hrtime.bigint();
  const number = packet.readUInt32BE(0);
  const at = left.get(number);
  if (at === undefined) return;
  left.delete(number);
  roundTripsUs.push(Number(now - at) / 1000);
  if (roundTripsUs.length === total) report();
});
// A packet that cannot leave is one that does not come back.
socket.on('error', () => {});

const begin = performance.now();
socket.bind(0, () => send(0));

function send(number: number): void {
  if (number === total) {
    setTimeout(report, PATIENCE_MS);
    return;
  }
  const packet = Buffer.alloc(PACKET_BYTES);
  packet.writeUInt32BE(number, 0);
  left.set(number, process.hrtime.bigint());
  socket.send(packet, Number(port), host, () => {});
  // From the beginning, so that a late timer does not make all packets after it late.
  const next = begin + ((number + 1) * 1000) / Number(rate);
  setTimeout(() => send(number + 1), next - performance.now());
}

function report(): void {
  console.log(JSON.stringify({ sent: total, roundTripsUs: roundTripsUs.map((us) => Math.round(us * 10) / 10) }));
  process.exit(0);
}
