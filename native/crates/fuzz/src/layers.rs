use datapath::{DataFormat, DataPath, Digest, Framing, LayerOptions, Suite, VNET_LEN};

use crate::bytes::Bytes;
use crate::test_packets::Shape;
use crate::test_sink::{RecordingSink, layered_pair, path, plain_frame, server_key};

/// No cipher and no HMAC: whatever the input says is a payload.
const OPEN: Suite = Suite::Plain(Digest::None);
const TUN_MTU: usize = 1500;
/// What the room for a packet has beside the tunnel's MTU.
const SLACK: usize = 64;

/// Payloads and fragments of a peer with layers, any bytes and those of a client that obeys them. What it sends comes out
/// as it was, and nothing comes out that is longer than the tunnel takes.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let form = bytes.u8();
    let layers = LayerOptions {
        framing: Framing::from_number(form & 7),
        compress: form & 8 != 0,
        fragment_counts_headers: form & 16 != 0,
        fragment: if form & 32 == 0 {
            0
        } else {
            68 + bytes.u16() % 1432
        },
    };
    let (mut server, client) = layered_pair(OPEN, DataFormat::V2, layers);
    server
        .install_key(server_key(0, 1, OPEN))
        .expect("a good key");
    let mut world = World {
        server,
        client,
        now: 0,
        packet_id: 0,
    };
    let mut undisturbed = true;
    while !bytes.is_empty() {
        match bytes.u8() & 3 {
            0 => {
                world.receive_payload(bytes.sized());
                undisturbed = false;
            }
            1 => world.now += u64::from(bytes.u8()) * 100,
            _ => {
                let order = bytes.u8();
                let content = bytes.sized();
                let content = &content[..content.len().min(1400)];
                let packet = Shape::udp(order & 1 != 0, 2).packet(content);
                let sent = world.sent(&packet, order);
                let whole = if sent.is_empty() {
                    vec![]
                } else {
                    vec![plain_frame(&packet)]
                };
                let taken = world.receive_all(sent);
                assert!(!undisturbed || taken == whole, "{layers:?}");
            }
        }
    }
}

struct World {
    server: DataPath,
    client: DataPath,
    now: u64,
    packet_id: u32,
}

impl World {
    /// Under the second key, whose packet ids are its own.
    fn receive_payload(&mut self, payload: &[u8]) {
        self.packet_id += 1;
        let head = [9 << 3 | 1, 0, 0, 0];
        let datagram = [&head[..], &self.packet_id.to_be_bytes(), payload].concat();
        self.receive_all(vec![datagram]);
    }

    /// The datagrams for one packet of the client's, in some order.
    fn sent(&mut self, packet: &[u8], order: u8) -> Vec<Vec<u8>> {
        let mut sink = RecordingSink::default();
        self.client
            .outbound(self.now, &mut plain_frame(packet), &mut sink);
        let mut sent: Vec<_> = sink
            .sent
            .into_iter()
            .map(|(_, datagram)| datagram)
            .collect();
        if !sent.is_empty() {
            let turn = usize::from(order >> 2) % sent.len();
            sent.rotate_left(turn);
        }
        if order & 2 != 0 {
            sent.reverse();
        }
        sent
    }

    fn receive_all(&mut self, datagrams: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut sink = RecordingSink::default();
        for mut datagram in datagrams {
            self.server
                .inbound(self.now, &path(4002), &mut datagram, &mut sink);
        }
        self.server.flush_inbound(&mut sink);
        for frame in &sink.tun {
            assert!(frame.len() <= VNET_LEN + TUN_MTU + SLACK);
        }
        sink.tun
    }
}
