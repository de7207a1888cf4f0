use datapath::Framing;
use datapath::framing::Unframed;

use crate::bytes::Bytes;

const LONGEST: usize = 4096;
const LZ4_SWAPPED: u8 = 0x69;
const LZ4_ESCAPED: [u8; 2] = [0x50, 1];

/// Payloads in a compression framing. What is inflated fits the room it needs and no smaller one, and is what a plain
/// reading of the format says. [wire 13]
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let framing = Framing::ALL[usize::from(bytes.u8()) % Framing::ALL.len()];
    let room_len = usize::from(bytes.u16()) % LONGEST;
    let payload = bytes.rest();
    let (outcome, _) = unframe(framing, payload, room_len);
    match outcome {
        Some(Unframed::InPlace(range)) => assert!(range.end <= payload.len()),
        Some(Unframed::Inflated(len)) => {
            let (again, room) = unframe(framing, payload, len);
            assert_eq!(again, Some(Unframed::Inflated(len)));
            let smaller = len
                .checked_sub(1)
                .map(|len| unframe(framing, payload, len).0);
            assert_eq!(smaller.flatten(), None);
            if let Some(block) = lz4_block(framing, payload) {
                assert_eq!(plain_lz4(&block).as_ref(), Some(&room));
            }
        }
        None => {}
    }
}

fn unframe(framing: Framing, payload: &[u8], room: usize) -> (Option<Unframed>, Vec<u8>) {
    let mut room = vec![0; room];
    let outcome = framing.unframe(&mut payload.to_vec(), &mut room);
    (outcome.ok(), room)
}

fn lz4_block(framing: Framing, payload: &[u8]) -> Option<Vec<u8>> {
    match framing {
        Framing::StubV2 | Framing::Lz4V2 => payload.strip_prefix(&LZ4_ESCAPED).map(<[u8]>::to_vec),
        Framing::Lzo | Framing::Stub | Framing::Lz4 => {
            let (last, rest) = payload.strip_prefix(&[LZ4_SWAPPED])?.split_last()?;
            Some([&[*last], rest].concat())
        }
    }
}

/// LZ4's block format, byte by byte: literals, then a distance and a length, until the block ends behind literals.
fn plain_lz4(block: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::new(), block.iter().copied());
    loop {
        let token = rest.next()?;
        let literals = length(usize::from(token >> 4), &mut rest)?;
        for _ in 0..literals {
            out.push(rest.next()?);
        }
        let Some(low) = rest.next() else {
            return Some(out);
        };
        let distance = usize::from(u16::from_le_bytes([low, rest.next()?]));
        let copied = 4 + length(usize::from(token & 15), &mut rest)?;
        for _ in 0..copied {
            let from = out.len().checked_sub(distance.max(1))?;
            out.push(out[from]);
        }
    }
}

/// 15 goes on with bytes that are added, until one is not 255.
fn length(start: usize, rest: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let mut total = start;
    if start == 15 {
        loop {
            let byte = rest.next()?;
            total += usize::from(byte);
            if byte != 255 {
                break;
            }
        }
    }
    Some(total)
}
