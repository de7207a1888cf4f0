import type { TlsOptions, VerifyName } from '../messages.js';
import { CertificateAuthorities } from './certificate-chain.js';
import { PeerCertificateReader, type ShownCertificate } from './peer-certificate.js';
import { nameFault } from './verify-name.js';

/** What is decided about a peer whose handshake is done, whatever the engine. Sessions of one configuration share it. */
export class TlsPolicy {
  readonly certificates: PeerCertificateReader;
  readonly clientCertificate: TlsOptions['clientCertificate'];
  readonly #verifyName: VerifyName | null;

  constructor({ ca, clientCertificate, remoteCertTls, verifyName = null }: TlsOptions) {
    this.certificates = new PeerCertificateReader(new CertificateAuthorities(ca), remoteCertTls);
    this.clientCertificate = clientCertificate;
    this.#verifyName = verifyName;
  }

  /** Why `remote-cert-tls` or `verify-x509-name` refuses a certificate that has verified, or null. */
  faultOf(shown: ShownCertificate): string | null {
    return shown.usageFault ?? nameFault(shown.certificate, this.#verifyName);
  }
}
