import { writeFileSync } from 'node:fs';
import { fileFault } from '../config/read.js';
import type { ServerConfig } from '../config/server-config.js';
import { createLog, type Log } from '../log.js';

type LogSettings = Pick<ServerConfig, 'verb' | 'log'>;

/** The log of `verb`, `log` and `log-append`. */
export const openLog = ({ verb, log }: LogSettings): Log => {
  try {
    return createLog({ verb, file: log?.file ?? null, append: log?.append ?? false });
  } catch (error) {
    throw new Error(`cannot open the log file ${log?.file}: ${fileFault(error)}`);
  }
};

/** The file of `writepid`. */
export const writePid = ({ writepid }: Pick<ServerConfig, 'writepid'>): void => {
  if (writepid === null) return;
  try {
    writeFileSync(writepid, `${process.pid}\n`);
  } catch (error) {
    throw new Error(`cannot write the pid file ${writepid}: ${fileFault(error)}`);
  }
};
