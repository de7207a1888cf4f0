import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientSettings } from './client.js';
import type { Host, Running } from './host.js';
import { keyFile, type Wrapping, wrappingLines } from './keys.js';
import type { Lab } from './lab.js';
import { reaches } from './ping.js';

/**
 * OpenVPN 3 for Linux on a host of its own. It is several services that talk over D-Bus, so that it gets a bus of its own, inside the tree
 * of its packages.
 */
export class OpenVpn3 {
  private constructor(
    readonly host: Host,
    private readonly place: Place,
    private readonly services: Running,
  ) {}

  /** `root`: of a tree with openvpn3-client and dbus. */
  static async start(lab: Lab, hostNumber: number, root: string): Promise<OpenVpn3> {
    const host = lab.host(hostNumber);
    const place = { root, folder: mkdtempSync(join(lab.folder, 'openvpn3-')) };
    prepare(place);
    const words = [
      'unshare',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      'bash',
      '--norc',
      '-c',
      SERVICES,
      'services',
    ];
    const services = host.start('openvpn3', ['env', '-i', PATH, ...words, root, place.folder, String(USER)]);
    await services.says(/all services are there/, 60);
    return new OpenVpn3(host, place, services);
  }

  /** Connects, and rejects with what it says when it does not. `answers`: lines for what it asks its user. */
  async connect(settings: ClientSettings, answers: readonly string[] = []): Promise<void> {
    writeFileSync(join(this.place.folder, 'profile.ovpn'), profile(settings));
    const words = ['session-start', '--config', PROFILE, '--timeout', '60'];
    const { code, output } = await this.#openvpn3(words, answers);
    if (code !== 0) throw new Error(`session-start ended with ${code}: ${output}\n${this.log()}`);
  }

  async disconnect(): Promise<void> {
    await this.#openvpn3(['session-manage', '--config', PROFILE, '--disconnect']);
  }

  log(): string {
    return this.services.log();
  }

  says(pattern: RegExp, seconds = 60): Promise<RegExpExecArray> {
    return this.services.says(pattern, seconds);
  }

  reaches(target: string, size?: number, wait?: number): Promise<boolean> {
    return reaches(this.host, target, size, wait);
  }

  #openvpn3(words: readonly string[], answers: readonly string[] = []): Promise<{ code: number; output: string }> {
    const { pid } = this.services;
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const enter = ['nsenter', '--target', child, '--mount', '--pid', 'chroot', this.place.root];
    const input = answers.map((line) => `${line}\n`).join('');
    const piped = ['bash', '--norc', '-c', 'printf %s "$0" | "$@"', input];
    return this.host.exec('env', '-i', PATH, ...piped, ...enter, '/usr/bin/openvpn3', ...words);
  }
}

/** `folder`: what this client writes; within the tree it is /run. */
interface Place {
  readonly root: string;
  readonly folder: string;
}

const PATH = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin';
const PROFILE = '/run/profile.ovpn';

/** The account that its services look for. */
const USER = 150;

/** Mounts and processes are in name spaces that end with it: a service that goes to the background ends as well. */
const SERVICES = `
root=$1 folder=$2 account=$3
mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" && mount --bind "$folder" "$root/run" || exit 1
as() { local user=$1; shift; chroot --userspec="$user:$user" --groups= "$root" "$@" & }
service() { local user=$1 name=$2; shift 2; as "$user" "/usr/libexec/openvpn3-linux/openvpn3-service-$name" "$@"; }
ask() { chroot "$root" dbus-send --system --print-reply --dest=org.freedesktop.DBus / "org.freedesktop.DBus.$@"; }
owned() { for name; do until ask NameHasOwner "string:net.openvpn.v3.$name" | grep -q true; do sleep 0.1; done; done; }
as 0 /usr/bin/dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile
until [ -S "$folder/dbus/system_bus_socket" ]; do sleep 0.1; done
service "$account" log --state-dir /run --log-level 6
owned log
service "$account" configmgr --state-dir /run/configs
service 0 netcfg --state-dir /run
service "$account" backendstart
service "$account" sessionmgr
owned configuration netcfg backends sessions
echo 'all services are there'
wait`;

const prepare = ({ root, folder }: Place): void => {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (!existsSync(join(root, name))) symlinkSync(`usr/${name}`, join(root, name));
  }
  for (const name of ['dev', 'proc', 'run', 'tmp']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), `root:x:0:0::/:/bin/false\n_openvpn:x:${USER}:${USER}::/:/bin/false\n`);
  writeFileSync(join(root, 'etc/group'), `root:x:0:\n_openvpn:x:${USER}:\n`);
  writeFileSync(join(root, 'etc/machine-id'), `${'0'.repeat(31)}1\n`);
  for (const path of [folder, join(folder, 'configs'), join(folder, 'dbus')]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
  }
  const rules = ['send_destination="*" eavesdrop="true"', 'eavesdrop="true"', 'own="*"', 'user="*"'];
  const allow = rules.map((rule) => `<allow ${rule}/>`).join('');
  const bus = '<type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>';
  writeFileSync(join(folder, 'bus.conf'), `<busconfig>${bus}<policy context="default">${allow}</policy></busconfig>\n`);
};

/** One file with everything in it. */
const profile = (settings: ClientSettings): string => {
  const { keys = 'ec', name = 'client1', wrapping = 'tls-crypt', lines = [], remote } = settings;
  const files = { ca: 'ca.crt', cert: `${name}.crt`, key: `${name}.key` };
  const blocks = Object.entries(files).map(([tag, file]) => block(tag, keyFile(keys, file)));
  const first = ['client', 'dev tun', 'nobind', `remote ${remote}`, 'remote-cert-tls server'];
  return `${[...first, ...lines, ...blocks, ...wrap(wrapping)].join('\n')}\n`;
};

const wrap = (wrapping: Wrapping): string[] =>
  wrappingLines(wrapping, 'client').flatMap((line) => {
    const [tag = '', file = '', direction] = line.split(' ');
    return [block(tag, file), ...(direction === undefined ? [] : [`key-direction ${direction}`])];
  });

const block = (tag: string, file: string): string => `<${tag}>\n${readFileSync(file, 'utf8').trim()}\n</${tag}>`;
