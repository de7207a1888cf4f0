import { describe, expect, test } from '@jest/globals';
import type { Authenticate } from './auth/auth-request.js';
import { createServer } from './create-server.js';

describe('createServer', () => {
  test('lists every error of a configuration, with its line', async () => {
    const problem = await createServer({ text: 'dev tun\nsevrer 10.8.0.0 255.255.255.0\nport 99999\n' }).catch(
      (error: Error) => error,
    );
    expect(problem).toMatchObject({ name: 'VpnError', code: 'config/invalid' });
    const lines = (problem as Error).message.split('\n');
    expect(lines.some((line) => line.includes(':2:') && line.includes('sevrer'))).toBe(true);
    expect(lines.some((line) => line.includes(':3:') && line.includes('port'))).toBe(true);
  });

  test('clients may come without certificates only where something checks users', async () => {
    const text = 'verify-client-cert none\ndev tun\n';
    const problem = (authenticate?: Authenticate): Promise<string> =>
      createServer({ text, ...(authenticate && { authenticate }) }).then(
        () => 'no problem',
        (error: Error) => error.message,
      );
    expect(await problem()).toContain('verify-client-cert: none lets everybody in');
    expect(await problem(() => ({ type: 'accept' }))).not.toContain('verify-client-cert');
  });

  test('names a file that is not there', async () => {
    await expect(createServer({ file: '/nonexistent/server.conf' })).rejects.toThrow('/nonexistent/server.conf');
  });
});
