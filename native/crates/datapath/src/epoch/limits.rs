/// How much one key of a chain is used, and when the chain is to be replaced. Tests take small ones. [wire 12.2]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochLimits {
    /// Blocks of 16 bytes plus packets that a key with a usage limit seals.
    pub usage: u64,
    /// Last counter of an epoch.
    pub last_counter: u64,
    /// Forged packets after which the peer is led to another epoch.
    pub soft_failures: u64,
    /// Forged packets after which nothing is opened any more.
    pub hard_failures: u64,
    /// From this epoch of ours on a renegotiation is asked for.
    pub renegotiate_at: u16,
    pub last_epoch: u16,
}

impl EpochLimits {
    pub const WIRE: EpochLimits = EpochLimits {
        usage: (1 << 36) - 1,
        last_counter: (1 << 48) - 1,
        soft_failures: 1 << 35,
        hard_failures: 1 << 36,
        renegotiate_at: 0xf000,
        last_epoch: 0xffff,
    };
}
