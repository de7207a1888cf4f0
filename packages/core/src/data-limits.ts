/** What the data thread watches over for each peer, as in the directives of these names. */
export interface DataLimits {
  /** Bytes and packets that a key may carry, both directions together, until it is renegotiated; 0 = any number. */
  readonly renegBytes: number;
  readonly renegPackets: number;
  /** Report a peer with less than `bytes` of traffic (with 0: none) in so many seconds; 0 = never. Pings are no traffic. */
  readonly inactive: { readonly seconds: number; readonly bytes: number };
}

export const NO_LIMITS: DataLimits = { renegBytes: 0, renegPackets: 0, inactive: { seconds: 0, bytes: 0 } };
