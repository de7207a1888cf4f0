import type { CryptoProvider } from '../ports.js';
import type { Role } from '../role.js';
import type { WrapOptions } from '../server/server-options.js';
import { createPlainWrapper } from './plain.js';
import { createTlsAuthWrapper } from './tls-auth.js';
import { createTlsCryptWrapper } from './tls-crypt.js';
import type { Wrapper } from './wrapper.js';

export const createWrapper = (options: WrapOptions, role: Role, crypto: CryptoProvider): Wrapper => {
  switch (options.type) {
    case 'none':
      return createPlainWrapper();
    case 'tls-auth':
      return createTlsAuthWrapper(options.key, options.direction, options.digest, crypto);
    case 'tls-crypt':
      return createTlsCryptWrapper(options.key, role, crypto);
  }
};
