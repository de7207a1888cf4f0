use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::byte_reader::ByteReader;

/// An address of this machine that packets were sent to, and the index of the device they have to leave by, 0 = any.
pub type LocalAddr = (IpAddr, u32);

/// The addresses of this machine that clients use (`multihome`), by the numbers that paths hold: answers come from the
/// address that was hit. And whether packets show the class of what is in them (`passtos`).
#[derive(Default)]
pub struct LocalAddresses {
    /// Number `n` is at `n - 1`; a number stays.
    known: Mutex<Vec<LocalAddr>>,
    by_device: AtomicBool,
    shows_class: AtomicBool,
}

/// So many that a path has room for their numbers.
pub const MAX_LOCAL: usize = 127;

impl LocalAddresses {
    /// `by_device`: answers leave by the device that the packet came in by. Before the shards start.
    pub fn set(&self, by_device: bool, shows_class: bool) {
        self.by_device.store(by_device, Ordering::Relaxed);
        self.shows_class.store(shows_class, Ordering::Relaxed);
    }

    pub fn shows_class(&self) -> bool {
        self.shows_class.load(Ordering::Relaxed)
    }

    /// What of the address and device of a packet decides about the answers to it.
    pub fn relevant(&self, (ip, device): LocalAddr) -> LocalAddr {
        let is_link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        let matters = is_link_local || self.by_device.load(Ordering::Relaxed);
        (ip, if matters { device } else { 0 })
    }

    /// 1 to `MAX_LOCAL`; 0 for one too many, which is answered from whichever address the route has.
    pub fn number_of(&self, local: LocalAddr) -> u8 {
        let mut known = self.known();
        if let Some(index) = known.iter().position(|other| *other == local) {
            return index as u8 + 1;
        }
        if known.len() == MAX_LOCAL {
            return 0;
        }
        known.push(local);
        known.len() as u8
    }

    pub fn find(&self, number: u8) -> Option<LocalAddr> {
        let index = usize::from(number).checked_sub(1)?;
        self.known().get(index).copied()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let known = self.known();
        out.push(known.len() as u8);
        for (ip, device) in known.iter() {
            match ip {
                IpAddr::V4(ip) => out.extend_from_slice(&ip.to_ipv6_mapped().octets()),
                IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
            }
            out.extend_from_slice(&device.to_le_bytes());
        }
    }

    /// The table of another process, under the same numbers; every shard brings the same one.
    pub(crate) fn decode(&self, reader: &mut ByteReader) -> Option<()> {
        let mut theirs = Vec::new();
        for _ in 0..reader.u8().filter(|len| usize::from(*len) <= MAX_LOCAL)? {
            let ip = IpAddr::from(reader.array::<16>()?).to_canonical();
            theirs.push((ip, reader.u32()?));
        }
        let mut known = self.known();
        if theirs.len() > known.len() {
            *known = theirs;
        }
        Some(())
    }

    fn known(&self) -> MutexGuard<'_, Vec<LocalAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u8) -> LocalAddr {
        (IpAddr::from([192, 0, 2, last]), 0)
    }

    #[test]
    fn numbers_stay_and_end() {
        let table = LocalAddresses::default();
        assert_eq!((table.number_of(v4(9)), table.number_of(v4(8))), (1, 2));
        assert_eq!((table.number_of(v4(9)), table.find(2)), (1, Some(v4(8))));
        assert_eq!((table.find(0), table.find(3)), (None, None));
        for last in 0..200 {
            table.number_of(v4(last));
        }
        assert_eq!(table.number_of(v4(199)), 0);
        assert_eq!(table.number_of(v4(8)), 2);
    }

    #[test]
    fn devices_matter_where_they_are_asked_for_or_the_address_means_nothing_without() {
        let table = LocalAddresses::default();
        let link_local = ("fe80::1".parse().unwrap(), 3);
        assert_eq!(table.relevant((v4(1).0, 3)), v4(1));
        assert_eq!(table.relevant(link_local), link_local);
        table.set(true, false);
        assert_eq!(table.relevant((v4(1).0, 3)), (v4(1).0, 3));
    }

    #[test]
    fn the_table_survives_in_another_process() {
        let (old, new) = (LocalAddresses::default(), LocalAddresses::default());
        old.number_of(v4(1));
        old.number_of(("2001:db8::5".parse().unwrap(), 7));
        let mut bytes = Vec::new();
        old.encode(&mut bytes);
        for _ in 0..2 {
            let mut reader = ByteReader::new(&bytes);
            assert_eq!(new.decode(&mut reader), Some(()));
            assert!(reader.is_empty());
        }
        assert_eq!(new.find(1), Some(v4(1)));
        assert_eq!(new.find(2), Some(("2001:db8::5".parse().unwrap(), 7)));
        assert_eq!(new.decode(&mut ByteReader::new(&bytes[..30])), None);
        assert_eq!(new.decode(&mut ByteReader::new(&[128])), None);
    }
}
