/** What a client needs to connect. All texts PEM. */
export interface ProfileInput {
  readonly remote: { readonly host: string; readonly port: number };
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly tlsCrypt: string;
}

/** An `.ovpn` profile in one file that OpenVPN 2.4 to 2.7 and OpenVPN Connect take as it is. */
export const encodeProfile = ({ remote, ca, certificate, key, tlsCrypt }: ProfileInput): string =>
  [
    'client',
    'dev tun',
    'proto udp',
    `remote ${remote.host} ${remote.port}`,
    'resolv-retry infinite',
    'nobind',
    'persist-tun',
    'remote-cert-tls server',
    'explicit-exit-notify 1',
    'verb 3',
    ...block('ca', ca),
    ...block('cert', certificate),
    ...block('key', key),
    ...block('tls-crypt', tlsCrypt),
    '',
  ].join('\n');

const block = (tag: string, text: string): readonly string[] => [`<${tag}>`, text.trim(), `</${tag}>`];
