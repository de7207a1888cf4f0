import { deepStrictEqual, ok } from 'node:assert';
import { loadConfig } from '../../../packages/supervisor/src/config/load-config.js';
import { planReload } from '../../../packages/supervisor/src/config/plan-reload.js';
import type { ServerConfig } from '../../../packages/supervisor/src/config/server-config.js';
import { changedSettings, digestSettings } from '../../../packages/supervisor/src/upgrade/lasting-settings.js';
import { SERVER_MATERIAL } from '../server-material.js';

const NOW = new Date('2027-01-01');
const NOWHERE = '/nonexistent';

/**
 * A server's configuration before and after somebody has edited it. What a reload takes it takes at once, what it refuses stays as
 * it was, and nothing is both.
 */
export const reloadPlan = (input: Uint8Array): void => {
  const [first = '', second = ''] = new TextDecoder().decode(input).split('\0');
  const [before, after] = [configOf(first), configOf(second)];
  if (before === null || after === null) return;
  for (const config of [before, after]) {
    deepStrictEqual(planReload(config, config), { live: [], refused: [], config });
    deepStrictEqual(changedSettings(config, handedOver(digestSettings(config))), []);
  }
  const { live, refused, config } = planReload(before, after);
  const stays = refused.map(({ directive }) => directive);
  for (const names of [live, stays]) deepStrictEqual(names, [...new Set(names)]);
  deepStrictEqual(
    live.filter((name) => stays.includes(name)),
    [],
  );
  deepStrictEqual(planReload(config, after), { live: [], refused, config });
  deepStrictEqual(planReload(before, config), { live, refused: [], config });
  for (const name of changedSettings(after, handedOver(digestSettings(config)))) ok(stays.includes(name), name);
};

const configOf = (text: string): ServerConfig | null => {
  const { config, problems } = loadConfig({ text: SERVER_MATERIAL + text, name: 'server.conf' }, NOWHERE, NOW);
  ok(config !== null || problems.length > 0);
  return config;
};

const handedOver = (digests: Record<string, string>): Record<string, string> => JSON.parse(JSON.stringify(digests));
