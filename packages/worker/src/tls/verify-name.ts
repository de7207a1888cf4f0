import type { PeerCertificate } from '@shardvpn/core';
import type { VerifyName } from '../messages.js';

/** Why `verify-x509-name` refuses a certificate, or null. */
export function nameFault({ commonName, subject }: PeerCertificate, wanted: VerifyName | null): string | null {
  if (wanted === null || fits(commonName, subject, wanted)) return null;
  const shown = wanted.type === 'subject' ? subject : commonName;
  return `verify-x509-name ${wanted.type}: '${wanted.value}' is wanted and the certificate says '${shown}'`;
}

function fits(commonName: string, subject: string, { type, value }: VerifyName): boolean {
  switch (type) {
    case 'subject':
      return subject === value;
    case 'name':
      return commonName === value;
    case 'name-prefix':
      return commonName.startsWith(value);
  }
}
