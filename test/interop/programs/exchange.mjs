/**
 * exchange.mjs serve PORT SENDER                       answers, for TCP on PORT and for UDP by way of the TCP port behind it
 * exchange.mjs PORT SENDER BYTES MTU PATIENCE HOST...  sends BYTES over TCP and bursts of datagrams, both ways, with every HOST
 *
 * Prints what arrived of each as one line of JSON. SENDER is the program that superpackets.c becomes, MTU that of the
 * tunnel, PATIENCE the milliseconds after which a burst is sent again. Streams to all hosts run at once, one up while another is down, so that flows mix in a batch; datagrams come
 * after them, because they would give way to them.
 */
import { exchangeDatagrams, serveDatagrams } from './exchange-datagrams.mjs';
import { receiveStream, sendStream, servePieces } from './exchange-streams.mjs';

const [first, ...rest] = process.argv.slice(2);
if (first === 'serve') {
  const [port, sender] = rest;
  servePieces(Number(port));
  serveDatagrams(Number(port) + 1, sender);
} else {
  const [sender, bytes, mtu, patience, ...hosts] = rest;
  const streams = hosts.map((host, index) => exchangeStreams(Number(first), Number(bytes), host, index));
  const found = (await Promise.all(streams)).flat();
  for (const host of hosts) {
    const { up, down } = await exchangeDatagrams(host, Number(first) + 1, sender, Number(mtu), Number(patience));
    found.push([`udp up ${host}`, up], [`udp down ${host}`, down]);
  }
  console.log(JSON.stringify(Object.fromEntries(found)));
  process.exit(0);
}

async function exchangeStreams(port, bytes, host, index) {
  const directions = [
    ['up', sendStream],
    ['down', receiveStream],
  ];
  if (index % 2 === 1) directions.reverse();
  const found = [];
  for (const [name, run] of directions) found.push([`tcp ${name} ${host}`, await run(host, port, bytes)]);
  return found;
}
