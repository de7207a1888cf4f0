use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use foldhash::fast::RandomState;

use crate::wire::PeerId;

/// Longest-prefix table from inner addresses to peers, shared by all shards. Look-ups take no lock.
pub struct RouteTable {
    v4: Family<u32, 1>,
    v6: Family<u128, 3>,
    mirror: OnceLock<Box<dyn RouteMirror>>,
}

/// Is told of every change in the order in which the table takes it, under the lock of the writers. Addresses may have
/// bits behind the prefix.
pub trait RouteMirror: Send + Sync {
    /// False: it could not be mirrored.
    fn insert(&self, network: IpAddr, length: u8, peer: PeerId) -> bool;
    /// False: it could not be mirrored.
    fn remove(&self, network: IpAddr, length: u8) -> bool;
}

impl RouteTable {
    pub fn new() -> RouteTable {
        RouteTable {
            v4: Family::new(),
            v6: Family::new(),
            mirror: OnceLock::new(),
        }
    }

    /// Has `mirror` follow the table. It does not hear of routes that are there already. False: there is one.
    pub fn set_mirror(&self, mirror: Box<dyn RouteMirror>) -> bool {
        self.mirror.set(mirror).is_ok()
    }

    pub fn find_v4(&self, address: Ipv4Addr) -> Option<PeerId> {
        self.v4.find(address.to_bits())
    }

    pub fn find_v6(&self, address: Ipv6Addr) -> Option<PeerId> {
        self.v6.find(address.to_bits())
    }

    /// Routes `network/length` to `peer` and takes it from whoever had it. Bits behind the prefix are ignored.
    /// False: the table has it, the mirror could not take it.
    pub fn insert(&self, network: IpAddr, length: u8, peer: PeerId) -> bool {
        let mirror = self.mirror.get();
        let follow = |length| mirror.is_none_or(|mirror| mirror.insert(network, length, peer));
        match network {
            IpAddr::V4(address) => {
                let length = length.min(32);
                self.v4
                    .insert(address.to_bits(), length, peer, || follow(length))
            }
            IpAddr::V6(address) => {
                let length = length.min(128);
                self.v6
                    .insert(address.to_bits(), length, peer, || follow(length))
            }
        }
    }

    /// Removes the route if it still leads to `peer`: another shard may have handed the address out again.
    pub fn remove(&self, network: IpAddr, length: u8, peer: PeerId) -> bool {
        let mirror = self.mirror.get();
        // What a mirror cannot forget leads to a hop at worst.
        let follow = |length| mirror.is_none_or(|mirror| mirror.remove(network, length));
        match network {
            IpAddr::V4(address) => {
                let length = length.min(32);
                self.v4
                    .remove(address.to_bits(), length, peer, || follow(length))
            }
            IpAddr::V6(address) => {
                let length = length.min(128);
                self.v6
                    .remove(address.to_bits(), length, peer, || follow(length))
            }
        }
    }

    /// Removes every route to one of those peers. A writer that has failed half-way has left nothing behind after it.
    pub(crate) fn remove_of(&self, is_one: impl Fn(PeerId) -> bool) {
        let forget = |network: IpAddr, length| {
            if let Some(mirror) = self.mirror.get() {
                mirror.remove(network, length);
            }
        };
        self.v4.remove_of(&is_one, |address, length| {
            forget(Ipv4Addr::from_bits(address).into(), length);
        });
        self.v6.remove_of(&is_one, |address, length| {
            forget(Ipv6Addr::from_bits(address).into(), length);
        });
    }
}

impl Default for RouteTable {
    fn default() -> RouteTable {
        RouteTable::new()
    }
}

/// An address as a number whose leading bits are the prefix.
trait Bits: Copy + Eq + std::hash::Hash {
    /// The leading `length` bits, the rest zero.
    fn prefix(self, length: u8) -> Self;
}

impl Bits for u32 {
    fn prefix(self, length: u8) -> u32 {
        self & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
    }
}

