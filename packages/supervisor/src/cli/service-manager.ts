import type { Log } from '../log.js';
import { loadNative } from '../shards/native-port.js';

/** Tells systemd, where it has started this process with `Type=notify`. */
export const tellServiceManager = async (text: string, log: Log): Promise<void> => {
  const address = process.env.NOTIFY_SOCKET;
  if (address === undefined || address === '') return;
  try {
    (await loadNative()).notifyService(address, text);
  } catch (error) {
    log.warn((error as Error).message);
  }
};
