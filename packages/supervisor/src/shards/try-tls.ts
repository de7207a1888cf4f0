import type { TlsOptions } from '@shardvpn/worker';
import type { Log } from '../log.js';

/** Says which engine does the handshakes, as every shard will find it. Throws what the engine cannot use. */
export const tryTls = async (tls: TlsOptions, log: Log): Promise<void> => {
  const { chooseEngine, NodeTlsEngine } = await import('@shardvpn/worker');
  const choice = chooseEngine(tls);
  if (choice.engine === 'rustls') {
    log.info('TLS handshakes by rustls');
    return;
  }
  new NodeTlsEngine(tls);
  log.info('TLS handshakes by OpenSSL', { because: choice.reason });
};