impl Bits for u128 {
    fn prefix(self, length: u8) -> u128 {
        self & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
    }
}

/// One hash map for all prefix lengths; a bitmap says which lengths exist, so a look-up probes only those.
struct Family<A, const WORDS: usize> {
    routes: papaya::HashMap<(A, u8), PeerId, RandomState>,
    lengths: [AtomicU64; WORDS],
    /// Routes per length. Held by writers only, which keeps map and bitmap in step.
    counts: Mutex<[u32; 129]>,
}

impl<A: Bits, const WORDS: usize> Family<A, WORDS> {
    fn new() -> Family<A, WORDS> {
        Family {
            routes: papaya::HashMap::with_hasher(RandomState::default()),
            lengths: std::array::from_fn(|_| AtomicU64::new(0)),
            counts: Mutex::new([0; 129]),
        }
    }

    fn find(&self, address: A) -> Option<PeerId> {
        let routes = self.routes.pin();
        for word in (0..WORDS).rev() {
            let mut lengths = self.lengths[word].load(Ordering::Acquire);
            while lengths != 0 {
                let bit = 63 - lengths.leading_zeros();
                let length = word as u8 * 64 + bit as u8;
                if let Some(peer) = routes.get(&(address.prefix(length), length)) {
                    return Some(*peer);
                }
                lengths ^= 1 << bit;
            }
        }
        None
    }

