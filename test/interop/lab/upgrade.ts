import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Running } from './host.js';
import type { Lab } from './lab.js';
import { type ServerSettings, shardvpnCommand, writeServerConfig } from './server.js';
import { readStatus } from './status.js';
import { until } from './until.js';

/** On a machine that does much else at the same time. */
export const PATIENT = { seconds: 60 };

/** Processes that have taken over: they are no children of the test. */
const heirs = new Set<number>();

export interface Upgradable {
  readonly server: Running;
  readonly config: string;
  /** What an upgrade starts. */
  readonly program: string;
}

export const programText = (): string => `import ${JSON.stringify(shardvpnCommand[1])};\n`;

/** A server whose file, and program, can be written again. */
export async function startUpgradable(lab: Lab, settings: ServerSettings = {}): Promise<Upgradable> {
  const lines = [...(settings.lines ?? []), `writepid ${pidFileOf(lab)}`];
  const config = writeServerConfig(lab, { ...settings, lines });
  const program = join(lab.folder, 'program.mjs');
  writeFileSync(program, programText());
  const server = lab.serverHost.start('server', [process.execPath, program, '--config', config]);
  await server.says(/ready pid=/, PATIENT.seconds);
  return { server, config, program };
}

/** The new process, once its status endpoint answers, and the pause in milliseconds. `pidFile`: null where there is none. */
export async function upgrade(
  lab: Lab,
  config: string,
  pidFile: string | null = pidFileOf(lab),
): Promise<{ pid: number; pause: number; sessions: number }> {
  const { code, output } = await lab.serverHost.exec(...shardvpnCommand, 'upgrade', config);
  const [, pid, sessions, pause] =
    /process (\d+), version \S+, serves (\d+) clients after a pause of (\d+) ms/.exec(output) ?? [];
  if (code !== 0 || pid === undefined) throw new Error(`upgrade ended with ${code}: ${output}`);
  heirs.add(Number(pid));
  if (pidFile !== null) {
    await until('the pid file names it', () => readFileSync(pidFile, 'utf8') === `${pid}\n`, PATIENT);
  }
  await until('its status endpoint answers', () => readStatus(lab).then(Boolean, () => false), PATIENT);
  return { pid: Number(pid), pause: Number(pause), sessions: Number(sessions) };
}

/** Ends the processes that have taken over in this file. */
export async function endHeirs(): Promise<void> {
  for (const pid of heirs) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await until('they are gone', () => ![...heirs].some(isAlive), PATIENT);
  heirs.clear();
}

export const pidFileOf = (lab: Lab): string => join(lab.folder, 'server.pid');

/** A process that has ended and that nobody has asked for is dead as well. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
