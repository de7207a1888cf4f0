use std::ops::Range;

use crate::Millis;
use crate::aead_packets::AeadPackets;
use crate::byte_reader::ByteReader;
use crate::command::{CbcCipher, Digest, DirectionKey, InstallKey, KEY_SLOT_LEN, Suite};
use crate::epoch::{EpochLimits, EpochPackets};
use crate::hmac_packets::HmacPackets;
use crate::limits::{KeyLimit, KeyTraffic, PeerLimits};
use crate::replay::ReplayTolerance;
use crate::stats::DropReason;
use crate::wire::{KeyId, PeerId};

/// One generation of data keys of a peer: both directions, packet ids, replay window, wear. Aligned as a
/// peer is.
#[repr(align(128))]
pub(crate) struct KeyState {
    pub key_id: KeyId,
    packets: Packets,
    limits: PeerLimits,
    traffic: KeyTraffic,
    limit_reported: bool,
    material: Box<Material>,
}

/// What the key does with packets, a variant for each format. The formats have the same functions.
#[expect(
    clippy::large_enum_variant,
    reason = "a box would cost the frequent format a cache miss per packet; a chain is three times as large"
)]
enum Packets {
    Aead(AeadPackets),
    Epoch(Box<EpochPackets>),
    Hmac(Box<HmacPackets>),
}

/// What the ciphers were made of, for the process that takes over: they do not give it back.
struct Material {
    suite: Suite,
    seal: DirectionKey,
    open: DirectionKey,
}

impl Material {
    /// The first secrets of a chain are forgotten: the chain hands over where it is. What stands in for them is no key.
    fn of(command: &InstallKey) -> Material {
        let keep = |direction: &DirectionKey| match command.suite {
            Suite::Epoch(_) => DirectionKey {
                cipher: [0xff; KEY_SLOT_LEN],
                hmac: [0; KEY_SLOT_LEN],
            },
            Suite::Aead(_) | Suite::Cbc(..) | Suite::Plain(_) => direction.clone(),
        };
        Material {
            suite: command.suite,
            seal: keep(&command.seal),
            open: keep(&command.open),
        }
    }
}

/// Runs `$body` with `$packets` bound to the packets of whichever format.
macro_rules! by_format {
    ($state:expr, $packets:ident => $body:expr) => {
        match $state {
            Packets::Aead($packets) => $body,
            Packets::Epoch($packets) => $body,
            Packets::Hmac($packets) => $body,
        }
    };
}

impl Packets {
    fn hmac(cipher: Option<CbcCipher>, digest: Digest, command: &InstallKey) -> Option<Packets> {
        HmacPackets::new(cipher, digest, command).map(|packets| Packets::Hmac(Box::new(packets)))
    }
}

impl KeyState {
    /// `None` when a key is all zero.
    pub fn new(command: &InstallKey, limits: &PeerLimits) -> Option<KeyState> {
        let mut packets = match command.suite {
            Suite::Aead(cipher) => Packets::Aead(AeadPackets::new(cipher, command)?),
            Suite::Epoch(cipher) => {
                let (seal, open) = (&command.seal.cipher, &command.open.cipher);
                let packets = EpochPackets::new(cipher, seal, open, EpochLimits::WIRE)?;
                Packets::Epoch(Box::new(packets))
            }
            Suite::Cbc(cipher, digest) => Packets::hmac(Some(cipher), digest, command)?,
            Suite::Plain(digest) => Packets::hmac(None, digest, command)?,
        };
        if limits.replay != ReplayTolerance::default() {
            by_format!(&mut packets, packets => packets.tolerate(limits.replay));
        }
        Some(KeyState {
            key_id: command.key_id,
            packets,
            limits: *limits,
            traffic: KeyTraffic::default(),
            limit_reported: false,
            material: Box::new(Material::of(command)),
        })
    }

    pub fn suite(&self) -> Suite {
        self.material.suite
    }

    /// May this key still seal? Packet ids never wrap. A chain of keys goes on to its next key here.
    pub fn can_seal(&mut self) -> Result<(), DropReason> {
        by_format!(&mut self.packets, packets => packets.can_seal())
    }

    /// For a payload of `payload_len` bytes: how far behind the header it begins, and the length of all behind the header.
    pub fn room_for(&self, payload_len: usize) -> (usize, usize) {
        match &self.packets {
            Packets::Aead(_) => AeadPackets::room_for(payload_len),
            Packets::Epoch(_) => EpochPackets::room_for(payload_len),
            Packets::Hmac(packets) => packets.room_for(payload_len),
        }
    }

