//! What each step of the packet path costs beside the cipher.
//!
//! `cargo bench -p datapath --bench packets`

// The support files know the crate by its name.
#[path = "../src/test_packets.rs"]
mod test_packets;
#[path = "../src/test_sink.rs"]
mod test_sink;

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datapath::coalesce::Coalescer;
use datapath::inner_packet::InnerPacket;
use datapath::replay::ReplayWindow;
use datapath::route_table::RouteTable;
use datapath::split::Split;
use datapath::{
    CbcCipher, Cipher, DataEvent, DataFormat, Digest, InboundSink, OutboundSink, PeerAddr, PeerId,
    Plane, Role, Suite, TunOffloads, VNET_LEN, VnetHeader, checksum, vnet,
};
use test_packets::Shape;
use test_sink::{pair, path, peer, server, server_key, settings};

const SEGMENTS: usize = 44;
const PAYLOAD: usize = 1372;

fn superpacket() -> (VnetHeader, Vec<u8>) {
    let packet = Shape::tcp(false, 2).packet(&vec![5; SEGMENTS * PAYLOAD]);
    let header = VnetHeader {
        needs_csum: true,
        gso: vnet::GsoKind::Tcp4,
        hdr_len: 40,
        gso_size: PAYLOAD as u16,
        csum_start: 20,
        csum_offset: 16,
    };
    (header, packet)
}

fn split(criterion: &mut Criterion) {
    let (vnet, mut packet) = superpacket();
    let inner = InnerPacket::parse(&packet).expect("a good packet");
    let mut out = vec![0; 2048];
    let mut group = criterion.benchmark_group("split");
    group.throughput(Throughput::Elements(SEGMENTS as u64));
    group.bench_function("superpacket of 44", |b| {
        b.iter(|| {
            let split = Split::plan(&vnet, &inner, &mut packet).expect("a good superpacket");
            for index in 0..split.segments() {
                split.write(&packet, index, &mut out[..split.segment_len(index)]);
            }
            black_box(&out);
        });
    });
    group.finish();
}

fn coalesce(criterion: &mut Criterion) {
    let segment = |n: u32| Shape {
        sequence: n * PAYLOAD as u32,
        ip_id: n as u16,
        ..Shape::tcp(false, 2)
    };
    let mut frames: Vec<Vec<u8>> = (0..SEGMENTS as u32)
        .map(|n| [&[0; VNET_LEN][..], &segment(n).packet(&[5; PAYLOAD])].concat())
        .collect();
    let mut coalescer = Coalescer::new(TunOffloads::ALL);
    let mut group = criterion.benchmark_group("coalesce");
    group.throughput(Throughput::Elements(SEGMENTS as u64));
    group.bench_function("44 segments of 1372", |b| {
        b.iter(|| {
            let mut written = 0;
            let mut write = |frame: &[u8], _: usize| written += frame.len();
            for frame in &mut frames {
                let inner = InnerPacket::parse(&frame[VNET_LEN..]).expect("a good packet");
                coalescer.push(frame, &inner, &mut write);
            }
            coalescer.flush(&mut write);
            written
        });
    });
    group.finish();
}

fn small_steps(criterion: &mut Criterion) {
    let bytes = vec![5u8; 1400];
    criterion.bench_function("checksum/1400", |b| {
        b.iter(|| checksum::sum(black_box(&bytes)))
    });
    let mut window = ReplayWindow::default();
    let mut id = 0;
    criterion.bench_function("replay/check and mark", |b| {
        b.iter(|| {
            id += 1;
            window.check(id).map(|()| window.mark(id))
        });
    });
}

fn routes(criterion: &mut Criterion) {
    let table = RouteTable::new();
    for n in 0..100_000u32 {
        let length = if n % 10 == 0 { 24 } else { 32 };
        table.insert(
            Ipv4Addr::from_bits(0x0a00_0000 + n * 37).into(),
            length,
            PeerId(n),
        );
    }
    let mut n = 0u32;
    criterion.bench_function("routes/100000, 2 lengths, hit", |b| {
        b.iter(|| {
            n = (n + 7919) % 100_000;
            table.find_v4(Ipv4Addr::from_bits(0x0a00_0000 + n * 37))
        });
    });
    criterion.bench_function("routes/100000, 2 lengths, same address", |b| {
        b.iter(|| table.find_v4(black_box(Ipv4Addr::from_bits(0x0a00_0000 + 37))));
    });
    criterion.bench_function("routes/100000, 2 lengths, miss", |b| {
        b.iter(|| table.find_v4(black_box(Ipv4Addr::new(192, 0, 2, 1))));
    });
}

const CHANGES_PER_SECOND: u32 = 1000;

