import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { SharedStreams, type ShareLimits, type ShareTarget } from './shared-streams.js';

const LIMITS: ShareLimits = { most: 2, connect: 60_000, idle: 60_000 };
const warnings: string[] = [];
const quiet = (): void => {};
const log = { error: quiet, warn: (text: string) => void warnings.push(text), info: quiet, debug: quiet };
const cleanUp: (() => void)[] = [];

afterEach(() => {
  warnings.length = 0;
  for (const step of cleanUp.splice(0)) step();
});

const listen = async (onConnection: (socket: Socket) => void): Promise<{ host: string; port: number }> => {
  const server: Server = createServer({ allowHalfOpen: true }, onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
};

/** A browser's end of a connection, and the one that a data thread has accepted. */
const visitor = async (): Promise<{ browser: Socket; near: Socket }> => {
  const accepted: ((socket: Socket) => void)[] = [];
  const near = new Promise<Socket>((resolve) => accepted.push(resolve));
  const address = await listen((socket) => accepted[0]?.(socket));
  const browser = connect({ ...address, allowHalfOpen: true });
  browser.on('error', quiet);
  cleanUp.push(() => browser.destroy());
  return { browser, near: await near };
};

const heard = async (socket: Socket): Promise<string> => {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
};

/** Both ends are gone, in whichever order. */
const emptied = async (streams: SharedStreams): Promise<void> => {
  while (streams.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
};

const question = Buffer.from('GET /');

test('the other server hears what was said before, and its answer comes back', async () => {
  const target = await listen((socket) => socket.end('hello'));
  const streams = new SharedStreams(log, LIMITS);
  const { browser, near } = await visitor();
  streams.join(near, question, target);
  browser.end();
  expect(await heard(browser)).toBe('hello');
  await emptied(streams);
  expect(warnings).toEqual([]);
});

test('more than the limit are closed at once, and places come back', async () => {
  const target = await listen((socket) =>
    socket
      .resume()
      .on('error', quiet)
      .on('end', () => socket.end()),
  );
  const streams = new SharedStreams(log, LIMITS);
  const visitors = [await visitor(), await visitor(), await visitor(), await visitor()];
  for (const { near } of visitors) streams.join(near, question, target);
  expect(visitors.map(({ near }) => near.destroyed)).toEqual([false, false, true, true]);
  expect(warnings).toEqual(['port-share: 2 connections are joined already, more are closed']);
  const [first] = visitors;
  first?.browser.destroy();
  while (streams.size > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const next = await visitor();
  streams.join(next.near, question, target);
  expect(next.near.destroyed).toBe(false);
  streams.close();
});

test('nobody listens there: the browser is let go, and the log says so once a minute', async () => {
  const free = await listen(quiet);
  cleanUp.splice(0, 1).forEach((step) => void step());
  const streams = new SharedStreams(log, LIMITS);
  for (let turn = 0; turn < 2; turn++) {
    const { browser, near } = await visitor();
    streams.join(near, question, free);
    expect(await heard(browser).catch(() => '')).toBe('');
  }
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^port-share: connect ECONNREFUSED .*; is the other server running\?$/);
  await emptied(streams);
});

test('a server that does not answer in time costs its browser the connection', async () => {
  // A name that nobody answers for is as slow as a server can be.
  const slow = ({ host, port }: ShareTarget) => connect({ host, port, lookup: quiet });
  const streams = new SharedStreams(log, { ...LIMITS, connect: 50 }, slow);
  const { browser, near } = await visitor();
  streams.join(near, question, { host: 'web.invalid', port: 80 });
  expect(await heard(browser).catch(() => '')).toBe('');
  expect(warnings).toEqual(['port-share: web.invalid:80 has not answered within 0.05 s']);
});

test('two that say nothing are parted after a while', async () => {
  const target = await listen((socket) => socket.on('error', quiet));
  const streams = new SharedStreams(log, { ...LIMITS, idle: 200 });
  const { browser, near } = await visitor();
  streams.join(near, question, target);
  expect(await heard(browser).catch(() => '')).toBe('');
  await emptied(streams);
  expect(warnings).toEqual([]);
});

test('a server that does not read is not read for: what waits stays bounded', async () => {
  let server: Socket | undefined;
  const target = await listen((socket) => {
    server = socket.pause().on('error', quiet);
  });
  const streams = new SharedStreams(log, LIMITS);
  const { browser, near } = await visitor();
  streams.join(near, question, target);
  while (browser.writableLength === 0) {
    browser.write(Buffer.alloc(1 << 20));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(near.readableLength).toBeLessThan(1 << 20);
  streams.close();
  server?.destroy();
});