    /// What `follow` answers.
    fn insert(&self, address: A, length: u8, peer: PeerId, follow: impl FnOnce() -> bool) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if self
            .routes
            .pin()
            .insert((address.prefix(length), length), peer)
            .is_none()
        {
            counts[usize::from(length)] += 1;
            self.lengths[usize::from(length) / 64].fetch_or(1 << (length % 64), Ordering::Release);
        }
        follow()
    }

    /// Whether there was one of `peer`; only then `follow` is called.
    fn remove(&self, address: A, length: u8, peer: PeerId, follow: impl FnOnce() -> bool) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let routes = self.routes.pin();
        let removed =
            routes.remove_if(&(address.prefix(length), length), |_, owner| *owner == peer);
        if !matches!(removed, Ok(Some(_))) {
            return false;
        }
        counts[usize::from(length)] -= 1;
        if counts[usize::from(length)] == 0 {
            self.lengths[usize::from(length) / 64]
                .fetch_and(!(1 << (length % 64)), Ordering::Release);
        }
        follow();
        true
    }

    fn remove_of(&self, is_one: impl Fn(PeerId) -> bool, follow: impl Fn(A, u8)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let routes = self.routes.pin();
        counts.fill(0);
        for (&(address, length), &peer) in &routes {
            if is_one(peer) {
                routes.remove(&(address, length));
                follow(address, length);
            } else {
                counts[usize::from(length)] += 1;
            }
        }
        for (length, count) in counts.iter().enumerate() {
            let (word, bit) = (length / 64, 1 << (length % 64));
            if word < WORDS && *count == 0 {
                self.lengths[word].fetch_and(!bit, Ordering::Release);
            } else if word < WORDS {
                self.lengths[word].fetch_or(bit, Ordering::Release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_routes_of_some_peers_go_and_the_others_stay() {
        let table = RouteTable::new();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (network, length, peer) in [
            ("10.0.0.1", 32, 1),
            ("10.0.0.2", 32, 2),
            ("10.1.0.0", 16, 3),
            ("fd00::1", 128, 1),
            ("fd00::2", 128, 4),
        ] {
            table.insert(address(network), length, PeerId(peer));
        }
        table.remove_of(|peer| peer.0 % 2 == 1);
        let v4 = |text: &str| table.find_v4(text.parse().unwrap()).map(|peer| peer.0);
        assert_eq!(
            [v4("10.0.0.1"), v4("10.0.0.2"), v4("10.1.0.9")],
            [None, Some(2), None]
        );
        assert_eq!(table.find_v6("fd00::1".parse().unwrap()), None);
        assert_eq!(table.find_v6("fd00::2".parse().unwrap()), Some(PeerId(4)));
        assert!(table.remove(address("10.0.0.2"), 32, PeerId(2)));
        assert_eq!(table.v4.lengths[0].load(Ordering::Relaxed), 0);
        assert!(table.insert(address("10.0.0.1"), 32, PeerId(5)));
        assert_eq!(v4("10.0.0.1"), Some(5));
    }

    #[test]
    fn the_longest_prefix_wins_and_the_default_route_is_last() {
        let table = RouteTable::new();
        let insert = |network: &str, length, peer| {
            table.insert(network.parse().unwrap(), length, PeerId(peer))
        };
        insert("0.0.0.0", 0, 1);
        insert("10.0.0.0", 8, 2);
        insert("10.1.2.3", 32, 3);
        insert("::", 0, 4);
        insert("fd00::", 64, 5);
        insert("fd00::7", 128, 6);
        let v4 = |text: &str| table.find_v4(text.parse().unwrap()).map(|peer| peer.0);
        let v6 = |text: &str| table.find_v6(text.parse().unwrap()).map(|peer| peer.0);
        assert_eq!(
            [v4("192.0.2.1"), v4("10.9.9.9"), v4("10.1.2.3")],
            [Some(1), Some(2), Some(3)]
        );
        assert_eq!(
            [v6("2001:db8::"), v6("fd00::8"), v6("fd00::7")],
            [Some(4), Some(5), Some(6)]
        );
    }

    #[test]
    fn an_address_handed_out_again_survives_the_former_owner() {
        let table = RouteTable::new();
        let address: IpAddr = "10.8.0.2".parse().unwrap();
        table.insert(address, 32, PeerId(1));
        table.insert(address, 32, PeerId(2));
        assert!(!table.remove(address, 32, PeerId(1)));
        assert_eq!(table.find_v4("10.8.0.2".parse().unwrap()), Some(PeerId(2)));
        assert!(table.remove(address, 32, PeerId(2)));
        assert_eq!(table.find_v4("10.8.0.2".parse().unwrap()), None);
    }

    /// A mirror that has room for so many routes.
    struct Echo(Arc<Mutex<BTreeMap<(IpAddr, u8), u32>>>, usize);

    impl RouteMirror for Echo {
        fn insert(&self, network: IpAddr, length: u8, peer: PeerId) -> bool {
            let mut routes = self.0.lock().unwrap();
            let taken = routes.len() < self.1;
            if taken {
                routes.insert((network, length), peer.0);
            }
            taken
        }

        fn remove(&self, network: IpAddr, length: u8) -> bool {
            self.0.lock().unwrap().remove(&(network, length)).is_some()
        }
    }

    #[test]
    fn a_mirror_follows_what_the_table_does() {
        let (table, seen) = (RouteTable::new(), Arc::default());
        assert!(table.set_mirror(Box::new(Echo(Arc::clone(&seen), 2))));
        assert!(!table.set_mirror(Box::new(Echo(Arc::default(), 0))));
        let v4: IpAddr = "10.8.0.2".parse().unwrap();
        let v6: IpAddr = "fd00::2".parse().unwrap();
        assert!(table.insert(v4, 32, PeerId(1)));
        assert!(table.insert(v4, 32, PeerId(2)));
        assert!(!table.remove(v4, 32, PeerId(1)));
        assert!(table.insert(v6, 200, PeerId(3)));
        assert!(!table.insert(v4, 24, PeerId(4)));
        assert_eq!(table.find_v4([10, 8, 0, 9].into()), Some(PeerId(4)));
        let routes = |of: &Arc<Mutex<BTreeMap<_, _>>>| of.lock().unwrap().clone();
        assert_eq!(
            routes(&seen),
            BTreeMap::from([((v4, 32), 2), ((v6, 128), 3)])
        );
        assert!(table.remove(v4, 32, PeerId(2)) && table.remove(v4, 24, PeerId(4)));
        assert_eq!(routes(&seen), BTreeMap::from([((v6, 128), 3)]));
    }

    const STABLE: u32 = 2000;

    fn stable(n: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x0a00_0000 + n * 256)
    }

    /// The table grows over and over, prefix lengths appear and vanish, and hosts come and go inside of networks.
    fn churn(table: &RouteTable) {
        let host = |n| Ipv4Addr::from_bits(stable(n).to_bits() + 7).into();
        let other = |n| Ipv4Addr::from_bits(0xc000_0000 + n * 8).into();
        for round in 0..20 {
            for n in 0..STABLE {
                table.insert(host(n), 32, PeerId(STABLE + n));
                table.insert(other(n), 29, PeerId(1));
                if n % 2 == round % 2 {
                    table.insert(stable(n).into(), 24, PeerId(n));
                }
            }
            for n in 0..STABLE {
                table.remove(host(n), 32, PeerId(STABLE + n));
                table.remove(other(n), 29, PeerId(1));
            }
        }
    }

    /// A route that stays is always there and always the same; one that comes and goes leads to its own peer or to the
    /// one behind it.
    #[test]
    fn readers_never_miss_a_route_that_stays() {
        let (table, done) = (RouteTable::new(), AtomicBool::new(false));
        for n in 0..STABLE {
            table.insert(stable(n).into(), 24, PeerId(n));
        }
        let read = || {
            let find = |bits| table.find_v4(Ipv4Addr::from_bits(bits));
            let (mut n, mut hosts) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                n = (n + 61) % STABLE;
                let network = stable(n).to_bits();
                assert_eq!(find(network + 9), Some(PeerId(n)));
                let host = find(network + 7);
                assert!([Some(PeerId(n)), Some(PeerId(STABLE + n))].contains(&host));
                hosts += u32::from(host != Some(PeerId(n)));
            }
            hosts
        };
        thread::scope(|scope| {
            let readers = [scope.spawn(read), scope.spawn(read)];
            churn(&table);
            done.store(true, Ordering::Relaxed);
            let met: u32 = readers.map(|reader| reader.join().unwrap()).iter().sum();
            assert!(met > 0, "the readers have met no change");
        });
    }

    fn linear_scan(routes: &[(u32, u8, u32)], address: u32) -> Option<PeerId> {
        let matching = routes
            .iter()
            .filter(|(net, len, _)| address.prefix(*len) == net.prefix(*len));
        matching
            .max_by_key(|(_, len, _)| *len)
            .map(|(_, _, peer)| PeerId(*peer))
    }

    proptest! {
        #[test]
        fn agrees_with_a_linear_scan(
            operations in proptest::collection::vec((0u32..64, 0u8..=32, 0u32..4, any::<bool>()), 1..60),
            probes in proptest::collection::vec(any::<u32>(), 1..40),
        ) {
            let table = RouteTable::new();
            let mut model: Vec<(u32, u8, u32)> = Vec::new();
            for (network, length, peer, insert) in operations {
                let network = (network << 26 | network).prefix(length);
                let address = IpAddr::V4(Ipv4Addr::from_bits(network));
                let same = |route: &(u32, u8, u32)| route.0 == network && route.1 == length;
                if insert {
                    model.retain(|route| !same(route));
                    model.push((network, length, peer));
                    table.insert(address, length, PeerId(peer));
                } else {
                    let before = model.len();
                    model.retain(|route| !(same(route) && route.2 == peer));
                    prop_assert_eq!(table.remove(address, length, PeerId(peer)), model.len() < before);
                }
            }
            for probe in probes.into_iter().chain(model.iter().map(|route| route.0)) {
                prop_assert_eq!(table.find_v4(Ipv4Addr::from_bits(probe)), linear_scan(&model, probe));
            }
        }
    }
}
