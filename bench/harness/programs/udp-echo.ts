/** Sends every UDP packet back where it came from. Usage: udp-echo.js PORT */
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (packet, { address, port }) => socket.send(packet, port, address));
socket.bind(Number(process.argv[2]), () => console.log('echoing'));
