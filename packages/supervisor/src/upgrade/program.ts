/** What the new process of an upgrade is started with: the words of this one's own command line. */
export interface Program {
  readonly command: string;
  readonly words: readonly string[];
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** `directory`: where this process was started, which relative names count from. */
export const ownProgram = (directory: string): Program => ({
  command: process.execPath,
  words: [...process.execArgv, ...process.argv.slice(1)],
  directory,
  environment: process.env,
});

/** Names the descriptor by which a process is to take over from the one that has started it. */
const VARIABLE = 'SHARDVPN_TAKE_OVER';

export const withTakeOver = (environment: NodeJS.ProcessEnv, fd: number): NodeJS.ProcessEnv => ({
  ...environment,
  [VARIABLE]: `${process.pid}:${fd}`,
});

/** Whether this process is to take over: what it needs is in use then. To be asked before `takeOverDescriptor`. */
export const takesOver = (environment: NodeJS.ProcessEnv = process.env): boolean => descriptorIn(environment) !== null;

/** The descriptor, null for a process that starts by itself. Processes that this one starts do not see it. */
export const takeOverDescriptor = (environment: NodeJS.ProcessEnv = process.env): number | null => {
  const descriptor = descriptorIn(environment);
  delete environment[VARIABLE];
  return descriptor;
};

const descriptorIn = (environment: NodeJS.ProcessEnv): number | null => {
  const [, parent, fd] = /^(\d{1,10}):(\d{1,5})$/.exec(environment[VARIABLE] ?? '') ?? [];
  return Number(parent) === process.ppid ? Number(fd) : null;
};
