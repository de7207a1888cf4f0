import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerOptions, WrapOptions } from '@shardvpn/core';
import { NodeTlsEngine, ShardTlsEngine } from '@shardvpn/worker';
import { clientOptions, loadProfile } from 'shardvpn';
import { clientConfig } from '../../harness/lab/configs.js';
import { HandshakeLab } from '../handshake-lab.js';
import type { MicroCase } from '../micro-case.js';

/** A whole connect, both sides in this thread, from the first packet to the keys of both: TLS 1.3 with certificates. */
export function handshakeCases(keys: string): MicroCase[] {
  const { profile } = loadProfile({ text: clientConfig(keys, [], '192.0.2.1').join('\n'), name: 'micro.conf' });
  if (profile === null) throw new Error('the profile has faults');
  const { wrap } = profile;
  if (wrap.type === 'tls-crypt-v2') throw new Error('the micro server takes one key of all');
  const read = (name: string): string => readFileSync(join(keys, name), 'utf8');
  const serverTls = { ...profile.tls, cert: read('server.crt'), key: read('server.key'), remoteCertTls: null } as const;
  return (['openssl', 'rustls'] as const).map((engine) => {
    const ports = { now: () => performance.now(), warn: () => {} };
    const lab = new HandshakeLab(
      { options: serverOptions(wrap), tls: new ShardTlsEngine({ ...serverTls, engine }, ports) },
      {
        options: clientOptions(profile, { host: '192.0.2.1', port: 1194 }),
        tls: new NodeTlsEngine(profile.tls),
      },
    );
    return { name: `handshake/client and server, ${engine}`, operations: 1, waits: true, run: () => lab.connect() };
  });
}

const serverOptions = (wrap: WrapOptions): ServerOptions => ({
  shard: 0,
  shards: 1,
  wrap,
  cookieKey: new Uint8Array(32).fill(3),
  dataCiphers: ['AES-256-GCM'],
  fallbackCipher: null,
  occ: { cipher: 'AES-256-GCM', auth: 'SHA1', tunMtu: 1500 },
  clientCertificate: 'require',
  push: ['topology subnet', 'ping 10', 'ping-restart 60'],
  tunMtu: 1500,
  pingInterval: 10,
  pingTimeout: 120,
  handWindow: 60,
  tranWindow: 3600,
  renegSec: 3600,
  tlsTimeout: 2,
  connectFreqInitial: { count: 1_000_000, seconds: 1 },
  explicitExitNotify: 0,
  maxPacketSize: 1250,
  maxSessions: 100_000,
});
