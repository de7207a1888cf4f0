import { ok } from 'node:assert';
import { VpnError } from '@shardvpn/core';
import { parseStaticKey } from '../../../packages/core/src/keys/static-key.js';
import { loadConfig } from '../../../packages/supervisor/src/config/load-config.js';
import { parseClientKey, parseServerKey } from '../../../packages/supervisor/src/pki/tls-crypt-v2-key.js';

const NOW = new Date(1_700_000_000_000);
const NOWHERE = '/nonexistent';

/** A server.conf and key files with any text: problems are said, each with its place, and nothing else is thrown. */
export const serverConf = (input: Uint8Array): void => {
  const text = new TextDecoder().decode(input);
  const { config, problems } = loadConfig({ text, name: 'server.conf' }, NOWHERE, NOW);
  ok(config !== null || problems.length > 0);
  for (const parse of [parseStaticKey, parseServerKey, parseClientKey]) {
    try {
      parse(text, 'a key');
    } catch (error) {
      if (!(error instanceof VpnError)) throw error;
    }
  }
};
