import { layersOn } from '../framing.js';
import { isStream } from '../ids.js';
import { sessionTimes } from '../session/session-times.js';
import { encodeOptionsString } from '../wire/options-string.js';
import { layersInOptionsString } from './choose-layers.js';
import type { ServerContext } from './server-context.js';
import type { ServerOptions } from './server-options.js';

/** What the options of a server mean for all of its sessions. */
export const sharedOptions = (options: ServerOptions): SharedOptions => {
  const { cipher, auth, tunMtu } = options.occ;
  const { dataCiphers, wrap, layers, push } = options;
  const common = { role: 'server' as const, cipher, auth, tunMtu, dataCiphers, wrap };
  const encoded = new Map<string, string>();
  return {
    options,
    times: sessionTimes(options),
    optionsString: (path, client) => {
      const stream = isStream(path);
      const shown = layersInOptionsString(layersOn(path, layers), client, push);
      const key = `${stream} ${shown.compression} ${shown.linkBytes} ${shown.fragment}`;
      const text = encoded.get(key) ?? encodeOptionsString({ ...common, stream, ...shown });
      encoded.set(key, text);
      return text;
    },
  };
};

export type SharedOptions = Pick<ServerContext, 'options' | 'times' | 'optionsString'>;
