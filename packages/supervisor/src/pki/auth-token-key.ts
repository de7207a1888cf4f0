import { randomBytes } from 'node:crypto';
import { encodePem } from './pem-block.js';

/** A cipher's and an HMAC's key of 64 bytes each. */
const LENGTH = 128;

/** A new key for the tokens of `auth-gen-token`, as `openvpn --genkey auth-token` writes it. */
export const encodeAuthTokenKey = (): string => encodePem('OpenVPN auth-token server key', randomBytes(LENGTH));
