import type { DropReason } from '../drop-reason.js';
import { decodeFirstByte, OPCODE } from '../wire/opcode.js';
import { REPLAY_ID_LENGTH } from '../wrap/replay-id.js';
import { DIGEST_LENGTH } from '../wrap/tls-auth.js';
import { TLS_CRYPT_TAG_LENGTH } from '../wrap/tls-crypt.js';
import type { WrapOptions } from './server-options.js';

/** Why a reset that could not be read is not protected as the server wants it, by its length; null when that does not tell. [wire 2, 4, 5] */
export const wrappingFault = (wrap: WrapOptions, packet: Uint8Array): DropReason | null => {
  if (decodeFirstByte(packet[0] ?? 0).opcode !== OPCODE.hardResetClientV2 || packet.length < PLAIN_RESET_LENGTH) {
    return null;
  }
  if (packet.length === PLAIN_RESET_LENGTH + overheadOf(wrap)) {
    return null;
  }
  if (wrap.type === 'none') {
    return 'unexpected-wrapping';
  }
  return packet.length === PLAIN_RESET_LENGTH ? 'missing-wrapping' : 'other-wrapping';
};

const overheadOf = (wrap: WrapOptions): number => {
  switch (wrap.type) {
    case 'none':
      return 0;
    case 'tls-auth':
      return REPLAY_ID_LENGTH + DIGEST_LENGTH[wrap.digest];
    case 'tls-crypt':
      return REPLAY_ID_LENGTH + TLS_CRYPT_TAG_LENGTH;
  }
};

/** Opcode, session id, no acks, message id. */
const PLAIN_RESET_LENGTH = 14;
