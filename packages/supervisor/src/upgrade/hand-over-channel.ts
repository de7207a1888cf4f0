import type { z } from 'zod';
import type { NativePort } from '../shards/native-port.js';

type ChannelNative = Pick<NativePort, 'sendHandOver' | 'receiveHandOver' | 'closeFds'>;

/** One end of the way between two processes. */
export class HandOverChannel {
  readonly fd: number;
  readonly #native: ChannelNative;
  #open = true;

  constructor(native: ChannelNative, fd: number) {
    this.#native = native;
    this.fd = fd;
  }

  /** Sends a message with duplicates of open descriptors. */
  send(message: object, fds: readonly number[] = []): void {
    this.#native.sendHandOver(this.fd, Buffer.from(JSON.stringify(message)), [...fds], SEND_LIMIT_MS);
  }

  /** The next message and its descriptors. Rejects when none comes in time, at the end, and when it is not of that shape. */
  async receive<T>(shape: z.ZodType<T>, limitMs: number): Promise<{ readonly message: T; readonly fds: number[] }> {
    const received = await this.#native.receiveHandOver(this.fd, limitMs);
    if (received === null) throw new ChannelClosed();
    const { bytes, fds } = received;
    try {
      return { message: decode(shape, bytes), fds };
    } catch (error) {
      this.#native.closeFds(fds);
      throw error;
    }
  }

  close(): void {
    if (this.#open) this.#native.closeFds([this.fd]);
    this.#open = false;
  }
}

/** The other process is gone, or has closed its end. */
export class ChannelClosed extends Error {
  constructor() {
    super('the other process is gone');
  }
}

const SEND_LIMIT_MS = 5_000;

const decode = <T>(shape: z.ZodType<T>, bytes: Uint8Array): T => {
  const result = shape.safeParse(parse(bytes));
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0] ?? { path: [], message: 'not understood' };
  throw new Error(`the other process says what is not understood: ${path.join('.')} ${message}`);
};

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
};
