use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::command::{AddPeer, DataFormat, LayerOptions};
use crate::data_path::Context;
use crate::framing::Framing;
use crate::key_ring::KeyRing;
use crate::limits::PeerLimits;
use crate::outbound::find_route;
use crate::peer::Peer;
use crate::peer_addr::PeerAddr;
use crate::wire::PeerId;

/// A client on its way from one process to another. Times are ages: clocks do not go with it.
pub(crate) struct PeerRecord {
    pub command: AddPeer,
    pub claims: Claims,
    pub sealed_ago: Millis,
    pub silent_for: Millis,
    pub heard_ago: Millis,
    pub limits: PeerLimits,
    pub active_ago: Millis,
    pub active_bytes: u64,
    /// Bytes in and out, packets in and out.
    pub traffic: [u64; 4],
    pub keys: KeyRing,
}

/// What leads to the peer and not, by now, to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub path: bool,
    pub ipv4: bool,
    pub ipv6: bool,
}

impl Claims {
    pub const ALL: Claims = Claims {
        path: true,
        ipv4: true,
        ipv6: true,
    };

    fn of(peer: &Peer, context: &Context) -> Claims {
        let leads_here = |address: Option<IpAddr>| {
            address.is_some_and(|address| find_route(context, address) == Some(peer.id))
        };
        Claims {
            path: context.plane.addresses.find(&peer.path) == Some(peer.id),
            ipv4: leads_here(peer.ipv4.map(IpAddr::V4)),
            ipv6: leads_here(peer.ipv6.map(IpAddr::V6)),
        }
    }
}

/// Room that a record takes at most beside its replay windows.
pub(crate) const MAX_PEER_RECORD: usize = 2048;

pub(crate) fn encode_peer(peer: &Peer, context: &Context, now: Millis, out: &mut Vec<u8>) {
    let claims = Claims::of(peer, context);
    let (ping_interval, ping_timeout) = peer.timers_s();
    out.extend_from_slice(&peer.id.0.to_le_bytes());
    encode_path(&peer.path, out);
    out.push(u8::from(peer.format == DataFormat::V2));
    encode_inner(peer.ipv4.map(IpAddr::V4), out);
    encode_inner(peer.ipv6.map(IpAddr::V6), out);
    out.extend([claims.path, claims.ipv4, claims.ipv6].map(u8::from));
    out.extend_from_slice(&ping_interval.to_le_bytes());
    out.extend_from_slice(&ping_timeout.to_le_bytes());
    encode_layers(peer.layer_options(), out);
    for at in peer.times() {
        out.extend_from_slice(&now.saturating_sub(at).to_le_bytes());
    }
    let counters = &peer.counters;
    for counter in [
        &counters.bytes_in,
        &counters.bytes_out,
        &counters.packets_in,
        &counters.packets_out,
    ] {
        out.extend_from_slice(&counter.value().to_le_bytes());
    }
    peer.limits.encode(out);
    peer.activity.encode(now, out);
    peer.keys.encode(out);
}

/// `None` for bytes that are no record.
pub(crate) fn decode_peer(reader: &mut ByteReader) -> Option<PeerRecord> {
    let peer = PeerId(reader.u32()?);
    let path = decode_path(reader)?;
    let format = if reader.flag()? {
        DataFormat::V2
    } else {
        DataFormat::V1
    };
    let (ipv4, ipv6) = (decode_ipv4(reader)?, decode_ipv6(reader)?);
    let claims = Claims {
        path: reader.flag()?,
        ipv4: reader.flag()?,
        ipv6: reader.flag()?,
    };
    let (ping_interval_s, ping_timeout_s) = (reader.u16()?, reader.u16()?);
    let layers = decode_layers(reader)?;
    let [sealed_ago, silent_for, heard_ago] = [reader.u64()?, reader.u64()?, reader.u64()?];
    let traffic = [reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?];
    let limits = PeerLimits::decode(reader)?;
    Some(PeerRecord {
        command: AddPeer {
            peer,
            path,
            format,
            ipv4,
            ipv6,
            ping_interval_s,
            ping_timeout_s,
            layers,
        },
        claims,
        sealed_ago,
        silent_for,
        heard_ago,
        traffic,
        limits,
        active_ago: reader.u64()?,
        active_bytes: reader.u64()?,
        keys: KeyRing::decode(peer, &limits, reader)?,
    })
}

/// As in ADD_PEER, without the other flags there.
fn encode_layers(options: LayerOptions, out: &mut Vec<u8>) {
    let framing = options.framing.map_or(0, |framing| framing as u8);
    let flags = [options.compress, options.fragment_counts_headers].map(u8::from);
    out.extend_from_slice(&[framing, flags[0], flags[1]]);
    out.extend_from_slice(&options.fragment.to_le_bytes());
}

fn decode_layers(reader: &mut ByteReader) -> Option<LayerOptions> {
    let framing = match reader.u8()? {
        0 => None,
        number => Some(Framing::from_number(number)?),
    };
    Some(LayerOptions {
        framing,
        compress: reader.flag()?,
        fragment_counts_headers: reader.flag()?,
        fragment: reader.u16()?,
    })
}

fn encode_path(path: &PeerAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(&path.listener.to_le_bytes());
    encode_inner(Some(path.addr.ip()), out);
    out.extend_from_slice(&path.addr.port().to_le_bytes());
}

fn decode_path(reader: &mut ByteReader) -> Option<PeerAddr> {
    let listener = reader.u16()?;
    let ip = match reader.u8()? {
        4 => IpAddr::from(reader.array::<4>()?),
        6 => IpAddr::from(reader.array::<16>()?),
        _ => return None,
    };
    let addr = SocketAddr::new(ip, reader.u16()?);
    Some(PeerAddr { listener, addr })
}

/// Family, or 0 for no address, and the address.
fn encode_inner(address: Option<IpAddr>, out: &mut Vec<u8>) {
    match address {
        None => out.push(0),
        Some(IpAddr::V4(address)) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
    }
}

fn decode_ipv4(reader: &mut ByteReader) -> Option<Option<Ipv4Addr>> {
    match reader.u8()? {
        0 => Some(None),
        4 => Some(Some(reader.array::<4>()?.into())),
        _ => None,
    }
}

fn decode_ipv6(reader: &mut ByteReader) -> Option<Option<Ipv6Addr>> {
    match reader.u8()? {
        0 => Some(None),
        6 => Some(Some(reader.array::<16>()?.into())),
        _ => None,
    }
}
