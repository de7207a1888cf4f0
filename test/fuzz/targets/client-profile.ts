import { ok } from 'node:assert';
import { clientOptions } from '../../../packages/supervisor/src/client/client-options.js';
import { loadProfile } from '../../../packages/supervisor/src/client/load-profile.js';

const NOW = new Date(1_700_000_000_000);
const NOWHERE = '/nonexistent';

/** A client's profile with any text, blocks of keys and certificates in it included. */
export const clientProfile = (input: Uint8Array): void => {
  const text = new TextDecoder().decode(input);
  const { profile, problems } = loadProfile({ text, name: 'client.ovpn' }, NOWHERE, NOW, () => 0.5);
  ok(profile !== null || problems.length > 0);
  for (const { message } of problems) ok(message !== '');
  if (profile !== null) clientOptions(profile, { host: '192.0.2.1', port: 1194 });
};
