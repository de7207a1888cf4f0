import type { CryptoProvider } from '../ports.js';
import type { Role } from '../role.js';
import type { ClientWrapOptions } from '../server/server-options.js';
import { createPlainWrapper } from './plain.js';
import { createTlsAuthWrapper } from './tls-auth.js';
import { createTlsCryptWrapper } from './tls-crypt.js';
import type { Wrapper } from './wrapper.js';

/** How the control packets of one session are protected until it renegotiates. */
export interface ControlProtection {
  readonly wrapper: Wrapper;
  /** 256 bytes; null without wrapping. [wire 3] */
  readonly key: Uint8Array | null;
  /** The client's sealed key, behind its first packets; null without tls-crypt-v2. [wire 7.1] */
  readonly wrappedKey: Uint8Array | null;
}

export const createProtection = (options: ClientWrapOptions, role: Role, crypto: CryptoProvider): ControlProtection => {
  switch (options.type) {
    case 'none':
      return { wrapper: createPlainWrapper(), key: null, wrappedKey: null };
    case 'tls-auth': {
      const { key, direction, digest } = options;
      return { wrapper: createTlsAuthWrapper(key, direction, digest, crypto), key, wrappedKey: null };
    }
    case 'tls-crypt':
      return { wrapper: createTlsCryptWrapper(options.key, role, crypto), key: options.key, wrappedKey: null };
    case 'tls-crypt-v2': {
      const { key, wrappedKey } = options;
      return { wrapper: createTlsCryptWrapper(key, role, crypto), key, wrappedKey };
    }
  }
};
