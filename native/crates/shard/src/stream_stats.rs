use datapath::stats::OwnedCounter;

/// What happened to the connections of a shard. Written by its data thread, read by anyone.
#[derive(Default)]
pub struct StreamStats {
    pub open: OwnedCounter,
    pub accepted: OwnedCounter,
    /// Out of descriptors or memory: the listener is left alone for a while.
    pub accept_errors: OwnedCounter,
    /// Too many connections without a client.
    pub refused: OwnedCounter,
    /// Too long without a client.
    pub timed_out: OwnedCounter,
    /// Framing that makes no sense.
    pub bad_length: OwnedCounter,
    /// No PROXY header, or a malformed one, from where one is wanted.
    pub bad_header: OwnedCounter,
    /// Handed on because they speak something else.
    pub shared: OwnedCounter,
    /// By the other side, or a failure on the way.
    pub ended: OwnedCounter,
    pub read_calls: OwnedCounter,
    pub write_calls: OwnedCounter,
    pub packets: OwnedCounter,
    /// Packets that a slow reader has not got, and how often a connection has had no room.
    pub queue_full: OwnedCounter,
    pub no_room: OwnedCounter,
    /// Packets for a connection that is gone.
    pub no_connection: OwnedCounter,
}

impl StreamStats {
    /// Stable name and value of each.
    pub fn named(&self) -> [(&'static str, u64); 15] {
        [
            ("tcp-connections", self.open.value()),
            ("tcp-accepted", self.accepted.value()),
            ("tcp-accept-errors", self.accept_errors.value()),
            ("tcp-refused", self.refused.value()),
            ("tcp-timed-out", self.timed_out.value()),
            ("tcp-bad-length", self.bad_length.value()),
            ("tcp-bad-proxy-header", self.bad_header.value()),
            ("tcp-shared", self.shared.value()),
            ("tcp-ended", self.ended.value()),
            ("tcp-read-calls", self.read_calls.value()),
            ("tcp-write-calls", self.write_calls.value()),
            ("tcp-received", self.packets.value()),
            ("tcp-queue-full", self.queue_full.value()),
            ("tcp-no-room", self.no_room.value()),
            ("tcp-no-connection", self.no_connection.value()),
        ]
    }
}
