import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ROOT } from '../../harness/root.js';
import type { MicroCase } from '../micro-case.js';

/** Connects that are under way at once. */
const BATCH = 64;

interface RegistryModule {
  readonly Registry: new (
    options: object,
    ports: { send: (shard: number, message: unknown) => void; log: object },
  ) => { handle(shard: number, message: unknown): void };
}

/**
 * What a client's coming and going asks of the one registry: two questions and their answers, two pieces of news. A shard's thread asks,
 * this thread answers.
 */
export async function registryCases(): Promise<MicroCase[]> {
  const file = join(ROOT, 'packages/supervisor/dist/registry/registry.js');
  const { Registry } = (await import(pathToFileURL(file).href)) as RegistryModule;
  let shard: Worker | null = null;
  const ignore = (): void => undefined;
  const registry = new Registry(OPTIONS, {
    send: (_, message) => shard?.postMessage(message),
    log: { error: ignore, warn: ignore, info: ignore, debug: ignore },
  });
  return [
    {
      name: 'registry/a client comes and goes, 6 messages',
      operations: BATCH,
      waits: true,
      open: async () => {
        shard = new Worker(new URL('./registry-asker.js', import.meta.url));
        await once(shard, 'online');
      },
      run: () =>
        new Promise((done) => {
          const handle = (message: { readonly type: string }): void => {
            if (message.type !== 'done') {
              registry.handle(0, message);
              return;
            }
            shard?.off('message', handle);
            done();
          };
          shard?.on('message', handle).postMessage({ type: 'connect', clients: BATCH });
        }),
      close: async () => {
        await shard?.terminate();
      },
    },
  ];
}

const OPTIONS = {
  ipv4: {
    network: '10.8.0.0',
    netmask: '255.255.0.0',
    bits: 16,
    server: '10.8.0.1',
    pool: { first: '10.8.0.2', last: '10.8.255.254' },
  },
  ipv6: null,
  duplicateCn: true,
  maxClients: 60_000,
};
