import type { Duplex } from 'node:stream';

/** A stream that calls back when nothing has moved for so long: a socket. */
export type TimedStream = Duplex & { setTimeout(milliseconds: number, callback?: () => void): unknown };

export interface JoinLimits {
  /** Milliseconds without a byte, on either side. */
  readonly idle: number;
  readonly onClose: (stream: TimedStream) => void;
}

/**
 * Has each of two half-open streams say what the other one says, and ends both when one fails, or either moves nothing.
 * Each side has its own watch: one that does not read what was left for it would stay for ever when the other is gone.
 */
export const joinStreams = (near: TimedStream, far: TimedStream, { idle, onClose }: JoinLimits): void => {
  const end = (): void => {
    near.destroy();
    far.destroy();
  };
  for (const [stream, other] of [
    [near, far],
    [far, near],
  ] as const) {
    stream.setTimeout(idle, end);
    stream.on('error', end);
    stream.once('close', () => onClose(stream));
    stream.pipe(other);
  }
};
