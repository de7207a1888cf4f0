use datapath::{DataFormat, DataPath, Digest, Suite};

use crate::bytes::Bytes;
use crate::test_packets::Shape;
use crate::test_sink::{RecordingSink, all_suites, pair, path, plain_frame, sealed};

/// Packets of the suites that an HMAC protects, and of those that nothing does, in both formats: any bodies, good packets,
/// their replays, and damaged ones, which nothing that authenticates may take.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let suites = all_suites();
    let suite = suites[usize::from(bytes.u8()) % suites.len()];
    let format = if bytes.u8() & 1 == 0 {
        DataFormat::V2
    } else {
        DataFormat::V1
    };
    let is_open = matches!(
        suite,
        Suite::Cbc(_, Digest::None) | Suite::Plain(Digest::None)
    );
    let (mut server, mut client) = pair(suite, format);
    // Bytes that nothing authenticates may have moved the replay window anywhere.
    let mut undisturbed = true;
    while !bytes.is_empty() {
        match bytes.u8() & 3 {
            0 => {
                let mut datagram = header(format);
                datagram.extend_from_slice(bytes.sized());
                let taken = receive(&mut server, datagram);
                assert!(is_open || taken.is_empty());
                undisturbed &= !is_open;
            }
            1 => {
                let mut datagram = good(&mut client, &mut bytes).1;
                let at = usize::from(bytes.u16()) % datagram.len();
                let change = bytes.u8();
                datagram[at] ^= change;
                let taken = receive(&mut server, datagram);
                // These formats do not protect their header.
                let is_protected = !is_open && at >= format.header_len() && change != 0;
                assert!(!is_protected || taken.is_empty());
                undisturbed &= !is_open;
            }
            _ => {
                let (packet, datagram) = good(&mut client, &mut bytes);
                let taken = receive(&mut server, datagram.clone());
                assert!(!undisturbed || taken == [plain_frame(&packet)]);
                let again = receive(&mut server, datagram);
                assert_eq!(again.len(), 0);
            }
        }
    }
}

fn header(format: DataFormat) -> Vec<u8> {
    match format {
        DataFormat::V1 => vec![6 << 3],
        DataFormat::V2 => vec![9 << 3, 0, 0, 0],
    }
}

/// An inner packet of the client's, and its datagram.
fn good(client: &mut DataPath, bytes: &mut Bytes) -> (Vec<u8>, Vec<u8>) {
    let shape = Shape::udp(bytes.u8() & 1 != 0, 2);
    let content = bytes.sized();
    let packet = shape.packet(&content[..content.len().min(1400)]);
    let datagram = sealed(client, &packet);
    (packet, datagram)
}

fn receive(server: &mut DataPath, mut datagram: Vec<u8>) -> Vec<Vec<u8>> {
    let mut sink = RecordingSink::default();
    server.inbound(0, &path(4002), &mut datagram, &mut sink);
    server.flush_inbound(&mut sink);
    sink.tun
}
