import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.js';

let serial = 0;

/** One machine of the lab: a network namespace. */
export class Host {
  constructor(
    readonly namespace: string,
    /** Addresses on the network that all hosts share. */
    readonly ipv4: string,
    readonly ipv6: string,
    private readonly folder: string,
    private readonly running: Set<Running>,
  ) {}

  /** Starts a process whose output goes to a log file of its own. */
  start(
    name: string,
    command: readonly string[],
    options: { env?: Record<string, string>; cwd?: string } = {},
  ): Running {
    const log = join(this.folder, `${this.namespace}-${name}-${++serial}.log`);
    const output = openSync(log, 'a');
    const child = spawn('ip', ['netns', 'exec', this.namespace, ...command], {
      stdio: ['ignore', output, output],
      env: { ...process.env, NODE_OPTIONS: '', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    closeSync(output);
    const process_ = new Running(name, child, log);
    this.running.add(process_);
    return process_;
  }

  /** Runs a command to its end. Never throws: the exit code is part of the answer. */
  exec(...command: string[]): Promise<{ code: number; output: string }> {
    return new Promise((resolve) => {
      const options = { encoding: 'utf8' as const, maxBuffer: 1 << 26, env: { ...process.env, NODE_OPTIONS: '' } };
      execFile('ip', ['netns', 'exec', this.namespace, ...command], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, output: stdout + stderr });
      });
    });
  }

  ip(...args: string[]): string {
    return execFileSync('ip', ['-n', this.namespace, ...args], { encoding: 'utf8' });
  }

  /** GET from inside the host; for the status endpoint, which listens on its loopback. Rejects where nobody answers. */
  async get(url: string): Promise<{ status: number; body: string }> {
    const { hostname, port, pathname } = new URL(url);
    const { code, output } = await this.exec('timeout', '60', 'bash', '-c', GET, 'get', hostname, port, pathname);
    const [, status, headers = '', rest] = /^HTTP\/1\.[01] (\d{3})(.*?)\n\n(.*)$/s.exec(output) ?? [];
    if (code !== 0 || status === undefined || rest === undefined) throw new Error(`GET ${url}: ${output}`);
    // The output has what programs complain of as well.
    const length = Number(/\ncontent-length: *(\d+)/i.exec(headers)?.[1] ?? 0);
    return { status: Number(status), body: Buffer.from(rest).subarray(0, length).toString() };
  }
}

/** Asks again and again while others need the processor: a program of Node would take a hundred times as much of it. */
const GET = `
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET %s HTTP/1.1\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n' "$3" "$1" >&3
length=0
while IFS= read -r line <&3; do
  line=\${line%$'\\r'}
  echo "$line"
  [ -n "$line" ] || break
  case "\${line,,}" in content-length:*) length=\${line#*:} ;; esac
done
head -c $((length)) <&3`;

/** A process of the lab. */
export class Running {
  readonly ended: Promise<number>;

  constructor(
    readonly name: string,
    readonly child: ChildProcess,
    readonly logFile: string,
  ) {
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? (signal ? -1 : 1))));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Waits for a line of the log; fails at once when the process ends without it. */
  async says(pattern: RegExp, seconds = 60): Promise<RegExpExecArray> {
    return until(
      `${this.name} says ${pattern}`,
      () => {
        const found = pattern.exec(this.log());
        if (!found && !this.isRunning) throw new Error(`${this.name} ended without saying ${pattern}`);
        return found;
      },
      { seconds },
    );
  }

  signal(name: NodeJS.Signals): void {
    if (this.isRunning) this.child.kill(name);
  }

  /** SIGTERM, and SIGKILL after some seconds; resolves with the exit code, -1 for a signal. */
  async stop(seconds = 60): Promise<number> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), seconds * 1000);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }
}
