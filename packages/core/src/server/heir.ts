import type { Millis } from '../ids.js';
import { deriveDynamicTlsCryptKey } from '../keys/dynamic-tls-crypt.js';
import { deriveDataKeys } from '../session/key-exchange.js';
import type { Session } from '../session/session.js';
import { encodeControlMessage } from '../wire/control-message.js';
import { createTlsCryptWrapper } from '../wrap/tls-crypt.js';
import type { ServerContext } from './server-context.js';
import { derivationOf, type ServerPhase } from './server-phase.js';
import { type KnownClient, PUSH_REPEAT, type StageOf } from './stage.js';
import type { Succession } from './succession.js';

/**
 * How a session takes the place of an older one, whose data goes on meanwhile. A client of 2.5 or later has the new data key only
 * when it is told its options once more, an older one as soon as the key methods are exchanged. [wire 7, 15]
 */
export class Heir {
  readonly #context: ServerContext;
  readonly #session: Session<ServerPhase>;
  /** The place is taken, and the client may still be without the key. */
  #waits = false;

  constructor(context: ServerContext, session: Session<ServerPhase>) {
    this.#context = context;
    this.#session = session;
  }

  /**
   * The stage with the place of another session, which `giveWay` ends; null when the data keys must not be used. The key is there
   * before the client can use it. `settle` has to follow.
   */
  takePlace(
    now: Millis,
    { client, exchange, asked }: StageOf<'await-push-request'>,
    { stage, keys: before }: Succession,
    giveWay: () => void,
  ): StageOf<'connected'> | null {
    const { link, current } = this.#session;
    const { features, suite } = client.choice;
    const choice = { derivation: derivationOf(features), suite };
    const keys = deriveDataKeys(this.#context.crypto, 'server', link, current.channel, exchange, choice);
    if (keys === null) return null;
    giveWay();
    this.#session.succeedFirstKeys(now, stage.peerId, suite, keys, before);
    this.#context.outbox.events.push({ type: 'renegotiated', peerId: stage.peerId, tls: client.tls });
    this.#waits = true;
    const wants = asked || features.requestPush;
    if (wants) this.#push(now, client, stage.pushed);
    return { ...stage, client, pushedAt: wants ? now - PUSH_REPEAT + ASKS_AGAIN : now - PUSH_REPEAT };
  }

  /** Everything that has arrived at a session with a place has been dealt with. */
  settle(now: Millis): void {
    if (this.#waits && this.#session.current.channel.isFlushed) {
      this.#waits = false;
      this.#session.useNewestKey(now);
    }
  }

  /**
   * Tells the client its options right behind the key methods: it may have forgotten its other keys by then. From then on its
   * renegotiations have a key of their own, where it can do that. [wire 9]
   */
  #push(now: Millis, client: KnownClient, messages: readonly string[]): void {
    const { link, current } = this.#session;
    const { channel } = current;
    if (client.choice.features.dynamicTlsCrypt) {
      const key = deriveDynamicTlsCryptKey(channel.exporter(), link.staticKey);
      if (key !== null) link.useForRenegotiation(now, createTlsCryptWrapper(key, 'server', this.#context.crypto), key);
    }
    for (const message of messages) channel.sendAtOnce(encodeControlMessage(message));
  }
}

/** compat(openvpn 3.11.7): it loses options that come together with a key-method message, and asks for them again. */
const ASKS_AGAIN: Millis = 1000;
