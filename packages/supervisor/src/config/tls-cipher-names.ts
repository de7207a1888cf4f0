/**
 * `tls-cipher` in OpenSSL's words. Names of the form TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384 are translated,
 * everything else (OpenSSL's own names, `!aNULL`, `HIGH`) is passed on.
 */
export const opensslCipherList = (list: string): string => list.split(':').map(opensslName).join(':');

const opensslName = (item: string): string => {
  const [, mark = '', name = ''] = /^([!+-]?)(.*)$/.exec(item) ?? [];
  const parts = /^TLS[-_](.+?)[-_]WITH[-_](.+)$/.exec(name);
  return parts === null ? item : `${mark}${keyExchange(parts[1] as string)}${bulk(parts[2] as string)}`;
};

/** RSA key exchange goes without saying in OpenSSL. */
const keyExchange = (name: string): string => (name === 'RSA' ? '' : `${name.replaceAll('_', '-')}-`);

const bulk = (name: string): string => {
  const text = name.replaceAll('_', '-');
  const cbc = /^AES-(128|256)-CBC-(SHA\d*)$/.exec(text);
  if (cbc !== null) return `AES${cbc[1]}-${cbc[2]}`;
  const aead = /^AES-(128|256)-(GCM-SHA\d+|CCM|CCM-8)$/.exec(text);
  if (aead !== null) return `AES${aead[1]}-${(aead[2] as string).replace('CCM-8', 'CCM8')}`;
  if (text.startsWith('CHACHA20-POLY1305')) return 'CHACHA20-POLY1305';
  if (text === '3DES-EDE-CBC-SHA') return 'DES-CBC3-SHA';
  return text.replace(/^CAMELLIA-(128|256)-CBC-/, 'CAMELLIA$1-').replace(/^(ARIA)-(128|256)-/, '$1$2-');
};
