import type { Millis } from '../ids.js';
import { deriveDynamicTlsCryptKey } from '../keys/dynamic-tls-crypt.js';
import { deriveDataKeys } from '../session/key-exchange.js';
import type { Session } from '../session/session.js';
import { encodeControlMessage } from '../wire/control-message.js';
import { createTlsCryptWrapper } from '../wrap/tls-crypt.js';
import type { ServerContext } from './server-context.js';
import { derivationOf, type ServerPhase } from './server-phase.js';
import type { KnownClient, StageOf } from './stage.js';
import type { Succession } from './succession.js';

/**
 * How a session takes the place of an older one, whose data goes on meanwhile. A client of 2.5 or later has the new data key only
 * when it is told its options once more, an older one as soon as the key methods are exchanged. [wire 7, 15]
 */
export class Heir {
  readonly #context: ServerContext;
  readonly #session: Session<ServerPhase>;
  #isPushed = false;
  /** The place is taken, and the client may still be without the key. */
  #waits = false;

  constructor(context: ServerContext, session: Session<ServerPhase>) {
    this.#context = context;
    this.#session = session;
  }

  /**
   * The stage with the place of another session, which `giveWay` ends; null while it is too early, or when the data keys must not be
   * used. With a key id of its own the key is there before the client can use it; else it takes the place of the key before.
   */
  takePlace(
    now: Millis,
    { client, exchange, asked }: StageOf<'await-push-request'>,
    { stage, keys: before }: Succession,
    giveWay: () => void,
  ): StageOf<'connected'> | null {
    const { link, current } = this.#session;
    const { channel } = current;
    const isFree = before.keyId !== channel.keyId;
    if (!isFree && !this.#hasKey(now, client, asked, stage.pushed)) return null;
    const { features, suite } = client.choice;
    const choice = { derivation: derivationOf(features), suite };
    const keys = deriveDataKeys(this.#context.crypto, 'server', link, channel, exchange, choice);
    if (keys === null) return null;
    giveWay();
    this.#session.succeedFirstKeys(now, stage.peerId, suite, keys, before);
    this.#context.outbox.events.push({ type: 'renegotiated', peerId: stage.peerId, tls: client.tls });
    this.#waits = isFree;
    return { ...stage, client };
  }

  /** Everything that has arrived at a session with a place has been dealt with. */
  settle(now: Millis, { client, pushed }: StageOf<'connected'>): void {
    if (this.#waits && this.#hasKey(now, client, false, pushed)) {
      this.#waits = false;
      this.#session.useNewestKey();
    }
  }

  /** Tells the client its options. From then on its renegotiations have a key of their own, where it can do that. [wire 9] */
  push(now: Millis, client: KnownClient, messages: readonly string[]): void {
    const { link, current } = this.#session;
    const { channel } = current;
    if (!this.#isPushed && client.choice.features.dynamicTlsCrypt) {
      const key = deriveDynamicTlsCryptKey(channel.exporter(), link.staticKey);
      if (key !== null) link.useForRenegotiation(now, createTlsCryptWrapper(key, 'server', this.#context.crypto), key);
    }
    this.#isPushed = true;
    for (const message of messages) channel.send(encodeControlMessage(message));
  }

  /**
   * The client has acked everything that it makes the key of. It is told its options right behind the key methods: it may have forgotten
   * its other keys by then.
   */
  #hasKey(now: Millis, client: KnownClient, asked: boolean, pushed: readonly string[]): boolean {
    if (!this.#isPushed && (asked || client.choice.features.requestPush)) this.push(now, client, pushed);
    return this.#session.current.channel.isFlushed;
  }
}
