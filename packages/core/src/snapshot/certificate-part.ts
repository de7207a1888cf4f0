import type { PeerCertificate } from '../ports.js';
import type { BlobReader } from './blob-reader.js';
import type { BlobWriter } from './blob-writer.js';

/** The counterpart of `readCertificate`. */
export const writeCertificate = (writer: BlobWriter, certificate: PeerCertificate): void => {
  const { commonName, subject, serial, chainHashes, notAfter } = certificate;
  writer.text(commonName).text(subject).text(serial).f64(notAfter);
  writer.list(chainHashes, (hash) => writer.text(hash));
};

export const readCertificate = (reader: BlobReader): PeerCertificate => {
  const [commonName, subject, serial, notAfter] = [reader.text(), reader.text(), reader.text(), reader.f64()];
  return { commonName, subject, serial, notAfter, chainHashes: reader.list(() => reader.text()) };
};
