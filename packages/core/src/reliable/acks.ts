/** Longest ack list of ACK_V1. [wire 10] */
export const ACKS_PER_ACK = 8;
/** Longest ack list of every other packet. [wire 10] */
export const ACKS_PER_PACKET = 4;

/**
 * Message ids of the peer to be acknowledged, of one key id. What has been acknowledged lately is repeated while
 * there is room, so that lost acks heal. [wire 10]
 */
export class AckQueue {
  #pending: number[] = [];
  /** Most recently acknowledged first. */
  #recent: number[] = [];

  /** Whether an ack is owed that has not been in any packet since. */
  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** To be called for every packet the receive window has taken or already had. */
  enqueue(messageId: number): void {
    if (!this.#pending.includes(messageId)) {
      this.#pending.push(messageId);
    }
  }

  /** The ack list of the next packet: at most `limit` ids, owed ones first. */
  take(limit: number): readonly number[] {
    const fresh = this.#pending.splice(0, limit);
    const repeated = this.#recent.filter((id) => !fresh.includes(id));
    const acks = [...fresh, ...repeated].slice(0, limit);
    this.#recent = [...fresh.toReversed(), ...repeated].slice(0, ACKS_PER_ACK);
    return acks;
  }
}
