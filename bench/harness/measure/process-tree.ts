import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** A process and everything it has started, directly or not, as far as it runs. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of allProcesses()) {
    const parent = readStat(pid)?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i] as number) ?? []));
  return tree;
}

/** CPU seconds (user and system) of a process, all of its threads and all that it started, ended or not. */
export function treeCpuSeconds(root: number): number {
  const { user, system } = treeCpuTime(root);
  return user + system;
}

/** CPU seconds in programs and in the kernel. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** `treeCpuSeconds` in its two parts. */
export function treeCpuTime(root: number): CpuTime {
  const stats = processTree(root).map(readStat);
  const sum = (key: keyof CpuTime): number => stats.reduce((total, stat) => total + (stat?.cpu[key] ?? 0), 0);
  return { user: sum('user'), system: sum('system') };
}

/** Resident memory of a process and all that it started, MiB. */
export function treeResidentMiB(root: number): number {
  return processTree(root).reduce((sum, pid) => sum + residentMiB(pid), 0);
}

/** CPU seconds of the kernel's own threads: what they do belongs to nobody in particular. */
export function kernelThreadSeconds(): number {
  return treeCpuSeconds(2);
}

interface Stat {
  readonly parent: number;
  /** With that of the children that it has waited for. */
  readonly cpu: CpuTime;
}

function readStat(pid: number): Stat | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The name in parentheses may contain blanks and parentheses; the fields after it may not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number);
  const cpu = { user: (user + childUser) / TICKS_PER_SECOND, system: (system + childSystem) / TICKS_PER_SECOND };
  return { parent: Number(fields[1]), cpu };
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) / 1024;
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
