import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import { repeat } from '../system/repeat.js';
import { StateFile } from '../system/state-file.js';
import type { Registry } from './registry.js';

/**
 * Reads the `ifconfig-pool-persist` file into the registry and writes it every so often, where the interval is not 0.
 * Returns what writes it for the last time, unless another process does that by now, and closes it.
 */
export const keepLeases = (
  poolPersist: ServerConfig['poolPersist'],
  registry: Pick<Registry, 'restoreLeases' | 'leaseFile'>,
  log: Log,
  isOthers: () => boolean = () => false,
): (() => void) => {
  if (poolPersist === null) return () => {};
  const { file: path, seconds } = poolPersist;
  const file = StateFile.open(path, 'ifconfig-pool-persist');
  let written = file.read();
  registry.restoreLeases(written, path);
  if (seconds === 0) return () => file.close();
  const save = (): void => {
    const text = registry.leaseFile();
    if (text !== written) file.write(text);
    written = text;
  };
  const end = repeat(seconds * 1000, `writing ${path}`, save, log);
  return () => {
    end();
    if (!isOthers()) save();
    file.close();
  };
};
