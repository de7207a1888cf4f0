//! In steady state the packet path does not touch the allocator.

// The support files know the crate by its name.
#[path = "../src/test_packets.rs"]
mod test_packets;
#[path = "../src/test_sink.rs"]
mod test_sink;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use datapath::stats::Counter;
use datapath::{
    CbcCipher, Cipher, DataEvent, DataFormat, Digest, Framing, InboundSink, LayerOptions,
    OutboundSink, PeerAddr, PeerId, Suite, VNET_LEN,
};
use test_packets::Shape;
use test_sink::{layered_pair, path, plain_frame};

struct CountingAllocator;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn allocations(mut work: impl FnMut()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

/// Fixed memory for one batch, as the event loop has it.
struct BatchSink {
    sent: Vec<u8>,
    lens: Vec<usize>,
    reserved: usize,
    tun_bytes: usize,
}

impl BatchSink {
    fn new() -> BatchSink {
        BatchSink {
            sent: vec![0; 128 * 2048],
            lens: Vec::with_capacity(128),
            reserved: 0,
            tun_bytes: 0,
        }
    }
}

impl OutboundSink for BatchSink {
    fn reserve(&mut self, _to: &PeerAddr, len: usize) -> Option<&mut [u8]> {
        self.reserved = len;
        let at = self.lens.len() * 2048;
        self.sent.get_mut(at..at + len)
    }

    fn commit(&mut self) {
        self.lens.push(self.reserved);
    }

    fn hop_peer(
        &mut self,
        _shard: usize,
        _peer: PeerId,
        _vnet: &[u8; VNET_LEN],
        _packet: &[u8],
    ) -> bool {
        false
    }

    fn event(&mut self, _event: DataEvent) -> bool {
        false
    }
}

impl InboundSink for BatchSink {
    fn control(&mut self, _from: &PeerAddr, _packet: &[u8]) -> bool {
        false
    }

    fn hop_udp(&mut self, _shard: usize, _from: &PeerAddr, _datagram: &[u8]) -> bool {
        false
    }

    fn write_tun(&mut self, frame: &[u8]) {
        self.tun_bytes += frame.len();
    }
}

#[test]
fn the_packet_path_does_not_allocate() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1]))) > 0);
    let gcm = Suite::Aead(Cipher::Aes256Gcm);
    let chacha = Suite::Aead(Cipher::ChaCha20Poly1305);
    let none = LayerOptions::default();
    let fragments = LayerOptions {
        framing: Some(Framing::Lzo),
        fragment: 900,
        ..none
    };
    let [lzo, lz4] = [Framing::Lzo, Framing::Lz4V2].map(|framing| LayerOptions {
        framing: Some(framing),
        compress: true,
        ..none
    });
    for (suite, format, layers) in [
        (gcm, DataFormat::V2, none),
        (chacha, DataFormat::V1, none),
        (Suite::Epoch(Cipher::Aes256Gcm), DataFormat::V2, none),
        (
            Suite::Cbc(CbcCipher::Aes256, Digest::Sha1),
            DataFormat::V2,
            none,
        ),
        (
            Suite::Cbc(CbcCipher::Aes128, Digest::Sha512),
            DataFormat::V1,
            none,
        ),
        (Suite::Plain(Digest::None), DataFormat::V2, none),
        (Suite::Plain(Digest::None), DataFormat::V2, lz4),
        (gcm, DataFormat::V2, fragments),
        (gcm, DataFormat::V2, lzo),
        (gcm, DataFormat::V2, lz4),
    ] {
        let (mut server, mut client) = layered_pair(suite, format, layers);
        let mut sink = BatchSink::new();
        let frames: Vec<Vec<u8>> = (0..64u32)
            .map(|n| Shape {
                sequence: n * 1000,
                ip_id: n as u16,
                ..Shape::tcp(n % 2 == 0, 2)
            })
            .map(|shape| plain_frame(&shape.packet(&[7; 1000])))
            .collect();
        let mut work = frames.clone();
        let mut round = |now: u64| {
            for (work, frame) in work.iter_mut().zip(&frames) {
                work.copy_from_slice(frame);
                client.outbound(now, work, &mut sink);
            }
            for index in 0..sink.lens.len() {
                let mut datagram = [0; 2048];
                let len = sink.lens[index];
                datagram[..len].copy_from_slice(&sink.sent[index * 2048..][..len]);
                server.inbound(now, &path(4002), &mut datagram[..len], &mut sink);
            }
            server.flush_inbound(&mut sink);
            sink.lens.clear();
            server.handle_timeout(now, &mut sink);
            sink.lens.clear();
        };
        // The first rounds fill thread-local state of the lock-free maps and each bucket of the timers once.
        (0..150).for_each(|step| round(step * 10_000));
        let count = allocations(|| (150..250).for_each(|step| round(step * 10_000)));
        assert_eq!(count, 0, "{suite:?} {layers:?}");
        assert!(server.stats().counter(Counter::PingsSent) > 200);
        assert_eq!(server.stats().drops().collect::<Vec<_>>(), []);
        assert!(sink.tun_bytes > 250 * 64 * 1000);
    }
}
