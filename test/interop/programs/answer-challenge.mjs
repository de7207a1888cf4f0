/** Answers a client's management interface: a name, a password, and a PIN when it is asked for one. */
import { connect } from 'node:net';

const [port, username, pin] = process.argv.slice(2);
let password = 'secret';

const attach = () => {
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => setTimeout(attach, 200));
  let text = '';
  socket.setEncoding('utf8').on('data', (part) => {
    text += part;
    const lines = text.split('\n');
    text = lines.pop();
    for (const line of lines) answer(socket, line.trim());
  });
};

const answer = (socket, line) => {
  console.log(line);
  const state = /CRV1:[^:]*:([^:]*):/.exec(line)?.[1];
  if (state !== undefined) password = `CRV1::${state}::${pin}`;
  if (line.startsWith(">PASSWORD:Need 'Auth'")) {
    socket.write(`username "Auth" "${username}"\npassword "Auth" "${password}"\n`);
  }
};

attach();
