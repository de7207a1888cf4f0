/** OpenSSL's verdicts that people meet, as lines that say what is the matter. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_REVOKED: 'certificate has been revoked',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not yet valid (check the clocks)',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure: not signed by the CA whose name it carries',
  CERT_UNTRUSTED: 'certificate is not trusted for this purpose',
  CERT_CHAIN_TOO_LONG: 'certificate chain is too long',
  INVALID_CA: 'invalid CA certificate: an issuer in the chain may not sign certificates',
  INVALID_PURPOSE: 'unsuitable certificate purpose (extended key usage)',
  PATH_LENGTH_EXCEEDED: 'path length constraint of a CA exceeded',
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate: a certificate of the chain is missing from the ca file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate: not issued by a CA of the ca file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate: not issued by a CA of the ca file',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate: not issued by a CA of the ca file',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in chain: its CA is not in the ca file',
  UNABLE_TO_GET_CRL: 'unable to get certificate CRL: crl-verify needs a CRL of every CA in the chain',
  CRL_HAS_EXPIRED: 'CRL has expired: issue a new one',
  CRL_NOT_YET_VALID: 'CRL is not yet valid (check the clocks)',
  CRL_SIGNATURE_FAILURE: 'CRL signature failure: not signed by the CA whose name it carries',
  EE_KEY_TOO_SMALL: 'certificate key too weak',
  CA_KEY_TOO_SMALL: 'key of a CA too weak',
  CA_MD_TOO_WEAK: 'CA signature digest algorithm too weak',
};

/** One line for the log out of node:tls's `authorizationError`, a code or an Error. */
export function verifyReason(error: unknown): string {
  const { code, message } = asFault(error);
  const name = code ?? message;
  return REASONS[name] ?? `certificate verification failed (${name})`;
}

/** One line out of an error of the handshake or of the stream: OpenSSL's own words where it has some. */
export function handshakeReason(error: unknown): string {
  const { reason, code, message } = asFault(error);
  return reason ?? code ?? message;
}

interface Fault {
  readonly reason?: string;
  readonly code?: string;
  readonly message: string;
}

const asFault = (error: unknown): Fault =>
  typeof error === 'object' && error !== null && 'message' in error ? (error as Fault) : { message: String(error) };