/// What the packet path pays for 100,000 routes of which 1000 a second come and go: packets of 1372 bytes to addresses
/// all over the table, once while nothing changes and once while another thread changes it.
fn routes_that_change(criterion: &mut Criterion) {
    let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
    let mut server = server(&plane, 0);
    let known = server.add_peer(0, peer(0, 2, DataFormat::V2));
    assert!(known.is_ok());
    let installed = server.install_key(server_key(0, 0, Cipher::Aes256Gcm));
    assert!(installed.is_ok());
    let address = |n: u32| Ipv4Addr::from_bits(0x0a00_0000 + n * 37);
    for n in 0..100_000 {
        plane.routes.insert(address(n).into(), 32, PeerId(0));
    }
    let udp = Shape::udp(false, 2).packet(&[5; PAYLOAD]);
    let mut frame = [&[0; VNET_LEN][..], &udp].concat();
    let mut sink = LastBatch {
        sent: vec![0; 2048],
        lens: Vec::with_capacity(1),
        reserved: 0,
    };
    let mut n = 0;
    let mut group = criterion.benchmark_group("path, 100000 routes");
    for name in ["no changes", "1000 changes a second"] {
        let stop = AtomicBool::new(name == "no changes");
        thread::scope(|scope| {
            scope.spawn(|| change_routes(&plane, &stop));
            group.bench_function(name, |b| {
                b.iter(|| {
                    sink.lens.clear();
                    n = (n + 7919) % 100_000;
                    let to = VNET_LEN + 16;
                    frame[to..to + 4].copy_from_slice(&address(n).octets());
                    server.outbound(0, &mut frame, &mut sink);
                    assert_eq!(sink.lens.len(), 1);
                });
            });
            stop.store(true, Ordering::Relaxed);
        });
    }
    group.finish();
}

/// At an even rate.
fn change_routes(plane: &Plane, stop: &AtomicBool) {
    let begin = Instant::now();
    for change in 0u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let network = Ipv4Addr::from_bits(0x6440_0000 + change / 2 % 50_000).into();
        if change.is_multiple_of(2) {
            plane.routes.insert(network, 32, PeerId(0));
        } else {
            plane.routes.remove(network, 32, PeerId(0));
        }
        let due = begin + Duration::from_secs(1) / CHANGES_PER_SECOND * change;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Takes everything and keeps the last batch.
struct LastBatch {
    sent: Vec<u8>,
    lens: Vec<usize>,
    reserved: usize,
}

impl OutboundSink for LastBatch {
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
        true
    }

    fn event(&mut self, _event: DataEvent) -> bool {
        true
    }
}

impl InboundSink for LastBatch {
    fn control(&mut self, _from: &PeerAddr, _packet: &[u8]) -> bool {
        true
    }

    fn hop_udp(&mut self, _shard: usize, _from: &PeerAddr, _datagram: &[u8]) -> bool {
        true
    }

    fn write_tun(&mut self, frame: &[u8]) {
        black_box(frame);
    }
}

/// A superpacket from TUN to datagrams (down), and from there through the other side to the TUN (there and back).
fn whole_path(criterion: &mut Criterion) {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let (vnet, packet) = superpacket();
    let frame = [&vnet.encode()[..], &packet].concat();
    let mut work = frame.clone();
    let mut sink = LastBatch {
        sent: vec![0; 64 * 2048],
        lens: Vec::with_capacity(64),
        reserved: 0,
    };
    let mut group = criterion.benchmark_group("path");
    group.throughput(Throughput::Elements(SEGMENTS as u64));
    group.bench_function("client outbound", |b| {
        b.iter(|| {
            sink.lens.clear();
            work.copy_from_slice(&frame);
            client.outbound(0, &mut work, &mut sink);
        });
    });
    group.bench_function("client outbound and server inbound", |b| {
        b.iter(|| {
            sink.lens.clear();
            work.copy_from_slice(&frame);
            client.outbound(0, &mut work, &mut sink);
            let mut sent = std::mem::take(&mut sink.sent);
            for (slot, len) in sent.chunks_mut(2048).zip(sink.lens.clone()) {
                server.inbound(0, &path(4002), &mut slot[..len], &mut sink);
            }
            server.flush_inbound(&mut sink);
            sink.sent = sent;
        });
    });
    group.finish();
}

/// One datagram of UDP, sealed, and sealed and opened, under the suites that clients use.
fn suites(criterion: &mut Criterion) {
    let suites = [
        ("AES-256-GCM", Suite::Aead(Cipher::Aes256Gcm)),
        (
            "AES-256-CBC SHA1",
            Suite::Cbc(CbcCipher::Aes256, Digest::Sha1),
        ),
        (
            "AES-256-CBC SHA256",
            Suite::Cbc(CbcCipher::Aes256, Digest::Sha256),
        ),
        ("none SHA256", Suite::Plain(Digest::Sha256)),
    ];
    let mut group = criterion.benchmark_group("suite");
    for (name, suite) in suites {
        for len in [64, 1400] {
            let (mut server, mut client) = pair(suite, DataFormat::V2);
            let packet = Shape::udp(false, 2).packet(&vec![5; len - 28]);
            let frame = [&[0; VNET_LEN][..], &packet].concat();
            let mut work = frame.clone();
            let mut sink = LastBatch {
                sent: vec![0; 2048],
                lens: Vec::with_capacity(1),
                reserved: 0,
            };
            for both in [false, true] {
                let what = if both { "seal and open" } else { "seal" };
                group.bench_function(format!("{name}/{what}/{len}"), |b| {
                    b.iter(|| {
                        sink.lens.clear();
                        work.copy_from_slice(&frame);
                        client.outbound(0, &mut work, &mut sink);
                        if both {
                            let mut sent = std::mem::take(&mut sink.sent);
                            let datagram = &mut sent[..sink.reserved];
                            server.inbound(0, &path(4002), datagram, &mut sink);
                            server.flush_inbound(&mut sink);
                            sink.sent = sent;
                        }
                    });
                });
            }
            assert_eq!(server.stats().drops().count(), 0);
        }
    }
    group.finish();
}

criterion_group!(
    benches,
    suites,
    split,
    coalesce,
    small_steps,
    routes,
    routes_that_change,
    whole_path
);
criterion_main!(benches);
