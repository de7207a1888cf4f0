import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** Path of the program, or why it cannot be had. */
export type Minivpn = { readonly program: string } | { readonly missing: string };

/**
 * An OpenVPN client that shares no code with OpenVPN, from Go's module proxy. It is compiled once for each clone; Go's own cache makes that
 * a matter of a second after the first time on a machine, which takes half a minute of CPU time.
 */
export const getMinivpn = (): Minivpn => {
  const program = join(folder, 'minivpn');
  if (existsSync(program)) return { program };
  const go = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/go/bin'].map((path) => join(path, 'go'));
  const compiler = go.find((path) => existsSync(path));
  if (compiler === undefined) return { missing: 'no Go compiler is installed' };
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync(compiler, ['install', '-gcflags=all=-N -l', '-ldflags=-s -w', SOURCE], {
      env: { HOME: homedir(), ...process.env, GOBIN: folder, GOFLAGS: '', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: LIMIT_MS,
    });
    return { program };
  } catch (error) {
    rmSync(program, { force: true });
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    return { missing: code === 'ETIMEDOUT' ? 'compiling it takes too long' : lastLine(stderr?.toString() ?? '') };
  }
};

const VERSION = '0.0.7';
const SOURCE = `github.com/ooni/minivpn/cmd/minivpn@v${VERSION}`;
const LIMIT_MS = 240_000;
const folder = resolve(__dirname, `../../../node_modules/.minivpn-${VERSION}`);

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
