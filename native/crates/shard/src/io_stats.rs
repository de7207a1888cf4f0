use datapath::stats::OwnedCounter;
use netio::send_batch::SendCounters;

use crate::stream_stats::StreamStats;

/// What happened between a shard and the system. Written by its data thread, read by anyone.
#[derive(Default)]
pub struct IoStats {
    /// Turns of the loop, and how many of them ended asleep.
    pub turns: OwnedCounter,
    pub sleeps: OwnedCounter,
    /// Short waits of a known length, for more packets to come.
    pub naps: OwnedCounter,
    pub receive_calls: OwnedCounter,
    /// Received buffers, each one datagram or a GRO superpacket.
    pub received_buffers: OwnedCounter,
    pub received_datagrams: OwnedCounter,
    /// Datagrams that a full socket buffer has lost.
    pub udp_lost: OwnedCounter,
    /// Datagrams longer than a buffer, or from no address.
    pub udp_unusable: OwnedCounter,
    pub udp_receive_errors: OwnedCounter,
    /// What ICMP told while receiving: datagrams whose other side is not there.
    pub udp_unreachable: OwnedCounter,
    pub tun_reads: OwnedCounter,
    pub tun_read_errors: OwnedCounter,
    pub tun_write_errors: OwnedCounter,
    /// 1 while the TUN refuses reads, because its device is gone.
    pub tun_down: OwnedCounter,
    /// Records of the worker that made no sense or contradicted what exists.
    pub commands_refused: OwnedCounter,
    /// Events and datagrams that found the ring to the worker full.
    pub worker_ring_full: OwnedCounter,
    pub worker_wakes: OwnedCounter,
    pub rings_corrupt: OwnedCounter,
    /// Times the data thread has failed and started anew.
    pub panics: OwnedCounter,
    /// 1 while the data thread goes before other programs.
    pub urgent: OwnedCounter,
    pub streams: StreamStats,
    send: SendStats,
}

#[derive(Default)]
struct SendStats {
    calls: OwnedCounter,
    datagrams: OwnedCounter,
    bytes: OwnedCounter,
    no_room: OwnedCounter,
    refused: OwnedCounter,
    unreachable: OwnedCounter,
    gso_refused: OwnedCounter,
    gso_given_up: OwnedCounter,
}

impl IoStats {
    pub fn set_send(&self, counters: &SendCounters) {
        self.send.calls.set(counters.calls);
        self.send.datagrams.set(counters.datagrams);
        self.send.bytes.set(counters.bytes);
        self.send.no_room.set(counters.no_room);
        self.send.refused.set(counters.refused);
        self.send.unreachable.set(counters.unreachable);
        self.send.gso_refused.set(counters.gso_refused);
        self.send.gso_given_up.set(counters.gso_given_up);
    }

    /// Stable name and value of each.
    pub fn named(&self) -> [(&'static str, u64); 27] {
        [
            ("turns", self.turns.value()),
            ("sleeps", self.sleeps.value()),
            ("naps", self.naps.value()),
            ("udp-receive-calls", self.receive_calls.value()),
            ("udp-received-buffers", self.received_buffers.value()),
            ("udp-received", self.received_datagrams.value()),
            ("udp-lost", self.udp_lost.value()),
            ("udp-unusable", self.udp_unusable.value()),
            ("udp-receive-errors", self.udp_receive_errors.value()),
            (
                "udp-unreachable",
                self.udp_unreachable.value() + self.send.unreachable.value(),
            ),
            ("udp-send-calls", self.send.calls.value()),
            ("udp-sent", self.send.datagrams.value()),
            ("udp-sent-bytes", self.send.bytes.value()),
            ("udp-send-no-room", self.send.no_room.value()),
            ("udp-send-refused", self.send.refused.value()),
            ("gso-refused", self.send.gso_refused.value()),
            ("gso-given-up", self.send.gso_given_up.value()),
            ("tun-reads", self.tun_reads.value()),
            ("tun-read-errors", self.tun_read_errors.value()),
            ("tun-write-errors", self.tun_write_errors.value()),
            ("tun-down", self.tun_down.value()),
            ("commands-refused", self.commands_refused.value()),
            ("worker-ring-full", self.worker_ring_full.value()),
            ("worker-wakes", self.worker_wakes.value()),
            ("rings-corrupt", self.rings_corrupt.value()),
            ("panics", self.panics.value()),
            ("urgent", self.urgent.value()),
        ]
    }
}
