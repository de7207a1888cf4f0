use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use datapath::PeerId;
use datapath::route_table::RouteTable;

use crate::bytes::Bytes;

/// Routes that come and go, beside a list that is searched from end to end.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let table = RouteTable::new();
    let mut model = BTreeMap::new();
    while !bytes.is_empty() {
        let (order, length, peer) = (bytes.u8(), bytes.u8(), PeerId(u32::from(bytes.u8() & 3)));
        let address = next_address(order & 1 == 0, &mut bytes);
        let length = length % if address.is_ipv4() { 33 } else { 129 };
        let key = (address.is_ipv4(), prefix(address, length), length);
        match order >> 1 & 3 {
            0 | 1 => {
                table.insert(address, length, peer);
                model.insert(key, peer);
            }
            2 => {
                table.remove(address, length, peer);
                if model.get(&key) == Some(&peer) {
                    model.remove(&key);
                }
            }
            _ => {}
        }
        let found = match address {
            IpAddr::V4(ip) => table.find_v4(ip),
            IpAddr::V6(ip) => table.find_v6(ip),
        };
        assert_eq!(found, longest(&model, address));
    }
}

/// Few addresses, so that prefixes meet.
fn next_address(v4: bool, bytes: &mut Bytes) -> IpAddr {
    let [high, low] = bytes.array();
    if v4 {
        Ipv4Addr::new(10, high & 7, 0, low).into()
    } else {
        Ipv6Addr::new(
            0xfd00,
            0,
            u16::from(high & 7) << 12,
            0,
            0,
            0,
            0,
            u16::from(low),
        )
        .into()
    }
}

fn longest(model: &BTreeMap<(bool, u128, u8), PeerId>, address: IpAddr) -> Option<PeerId> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (0..=longest)
        .rev()
        .find_map(|length| model.get(&(address.is_ipv4(), prefix(address, length), length)))
        .copied()
}

fn prefix(address: IpAddr, length: u8) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let behind = u32::from(width - length);
    bits.checked_shr(behind).map_or(0, |kept| kept << behind)
}
