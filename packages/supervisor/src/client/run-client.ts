import type { AuthRefusal, ClientEvent, PendingPrompt } from '@shardvpn/core';
import type { TunOptions } from '@shardvpn/native';
import type { Log } from '../log.js';
import { type KeptDevice, watchDevice } from '../system/device-watch.js';
import { dropPrivileges } from '../system/privileges.js';
import { endpointText } from '../system/sockets.js';
import { applyTun } from '../system/tun.js';
import { answerChallenge, showPrompt } from './ask-for-server.js';
import { BackOff } from './back-off.js';
import type { ClientNative } from './client-native.js';
import { type Connection, openConnection, type ServerAddress } from './connection.js';
import { type Credentials, Login } from './login.js';
import type { OuterWay } from './planned.js';
import type { ClientProfile } from './profile.js';
import { filterPushed } from './pull-filter.js';
import { RemoteList } from './remote-list.js';
import { Tunnel } from './tunnel.js';
import { planTunnel } from './tunnel-plan.js';
import { UserInput } from './user-input.js';

type Connected = Extract<ClientEvent, { type: 'connected' }>;

/** How a client's life ended. */
export interface ClientEnd {
  /** What went wrong; null for an end that the user or the server asked for. */
  readonly fault: string | null;
}

/** A client that connects, and connects again, until `stop` or an end that makes trying pointless. */
export class RunningClient {
  readonly ended: Promise<ClientEnd>;
  readonly #native: ClientNative;
  readonly #profile: ClientProfile;
  readonly #log: Log;
  readonly #remotes: RemoteList;
  readonly #backOff: BackOff;
  readonly #tun: { readonly name: string; readonly fds: number[] };
  readonly #tunnel: Tunnel;
  readonly #endWatch: () => void;
  readonly #input = new UserInput();
  readonly #login: Login | null;
  /** Password that answers the server's challenge. */
  #answer: string | null = null;
  #stopped = false;
  #connection: Connection | null = null;
  #interrupt: () => void = () => {};
  #privileged = true;
  #ways = new Map<string, OuterWay>();

  /** Opens the device; throws a one-line error when it cannot. */
  constructor(native: ClientNative, profile: ClientProfile, log: Log) {
    this.#native = native;
    this.#profile = profile;
    this.#log = log;
    this.#login = profile.login && new Login(profile.login, this.#input);
    this.#remotes = new RemoteList(profile.remotes);
    this.#backOff = new BackOff(profile.connectRetry, profile.remotes.length);
    const { device: name, tunMtu: mtu } = profile;
    const bare = { name, queues: 1, mtu, addresses: [], routes: [] };
    this.#tun = applyTun(native, bare);
    this.#tunnel = new Tunnel(native, this.#tun.name, mtu, log);
    this.#endWatch = watchDevice(native, this.#keptDevice(bare), log);
    this.ended = this.#run().finally(() => this.#close());
  }

  /** Tells the server and ends; `ended` resolves when everything is free. */
  async stop(limitMs: number): Promise<void> {
    this.#stopped = true;
    this.#interrupt();
    // Nobody is asked any more.
    this.#input.close();
    await this.#connection?.leave(limitMs);
    await this.ended;
  }

