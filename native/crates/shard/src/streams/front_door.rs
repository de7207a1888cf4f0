//! What a connection may have to show before its first packet.

use std::net::SocketAddr;

use datapath::PeerAddr;

use super::{Stage, Streams};
use crate::port_share::{ForeignStream, Speaker, speaker_of};
use crate::proxy_header::{ProxyHeader, decode_proxy_header};

impl Streams {
    /// Where the packets begin in the first bytes of a connection; `None` when they do not, or not yet: what has come is kept
    /// or has been given away.
    pub fn enter(&mut self, slot: usize, bytes: &[u8]) -> Option<usize> {
        let connection = self.live(slot)?;
        let (awaits_header, may_be_foreign) = (connection.awaits_header, connection.may_be_foreign);
        if !awaits_header && !may_be_foreign {
            return Some(0);
        }
        let at = if awaits_header {
            self.read_header(slot, bytes)?
        } else {
            0
        };
        match speaker_of(&bytes[at..]) {
            _ if !may_be_foreign => Some(at),
            Speaker::Client => {
                self.live(slot)?.may_be_foreign = false;
                Some(at)
            }
            Speaker::Unknown => {
                self.keep(slot, &bytes[at..]);
                None
            }
            Speaker::Foreign => {
                self.give_away(slot, &bytes[at..]);
                None
            }
        }
    }

    /// The length of the header; the connection is the client's from then on.
    fn read_header(&mut self, slot: usize, bytes: &[u8]) -> Option<usize> {
        let (client, len) = match decode_proxy_header(bytes) {
            ProxyHeader::Client(client, len) => (Some(client), len),
            ProxyHeader::Nobody(len) => (None, len),
            ProxyHeader::Incomplete => {
                self.keep(slot, bytes);
                return None;
            }
            ProxyHeader::Malformed => {
                self.stats().bad_header.add(1);
                self.end(slot);
                return None;
            }
        };
        self.live(slot)?.awaits_header = false;
        if let Some(client) = client {
            self.rename(slot, client)?;
        }
        Some(len)
    }

    /// Of two connections with one path the later one is meant.
    fn rename(&mut self, slot: usize, addr: SocketAddr) -> Option<()> {
        let before = self.live(slot)?.path;
        let path = PeerAddr { addr, ..before };
        if let Some(&other) = self.by_path.get(&path)
            && other != slot
        {
            self.end(other);
        }
        if self.by_path.get(&before) == Some(&slot) {
            self.by_path.remove(&before);
        }
        self.by_path.insert(path, slot);
        self.last = None;
        self.live(slot)?.path = path;
        Some(())
    }

    fn give_away(&mut self, slot: usize, bytes: &[u8]) {
        let is_opening = self
            .live(slot)
            .is_some_and(|connection| connection.stage == Stage::Opening);
        let Some(connection) = self.slots[slot].take_if(|_| is_opening) else {
            return;
        };
        self.poller.remove(&connection.socket);
        self.by_path.remove(&connection.path);
        self.last = None;
        self.opening -= 1;
        self.free.push(slot);
        self.count_open();
        let given = self.settings.port_share.give(ForeignStream {
            socket: connection.socket,
            bytes: bytes.to_vec(),
            from: connection.path.addr,
        });
        let counter = if given {
            &self.stats().shared
        } else {
            &self.stats().refused
        };
        counter.add(1);
    }
}
