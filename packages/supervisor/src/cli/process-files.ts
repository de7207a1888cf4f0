import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { fileFault } from '../config/read.js';
import type { ServerConfig } from '../config/server-config.js';
import { createLog, type Log } from '../log.js';

type LogSettings = Pick<ServerConfig, 'verb' | 'log'>;

/** The log of `verb`, `log` and `log-append`; `goesOn`: what is in the file stays in any case. */
export const openLog = ({ verb, log }: LogSettings, goesOn = false): Log => {
  try {
    return createLog({ verb, file: log?.file ?? null, append: goesOn || (log?.append ?? false) });
  } catch (error) {
    throw new Error(`cannot open the log file ${log?.file}: ${fileFault(error)}`);
  }
};

/** The file of `writepid`; null without one. It is opened before `user` and `group`, and written when this process serves. */
export const openPidFile = ({ writepid }: Pick<ServerConfig, 'writepid'>): PidFile | null => {
  if (writepid === null) return null;
  try {
    const fd = openSync(writepid, 'a', 0o644);
    return {
      write: () => {
        ftruncateSync(fd);
        writeSync(fd, `${process.pid}\n`);
        closeSync(fd);
      },
    };
  } catch (error) {
    throw new Error(`cannot write the pid file ${writepid}: ${fileFault(error)}`);
  }
};

export interface PidFile {
  /** Once. */
  write(): void;
}