    /// Gives `packet` the next packet id and seals it in place. It is header and body, with the header and the payload in
    /// the places that `room_for` says. False: the packet is longer than the cipher can take.
    /// INVARIANT: `can_seal` has said yes.
    pub fn seal(&mut self, header_len: usize, payload_len: usize, packet: &mut [u8]) -> bool {
        self.traffic.count(packet.len());
        by_format!(&mut self.packets, packets => packets.seal(header_len, payload_len, packet))
    }

    /// Opens `packet` in place, if it is authentic and new; where its payload is then.
    pub fn open(
        &mut self,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<Range<usize>, DropReason> {
        let opened = by_format!(&mut self.packets, packets => packets.open(header_len, packet));
        if opened.is_ok() {
            self.traffic.count(packet.len());
        }
        opened
    }

    /// Time passes for the replay windows. Before every packet.
    pub fn advance(&mut self, now: Millis) {
        by_format!(&mut self.packets, packets => packets.advance(now));
    }

    /// Bytes of the replay windows among those of `encode`.
    pub fn windows_len(&self) -> usize {
        by_format!(&self.packets, packets => packets.windows_len())
    }

    /// The limit that is reached and has not been reported. [wire 12.1, 17]
    pub fn limit_due(&self) -> Option<KeyLimit> {
        if self.limit_reported {
            return None;
        }
        if by_format!(&self.packets, packets => packets.limit_is_reached()) {
            return Some(KeyLimit::Wear);
        }
        self.traffic.limit(&self.limits)
    }

    pub fn limit_was_reported(&mut self) {
        self.limit_reported = true;
    }

    /// Leaves the next `count` packet ids to a process that may have sealed with them. A key without that many left
    /// seals no more; its limit is reported again, so that it is replaced.
    pub fn skip_ids(&mut self, count: u64) {
        by_format!(&mut self.packets, packets => packets.skip_ids(count));
        self.limit_reported = false;
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let Material { suite, seal, open } = &*self.material;
        out.push(self.key_id.0);
        out.extend_from_slice(&suite.numbers());
        for direction in [seal, open] {
            out.extend_from_slice(&direction.cipher);
            out.extend_from_slice(&direction.hmac);
        }
        self.traffic.encode(out);
        by_format!(&self.packets, packets => packets.encode(out));
    }

    /// The key in the process that takes over: its packet ids begin further on.
    pub fn decode(peer: PeerId, limits: &PeerLimits, reader: &mut ByteReader) -> Option<KeyState> {
        let key_id = KeyId(reader.u8().filter(|id| *id < 8)?);
        let suite = Suite::from_numbers(reader.array()?)?;
        let (seal, open) = (decode_direction(reader)?, decode_direction(reader)?);
        let install = InstallKey {
            peer,
            key_id,
            suite,
            seal,
            open,
        };
        let mut state = KeyState::new(&install, limits)?;
        state.traffic = KeyTraffic::decode(reader)?;
        by_format!(&mut state.packets, packets => packets.take_over(reader))?;
        Some(state)
    }
}

fn decode_direction(reader: &mut ByteReader) -> Option<DirectionKey> {
    let (cipher, hmac) = (reader.bytes(KEY_SLOT_LEN)?, reader.bytes(KEY_SLOT_LEN)?);
    Some(DirectionKey {
        cipher: cipher.try_into().ok()?,
        hmac: hmac.try_into().ok()?,
    })
}

#[cfg(test)]
impl KeyState {
    /// As after this many sealed packets.
    pub fn age_to(&mut self, next_id: u64) {
        self.aead().age_to(next_id);
    }

    pub fn use_up(&mut self, usage: u64) {
        self.aead().use_up(usage);
    }

    pub fn fail(&mut self, failures: u64) {
        self.aead().fail(failures);
    }

    /// Other limits than those of the wire, so that they can be reached.
    pub fn limit_epochs(&mut self, limits: EpochLimits) {
        match &mut self.packets {
            Packets::Epoch(packets) => packets.limits = limits,
            Packets::Aead(_) | Packets::Hmac(_) => panic!("not a key of the epoch format"),
        }
    }

    fn aead(&mut self) -> &mut AeadPackets {
        match &mut self.packets {
            Packets::Aead(packets) => packets,
            Packets::Epoch(_) | Packets::Hmac(_) => panic!("not a key of AEAD v1"),
        }
    }
}
