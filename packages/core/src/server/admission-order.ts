import type { AdmissionOrder } from '../data-plane.js';
import type { UnixSeconds } from '../ids.js';
import { cookieSlotSeconds } from './cookie.js';
import type { ServerOptions } from './server-options.js';

/** How the data thread answers for a server with these options; null where it cannot: it has no MD5. */
export const admissionOrder = (options: ServerOptions, unixNow: UnixSeconds): AdmissionOrder | null => {
  const { wrap, tlsCryptV2, cookieKey, handWindow, connectFreqInitial: limit } = options;
  if (wrap.type === 'tls-auth' && wrap.digest === 'md5') {
    return null;
  }
  const tlsCryptV2Key = tlsCryptV2?.serverKey ?? null;
  return { wrap, tlsCryptV2Key, cookieKey, slotSeconds: cookieSlotSeconds(handWindow), limit, unixNow };
};
