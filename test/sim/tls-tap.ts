import type { TlsEngine, TlsSession } from '@shardvpn/core';

/** Listens at a client's TLS, and speaks through it as the client. */
export class TlsTap {
  /** Messages that the client has got, oldest first. */
  readonly heard: string[] = [];
  #sessions: TlsSession[] = [];

  note(session: TlsSession): void {
    this.#sessions = [...this.#sessions, session];
  }

  hear(bytes: Uint8Array): void {
    this.heard.push(...Buffer.from(bytes).toString('latin1').split('\0').filter(Boolean));
  }

  /** In the session of the newest key that is established, one record for each message. The client has to be run afterwards. */
  say(...messages: readonly string[]): void {
    const session = this.#sessions.at(-1);
    for (const message of messages) session?.send(Buffer.from(`${message}\0`));
  }

  /** Messages that begin with this word. */
  count(word: string): number {
    return this.heard.filter((message) => message.startsWith(word)).length;
  }
}

/** The same engine, with a tap at each of its sessions. */
export const tapped = (engine: TlsEngine, tap: TlsTap | undefined): TlsEngine => {
  if (tap === undefined) return engine;
  return {
    ...engine,
    open: (role, onProgress) => {
      const session = engine.open(role, onProgress);
      const { poll } = session;
      session.poll = () => {
        const event = poll.call(session);
        if (event?.type === 'plaintext') tap.hear(event.bytes);
        return event;
      };
      tap.note(session);
      return session;
    },
  };
};
