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
  return {
    options,
    times: sessionTimes(options),
    optionsString: (path, client) =>
      encodeOptionsString({
        ...common,
        stream: isStream(path),
        ...layersInOptionsString(layersOn(path, layers), client, push),
      }),
  };
};

export type SharedOptions = Pick<ServerContext, 'options' | 'times' | 'optionsString'>;
