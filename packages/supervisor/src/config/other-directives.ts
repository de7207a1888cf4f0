/** Directives that are known and not obeyed, grouped by what there is to say about them. */
export interface Group {
  readonly standing: 'ignored' | 'unsupported' | 'refused';
  readonly reason: string;
  /** Separated by white space. */
  readonly names: string;
}

export const ignored = (reason: string, names: string): Group => ({ standing: 'ignored', reason, names });
export const unsupported = (reason: string, names: string): Group => ({ standing: 'unsupported', reason, names });
export const refused = (reason: string, names: string): Group => ({ standing: 'refused', reason, names });

const NOT_YET = 'not supported yet; remove the line to start without it';
const TOOL = 'this is a command of the openvpn tool, not a setting of a server; remove it';
const IN_PUSH = 'this is meant for clients; send it to them with: push "%s ..."';
const REMOVED = 'removed from OpenVPN; delete the line';

export const OTHER_DIRECTIVES: readonly Group[] = [
  ignored(
    'only clients use it',
    `pull-filter auth-retry auth-nocache static-challenge remote-random remote-random-hostname resolv-retry connect-retry
    connect-retry-max connect-timeout server-poll-timeout http-proxy-option http-proxy-timeout http-proxy-user-pass
    http-proxy-override preresolve rport proto-force push-peer-info allow-pull-fqdn allow-recursive-routing client-nat
    route-nopull ip-remote-hint mtu-test ping-timer-rem dns-updown tls-exit single-session`,
  ),
  ignored(
    'it only has a meaning for clients that are sent it with push',
    `dhcp-option dns block-outside-dns register-dns tun-ipv6 auth-token auth-token-user key-derivation protocol-flags
    peer-id parameter route-ipv6-gateway push-continuation`,
  ),
  ignored(
    'only Windows uses it',
    `ip-win32 tap-sleep dhcp-renew dhcp-release dhcp-pre-release dhcp-internal rdns-internal win-sys windows-driver
    show-adapters show-net show-net-up show-valid-subnets allow-nonadmin pause-exit service route-method msg-channel
    cryptoapicert dev-node`,
  ),
  ignored(
    'it has no effect any more, in OpenVPN neither',
    'comp-noadapt opt-verify prng max-routes fast-io http-proxy-retry socks-proxy-retry ifconfig-nowarn gremlin echo no-iv',
  ),
  ignored('every client may change its address and port here', 'float'),
  ignored(
    'sockets and device are never closed while the server runs',
    'persist-local-ip persist-remote-ip remap-usr1 up-restart',
  ),
  ignored('the tunnel is always served by this process, without a kernel module', 'disable-dco'),
  ignored('the scripts that read it do not run yet', 'setenv setenv-safe down-pre up-delay'),
  ignored('connections never wait for more to send here; tcp-nodelay asks the clients for the same', 'socket-flags'),
  ignored(
    'tables and queues have their own limits here',
    'hash-size bcast-buffers max-routes-per-client tun-mtu-max tun-mtu-extra txqueuelen',
  ),
  ignored('replayed packets are counted by reason and never logged', 'mute-replay-warnings'),
  ignored(
    'clients have the addresses and networks that they were given; none is learned, so none gets stale',
    'stale-routes-check',
  ),
  ignored('routes lead straight to the device and are set as soon as it exists', 'route-gateway route-delay'),
  ignored('the log has its own form', 'suppress-timestamps machine-readable-output errors-to-stderr mute'),

  refused(
    'this is a server, it takes no client settings; remove the line',
    'client pull auth-user-pass nobind remote connection tls-client',
  ),
  refused('a server has no proxy in front of it; remove the line', 'http-proxy socks-proxy'),
  refused('it does not work in a server; remove the line', 'shaper ipchange'),
  refused(IN_PUSH, 'redirect-gateway redirect-private'),
  refused('static-key mode has no server; use ca, cert and key', 'secret'),
  refused('removed from OpenVPN; write: verify-client-cert none', 'client-cert-not-required'),
  refused('removed from OpenVPN; write: verify-x509-name', 'tls-remote'),
  refused(
    REMOVED,
    `mtu-dynamic compat-names no-name-remapping no-replay key-method ncp-disable keysize inetd ifconfig-pool-linear management-client-pf
    auth-gen-token-key pkcs11-id-type pkcs11-sign-mode pkcs11-slot pkcs11-slot-type show-pkcs11-objects
    show-pkcs11-slots`,
  ),
  refused(
    TOOL,
    `show-ciphers show-digests show-tls show-curves show-groups show-engines show-gateway show-pkcs11-ids test-crypto
    genkey mktun rmtun tls-crypt-v2-genkey`,
  ),
  refused('name one file with it', 'config'),
  refused('it is an option of the command line', 'help version'),

  unsupported(
    'TAP and bridging are not supported yet; use dev tun with server',
    'server-bridge lladdr vlan-tagging vlan-accept vlan-pvid',
  ),
  unsupported(
    'logs go to standard output, where a service manager picks them up; use log or log-append for a file',
    'syslog',
  ),
  unsupported('the server stays in the foreground; let a service manager run it', 'daemon'),
  unsupported('per-client settings are not supported yet; remove the line', 'client-config-dir ccd-exclusive'),
  unsupported(
    'it belongs into the settings of one client, which are not supported yet',
    `iroute iroute-ipv6 ifconfig-push ifconfig-ipv6-push ifconfig-push-constraint push-reset push-remove disable
    override-username`,
  ),
  unsupported(
    'this script or plugin is not supported yet; remove the line to start without it',
    `up down route-up route-pre-down client-connect client-disconnect client-crresponse learn-address tls-verify
    tls-export-cert auth-user-pass-verify plugin keying-material-exporter iproute`,
  ),
  unsupported(
    'the management interface is not supported yet; remove the line, admin-http shows the status',
    `management management-client management-client-auth management-client-group management-client-user
    management-external-cert management-external-key management-forget-disconnect management-hold management-log-cache
    management-query-passwords management-query-proxy management-query-remote management-signal management-up-down`,
  ),
  unsupported(
    'users and passwords are not supported yet; clients need certificates',
    'auth-gen-token auth-gen-token-secret auth-user-pass-optional username-as-common-name',
  ),
  unsupported(
    'keys come from PEM files only; use ca, cert and key',
    `pkcs12 pkcs11-cert-private pkcs11-id pkcs11-id-management
    pkcs11-pin-cache pkcs11-private-mode pkcs11-protected-authentication pkcs11-providers engine providers askpass`,
  ),
  unsupported(
    NOT_YET,
    `ifconfig-noexec route-noexec route-table capath extra-certs
    peer-fingerprint verify-hash remote-cert-eku remote-cert-ku ns-cert-type verify-x509-name x509-username-field
    x509-track tls-cert-profile replay-persist force-tls-key-material-export compat-mode disable-occ
    block-ipv6 chroot setcon nice mlock
    link-mtu use-prediction-resistance enable-small memstats`,
  ),
];
