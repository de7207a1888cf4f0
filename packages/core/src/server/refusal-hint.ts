import type { ServerPhase } from './server-phase.js';
import type { Stage } from './stage.js';

/** What to change when a TLS engine gives this reason; '' when there is nothing to say. */
export const tlsHint = (reason: string): string => TLS_HINTS.find(([pattern]) => pattern.test(reason))?.[1] ?? '';

/** How far a handshake got that took too long, and what is usually behind it. */
export const timeoutHint = (stage: Stage['type'], phase: ServerPhase): { detail: string; hint: string } => {
  if (stage === 'await-push-request') {
    return {
      detail: 'the client never asked for its options',
      hint: 'put `client` (or `pull`) into the configuration of the client',
    };
  }
  if (stage === 'await-lease') {
    return { detail: 'no address was assigned in time', hint: '' };
  }
  switch (phase.type) {
    case 'await-tls':
      return {
        detail: 'the TLS handshake did not complete within hand-window',
        hint: 'look for a firewall or NAT that loses packets, or for a path MTU below max-packet-size',
      };
    case 'await-key-method':
      return { detail: 'the client sent no key-method message within hand-window', hint: '' };
    case 'await-auth':
      return { detail: 'authentication took longer than hand-window', hint: 'look at the authentication back end' };
    case 'complete':
      return { detail: 'the client did not acknowledge in time', hint: '' };
  }
};

const TLS_HINTS: readonly (readonly [RegExp, string])[] = [
  [/\bCRL\b/, 'renew the list of crl-verify: it has to be valid, and there for every CA'],
  [/revoked/i, 'the certificate is on the list of crl-verify; issue a new one'],
  [/expired/i, 'issue a new certificate, or correct the clock of the machine'],
  [/not yet valid/i, 'correct the clock of the machine'],
  [
    /(did not return|without|no) a? ?certificate|no certificate/i,
    'give the client a certificate with `cert` and `key`, or set verify-client-cert',
  ],
  [/purpose|key usage/i, 'the certificate is not one for clients; issue it with extendedKeyUsage clientAuth'],
  [
    /unknown ca|issuer|self.signed|unable to verify/i,
    'the certificate of the client must be issued by the CA in `ca`, and the client must have the CA of the server',
  ],
  [/protocol version|unsupported protocol/i, 'compare tls-version-min of server and client'],
  [
    /no shared cipher|no suitable|handshake failure/i,
    'compare tls-cipher, tls-ciphersuites and tls-groups of server and client',
  ],
];
