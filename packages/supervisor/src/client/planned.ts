/** What the system is to look like while the tunnel is up. */
export interface TunnelPlan {
  readonly mtu: number;
  readonly addresses: readonly PlannedAddress[];
  readonly routes: readonly PlannedRoute[];
  /** Options that are known and change nothing, and those that make no sense. */
  readonly remarks: readonly string[];
}

export interface PlannedAddress {
  /** `10.8.0.2/24` */
  readonly address: string;
  /** The other end of a point-to-point link. */
  readonly peer: string | null;
}

export interface PlannedRoute {
  /** CIDR */
  readonly destination: string;
  readonly via: string | null;
  readonly metric: number | null;
  /** Device it leads to; null = the tunnel. */
  readonly device: string | null;
}

/** How packets to an address leave the machine without the tunnel. */
export interface OuterWay {
  readonly device: string;
  readonly via: string | null;
}

export interface TunnelSurroundings {
  readonly tunMtu: number;
  /** Numeric address of the server. */
  readonly server: string;
  /** The way to the server; null when it is not known. */
  readonly wayToServer: OuterWay | null;
}
