import type { LoadedConfig } from '../config/load-config.js';
import { planReload, type RefusedChange, type ReloadPlan, refuse } from '../config/plan-reload.js';
import { problemText } from '../config/problem.js';
import type { ServerConfig } from '../config/server-config.js';
import type { Log } from '../log.js';
import type { CrlFollower } from '../registry/crl-source.js';
import { readRevocation } from '../registry/crl-source.js';
import type { Registry } from '../registry/registry.js';
import { RevocationList } from '../registry/revocation.js';
import type { KeyVerifier } from '../scripts/key-verifier.js';
import type { DataPlane } from './data-plane.js';
import type { PreparedListeners } from './listener-set.js';
import type { ShardGroup } from './shard-group.js';
import { liveOptions } from './shard-start.js';
import { tryTls } from './try-tls.js';

/** What reading the configuration again has done, as `POST /reload` answers it. */
export interface ReloadReport {
  /** `refused`: there is an error, and nothing has changed. */
  readonly result: 'changed' | 'unchanged' | 'refused';
  /** Directives whose new value is in force for the clients and handshakes from now on. */
  readonly changed: readonly string[];
  /** Directives that need a restart of the server, and why. They are as they were. */
  readonly notChanged: readonly RefusedChange[];
  /** Errors and warnings, with file and line where they have one. */
  readonly problems: readonly string[];
}

export interface ReloaderPorts {
  /** Null for a configuration that did not come from text. */
  readonly readAgain: (() => LoadedConfig) | null;
  readonly group: Pick<ShardGroup, 'reconfigure' | 'leaveListener'>;
  readonly registry: Pick<Registry, 'reconfigure' | 'setRevocation'>;
  readonly keys: Pick<KeyVerifier, 'reconfigure'>;
  readonly data: Pick<DataPlane, 'starts' | 'changeRoutes' | 'limitStreams'> & {
    readonly listeners: Pick<DataPlane['listeners'], 'prepare' | 'apply'>;
  };
  readonly crl: Pick<CrlFollower, 'follow'>;
  /** Goes on in new files where old ones were moved away; returns what is wrong. */
  readonly reopenFiles: () => readonly string[];
  readonly log: Log;
}

/** Takes a configuration that has been read again into use, as far as a running server can. */
export class Reloader {
  readonly #ports: ReloaderPorts;
  #config: ServerConfig;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: ServerConfig, ports: ReloaderPorts) {
    this.#config = config;
    this.#ports = ports;
  }

  /** The configuration in force. */
  get config(): ServerConfig {
    return this.#config;
  }

  /** One after the other; the log says what the report says. Never rejects because of what the files hold. */
  reload(): Promise<ReloadReport> {
    const report = this.#last.then(() => this.#reload());
    this.#last = report.catch(() => {});
    return report;
  }

  async #reload(): Promise<ReloadReport> {
    const { readAgain, reopenFiles, log } = this.#ports;
    for (const problem of reopenFiles()) log.warn(problem);
    if (readAgain === null)
      return tell(log, refused(['the server was not started from a file: nothing to read again']));
    const { config, problems } = readAgain();
    if (config === null) return tell(log, refused(problems.filter(isError).map(problemText)));
    const warnings = problems.filter(({ severity }) => severity === 'warning').map(problemText);
    const plan = planReload(this.#config, config);
    const revoked = await this.#prepare(plan);
    if (typeof revoked === 'string') return tell(log, refused([revoked]));
    return tell(log, await this.#apply(this.#prepareListeners(plan), revoked, warnings));
  }

  /** Tries out what can fail before anything changes: the revoked certificates, or what is wrong. */
  async #prepare({ config }: ReloadPlan): Promise<RevocationList | string> {
    const { tls } = config;
    const { log } = this.#ports;
    try {
      if (tls !== this.#config.tls) {
        await tryTls(tls, log);
      }
      return tls.crl === null ? RevocationList.empty : await readRevocation(tls.crl, tls.ca);
    } catch (error) {
      return `${config.source}: ${(error as Error).message}`;
    }
  }

  /** Opens what is new; when that is refused, all listeners stay as they are. */
  #prepareListeners(plan: ReloadPlan): ReadyPlan {
    if (plan.config.listeners === this.#config.listeners) return { plan, listeners: null };
    try {
      return { plan, listeners: this.#ports.data.listeners.prepare(plan.config) };
    } catch (error) {
      return { plan: refuse(plan, this.#config, 'listeners', (error as Error).message), listeners: null };
    }
  }

  async #apply({ plan, listeners }: ReadyPlan, revoked: RevocationList, warnings: readonly string[]) {
    const { group, registry, keys, data, crl, log } = this.#ports;
    const before = this.#config;
    const routes = data.changeRoutes(plan.config.routes);
    const sockets =
      listeners === null ? [] : data.listeners.apply(listeners, (listener) => group.leaveListener(listener));
    const config = { ...plan.config, routes: routes.inForce };
    this.#config = config;
    const tlsChanged = config.tls !== before.tls || config.crlFile !== before.crlFile;
    registry.reconfigure(config);
    keys.reconfigure(config);
    log.setVerb?.(config.verb);
    data.limitStreams(config);
    const shards = await group.reconfigure(liveOptions(config, data.starts.length), tlsChanged ? config.tls : null);
    if (tlsChanged) {
      registry.setRevocation(revoked);
      crl.follow(config);
    }
    return {
      result: plan.live.length > 0 ? 'changed' : 'unchanged',
      changed: plan.live,
      notChanged: plan.refused,
      problems: [...warnings, ...routes.problems, ...sockets, ...shards],
    } satisfies ReloadReport;
  }
}

/** What the system has agreed to. */
interface ReadyPlan {
  readonly plan: ReloadPlan;
  /** null when they stay. */
  readonly listeners: PreparedListeners | null;
}

const isError = ({ severity }: { readonly severity: string }): boolean => severity === 'error';

const refused = (problems: readonly string[]): ReloadReport => ({
  result: 'refused',
  changed: [],
  notChanged: [],
  problems,
});

const tell = (log: Log, report: ReloadReport): ReloadReport => {
  const { result, changed, notChanged, problems } = report;
  for (const problem of problems) log[result === 'refused' ? 'error' : 'warn'](problem);
  if (result === 'refused') log.error('the configuration has errors: nothing has been changed');
  else if (result === 'unchanged') log.info('configuration read again: nothing to change');
  else log.info('configuration read again', { changed: changed.join(' ') });
  for (const { directive, reason } of notChanged) log.warn(`${directive} needs a restart: ${reason}`);
  return report;
};