  #keptDevice(bare: TunOptions): KeptDevice {
    const { name, fds } = this.#tun;
    const tunnel = this.#tunnel;
    return {
      name,
      mtu: () => tunnel.mtu,
      restore: () => tunnel.restore(),
      reopen: () => {
        this.#native.reopenTun(fds, { ...bare, name, mtu: tunnel.mtu });
        tunnel.restore();
      },
    };
  }

  async #run(): Promise<ClientEnd> {
    for (;;) {
      const outcome = await this.#attempt();
      if (this.#stopped) return { fault: null };
      if (outcome.type === 'over') return { fault: outcome.fault };
      if (outcome.type === 'challenge') {
        this.#answer = await answerChallenge(outcome.challenge, this.#input);
        if (this.#answer !== null) continue;
        return { fault: `the server asks '${outcome.challenge.text}', and standard input has no answer` };
      }
      this.#answer = null;
      if (!this.#profile.persistTun) this.#tunnel.clear();
      const { connectRetryMax } = this.#profile;
      if (connectRetryMax !== null && this.#backOff.failures >= connectRetryMax) {
        return { fault: `${this.#backOff.failures} attempts have failed, the last one: ${outcome.reason}` };
      }
      const seconds = Math.max(this.#backOff.next(), outcome.seconds);
      this.#log.warn(`${outcome.reason}; next attempt in ${seconds} s`);
      await this.#pause(seconds * 1000);
      if (this.#stopped) return { fault: null };
    }
  }

  /** One connection to its end. */
  async #attempt(): Promise<Outcome> {
    let server: ServerAddress;
    try {
      server = await this.#remotes.take();
    } catch (error) {
      return this.#unresolved(error as Error);
    }
    if (this.#stopped) return retry('stopped');
    const credentials = await this.#identify();
    if (this.#stopped) return retry('stopped');
    if (credentials === 'nobody') return { type: 'over', fault: NO_LOGIN };
    this.#log.info(`connecting to ${endpointText(server)}/${server.transport ?? 'udp'}`);
    this.#rememberWay(server);
    try {
      return await this.#connect(server, credentials);
    } catch (error) {
      return retry((error as Error).message);
    } finally {
      await this.#connection?.close();
      this.#connection = null;
    }
  }

  #connect(server: ServerAddress, credentials: Credentials | null): Promise<Outcome> {
    return new Promise((resolve) => {
      const onEvent = (event: ClientEvent): void => {
        try {
          const outcome = this.#handleEvent(event, server);
          if (outcome !== null) resolve(outcome);
        } catch (error) {
          resolve({ type: 'over', fault: (error as Error).message });
        }
      };
      const onFault = (reason: string): void => resolve(retry(`internal fault: ${reason}`));
      const [tun] = this.#tun.fds as [number];
      const identified = { ...this.#profile, credentials };
      this.#connection = openConnection(this.#native, identified, server, tun, this.#log, { onEvent, onFault });
    });
  }

  /** With the answer to a challenge instead of the password, once; null for a certificate alone. */
  async #identify(): Promise<Credentials | null | 'nobody'> {
    if (this.#login === null) return null;
    const answer = this.#answer;
    this.#answer = null;
    return (await this.#login.take(answer)) ?? 'nobody';
  }

  /** What the event means for the connection; null when it goes on. */
  #handleEvent(event: ClientEvent, server: ServerAddress): Outcome | null {
    if (event.type === 'connected' || (event.type === 'ended' && event.reason === 'auth-failed'))
      this.#login?.noteUsed();
    switch (event.type) {
      case 'connected':
        return this.#setUp(event, server);
      case 'renegotiated':
        this.#log.info('new keys', { tls: event.tls });
        return null;
      case 'info':
        this.#log.info(`the server says: ${event.text}`);
        return null;
      case 'auth-pending':
        this.#log.info(
          `the server has not decided yet${event.timeout === null ? '' : `; it may take ${event.timeout} s`}`,
        );
        return null;
      case 'auth-prompt':
        void this.#showPrompt(event.prompt);
        return null;
      case 'updated':
        this.#log.info('the server changes options', { options: event.update.join(', ') });
        return this.#applyOptions(event.options.all, server);
      case 'ended':
        return this.#outcomeOf(event, server);
    }
  }

  #setUp(event: Connected, server: ServerAddress): Outcome | null {
    this.#log.debug('pushed options', { options: event.options.all.join(',') });
    const rejected = this.#applyOptions(event.options.all, server);
    if (rejected !== null) return rejected;
    this.#backOff.reset();
    this.#log.info('connected', {
      server: endpointText(server),
      device: this.#tun.name,
      addresses: this.#tunnel.addresses.join(' '),
      cipher: event.cipher,
      tls: event.tls,
    });
    if (this.#privileged) this.#dropPrivileges();
    this.#privileged = false;
    return null;
  }

  /** Makes the system look like the options; null, or why they cannot be had. */
  #applyOptions(options: readonly string[], server: ServerAddress): Outcome | null {
    const { pullFilters, routeNopull, ownOptions, tunMtu } = this.#profile;
    const filtered = filterPushed(options, pullFilters, routeNopull);
    if ('rejected' in filtered) return retry(`pull-filter rejects the pushed option ${filtered.rejected}`);
    const wayToServer = this.#ways.get(server.host) ?? null;
    this.#tunnel.apply(planTunnel([...ownOptions, ...filtered.accepted], { tunMtu, server: server.host, wayToServer }));
    return null;
  }

  async #showPrompt(prompt: PendingPrompt): Promise<void> {
    const connection = this.#connection;
    const answer = await showPrompt(prompt, this.#input, this.#log);
    if (answer !== null && connection === this.#connection) connection?.respond(answer);
  }

  /** Addresses and routes still have to be changed and taken away afterwards. */
  #dropPrivileges(): void {
    const { user } = this.#profile;
    const mayLose = user !== null && process.getuid?.() === 0;
    if (mayLose) this.#native.keepCapabilities();
    dropPrivileges(this.#profile, this.#log);
    if (mayLose) this.#native.keepOnlyNetAdmin();
  }

  #outcomeOf(end: Extract<ClientEvent, { type: 'ended' }>, server: ServerAddress): Outcome {
    const { reason, detail, nextServer, refusal } = end;
    if (refusal?.type === 'challenge') {
      this.#remotes.prefer(server);
      return { type: 'challenge', challenge: refusal };
    }
    if (refusal?.type === 'temporary') return this.#comeAgain(refusal, server);
    if (reason === 'auth-failed' && !this.#profile.authRetry) {
      return { type: 'over', fault: `the server refuses us: ${detail === '' ? 'AUTH_FAILED' : detail}` };
    }
    if (EXITS.has(reason)) {
      this.#log.info(`ends: ${reason}: ${detail}`);
      return { type: 'over', fault: null };
    }
    if (reason === 'halt') {
      this.#log.warn(`the server has ended the connection for good: ${detail}`);
      return { type: 'over', fault: null };
    }
    if (!nextServer && STAYS.has(reason)) this.#remotes.prefer(server);
    return retry(detail === '' ? reason : `${reason}: ${detail}`);
  }

  #comeAgain(
    { reason, backoff, advance }: Extract<AuthRefusal, { type: 'temporary' }>,
    server: ServerAddress,
  ): Outcome {
    if (advance === 'no') this.#remotes.prefer(server);
    if (advance === 'remote') this.#remotes.skipAddresses();
    return { type: 'retry', reason: `the server does not take us now: ${reason}`, seconds: backoff ?? 0 };
  }

  #unresolved(error: Error): Outcome {
    const { resolveRetry } = this.#profile;
    if (resolveRetry !== null && this.#backOff.secondsFailing >= resolveRetry) {
      return { type: 'over', fault: `cannot look up the server: ${error.message}` };
    }
    return retry(`cannot look up the server: ${error.message}`);
  }

  /** Taken before the tunnel is up, because its routes may hide the way. */
  #rememberWay({ host }: ServerAddress): void {
    try {
      const way = this.#native.findWay(host);
      if (way.device !== this.#tun.name) this.#ways.set(host, way);
    } catch (error) {
      this.#log.debug((error as Error).message);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Routes to other devices would stay behind; the tunnel's own go with the device. */
  #close(): void {
    this.#endWatch();
    this.#input.close();
    this.#tunnel.clear();
    this.#native.closeFds([...this.#tun.fds]);
    this.#log.info('stopped');
  }
}

type Outcome =
  /** `seconds`: at least so many from now. */
  | { readonly type: 'retry'; readonly reason: string; readonly seconds: number }
  | { readonly type: 'challenge'; readonly challenge: Extract<AuthRefusal, { type: 'challenge' }> }
  | { readonly type: 'over'; readonly fault: string | null };

const NO_LOGIN = 'user name and password are wanted, and standard input has none';

const retry = (reason: string): Outcome => ({ type: 'retry', reason, seconds: 0 });

/** These end the client, as the directives of the same names say. */
const EXITS: ReadonlySet<string> = new Set(['ping-exit', 'inactive', 'session-timeout']);
/** After these the same server is tried again first. */
const STAYS: ReadonlySet<string> = new Set([
  'restart',
  'ping-restart',
  'server-exit',
  'renegotiation-failed',
  'update-refused',
]);
