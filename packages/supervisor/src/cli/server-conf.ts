export interface ServerConfInput {
  /** Absolute path that the file names of the configuration count from. */
  readonly directory: string;
  readonly port: number;
  readonly ipv6Prefix: string;
}

/** The `server.conf` of a first run: ordinary OpenVPN directives, so that it can be taken elsewhere. */
export const encodeServerConf = ({ directory, port, ipv6Prefix }: ServerConfInput): string =>
  `# Written once by 'shardvpn quickstart'; edit it as you like, it is never overwritten.
cd "${directory.replace(/(["\\])/g, '\\$1')}"

port ${port}
proto udp
dev tun
topology subnet
server 10.8.0.0 255.255.255.0
server-ipv6 ${ipv6Prefix}
ifconfig-pool-persist leases.txt

ca pki/ca.crt
cert server.crt
key server.key
dh none
crl-verify pki/crl.pem
tls-crypt tls-crypt.key
remote-cert-tls client

keepalive 10 60
explicit-exit-notify 1
persist-key
persist-tun
verb 3

# All traffic of the clients through this server, if it forwards and translates addresses:
# push "redirect-gateway def1 ipv6"

# Only of ShardVPN; the number of shards is the number of processors unless this says otherwise:
# workers 4
admin-http 127.0.0.1:8505
`;
