import { isDeepStrictEqual } from 'node:util';
import type { TlsOptions } from '@shardvpn/worker';
import { RELOAD_RULES, TLS_DIRECTIVES } from './reload-rules.js';
import type { ServerConfig } from './server-config.js';

/** What becomes of a running server's configuration when it is read again. */
export interface ReloadPlan {
  /** Directives that change, each once. */
  readonly live: readonly string[];
  /** Directives that are written differently now and stay as they were, each once. */
  readonly refused: readonly RefusedChange[];
  /** `before` with everything that is in `live`. */
  readonly config: ServerConfig;
}

export interface RefusedChange {
  readonly directive: string;
  readonly reason: string;
}

/** Compares two configurations by their meaning: a line that says the same in other words is no change. */
export const planReload = (before: ServerConfig, after: ServerConfig): ReloadPlan => {
  const keys = Object.keys(RELOAD_RULES) as (keyof ServerConfig)[];
  const changed = keys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
  const refusals = new Map(changed.map((key) => [key, refusalOf(key, before, after)] as const));
  const taken = changed.filter((key) => refusals.get(key) === null);
  return {
    live: unique(taken.flatMap((key) => directivesOf(key, before, after))),
    refused: onceEach(
      changed.flatMap((key) => {
        const reason = refusals.get(key) ?? null;
        return reason === null ? [] : [{ directive: RELOAD_RULES[key].directive, reason }];
      }),
    ),
    config: { ...before, ...Object.fromEntries(taken.map((key) => [key, after[key]])) },
  };
};

/** The plan when `key` has to stay as it was `before`, for a reason that only the system knew. */
export const refuse = (plan: ReloadPlan, before: ServerConfig, key: keyof ServerConfig, reason: string): ReloadPlan => {
  const { directive } = RELOAD_RULES[key];
  return {
    live: plan.live.filter((name) => name !== directive),
    refused: onceEach([...plan.refused, { directive, reason }]),
    config: { ...plan.config, [key]: before[key] },
  };
};

/** Why a setting that differs stays as it is; null when it changes. */
const refusalOf = (key: keyof ServerConfig, before: ServerConfig, after: ServerConfig): string | null => {
  const { refuse, partOf = [] } = RELOAD_RULES[key];
  const own = refuse === undefined ? null : refuse(before, after);
  if (own !== null) return own;
  const whole = partOf.find(
    (other) => !isDeepStrictEqual(before[other], after[other]) && refusalOf(other, before, after) !== null,
  );
  return whole === undefined ? null : `it goes with ${RELOAD_RULES[whole].directive}, which needs a restart`;
};

const directivesOf = (key: keyof ServerConfig, before: ServerConfig, after: ServerConfig): readonly string[] => {
  if (key !== 'tls') return RELOAD_RULES[key].directive === '' ? [] : [RELOAD_RULES[key].directive];
  const names = Object.keys(TLS_DIRECTIVES) as (keyof TlsOptions)[];
  return names
    .filter((name) => !isDeepStrictEqual(before.tls[name], after.tls[name]))
    .map((name) => TLS_DIRECTIVES[name]);
};

/** One directive may be several settings. */
const onceEach = (changes: readonly RefusedChange[]): readonly RefusedChange[] =>
  changes.filter(({ directive }, at) => changes.findIndex((change) => change.directive === directive) === at);

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];
