use shard::framing::{Front, front};
use shard::port_share::{Speaker, speaker_of};
use shard::proxy_header::{ProxyHeader, decode_proxy_header};

use crate::bytes::Bytes;

/// How much of an input is cut everywhere.
const LONGEST: usize = 1200;

/// The first bytes of a connection: the PROXY header, who speaks, and where the packets are. However they are cut, what is
/// decided of a part stays true of the whole.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let max = usize::from(bytes.u16());
    let stream = bytes.rest();
    let stream = &stream[..stream.len().min(LONGEST)];
    let (header, speaker) = (decode_proxy_header(stream), speaker_of(stream));
    match header {
        ProxyHeader::Client(_, len) | ProxyHeader::Nobody(len) => assert!(len <= stream.len()),
        ProxyHeader::Incomplete | ProxyHeader::Malformed => {}
    }
    for cut in 0..stream.len() {
        let part = decode_proxy_header(&stream[..cut]);
        assert!(
            part == ProxyHeader::Incomplete || part == header,
            "{part:?} {header:?}"
        );
        let part = speaker_of(&stream[..cut]);
        assert!(
            part == Speaker::Unknown || part == speaker,
            "{part:?} {speaker:?}"
        );
    }
    let mut at = 0;
    while let Front::Packet(range) = front(stream, at, max) {
        assert!(range.start == at + 2 && range.end <= stream.len());
        assert!((1..=max).contains(&range.len()));
        let cut = front(&stream[..range.end - 1], at, max);
        assert_eq!(cut, Front::Incomplete);
        at = range.end;
    }
}
