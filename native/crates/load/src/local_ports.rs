use std::ops::Range;

use netio::IoError;

/// Local ports in turn, so that none comes back while a server may still know it as somebody else's: of two clients with one
/// certificate on one address it takes the earlier one for an older self of the later one, and ends it.
pub struct LocalPorts {
    next: u16,
}

/// Below those that the system picks by itself: sockets of clients that have not moved are there.
const PORTS: Range<u16> = 10_000..32_000;
/// Ports in a row that others may have.
const TRIES: usize = 1000;

impl Default for LocalPorts {
    fn default() -> LocalPorts {
        LocalPorts::new()
    }
}

impl LocalPorts {
    pub const fn new() -> LocalPorts {
        LocalPorts { next: PORTS.start }
    }

    /// What `bind` makes of the next port that nobody has.
    pub fn bind_next<T>(
        &mut self,
        mut bind: impl FnMut(u16) -> Result<T, IoError>,
    ) -> Result<T, IoError> {
        for _ in 1..TRIES {
            match bind(self.take()) {
                Err(error) if error.code() == "EADDRINUSE" => {}
                result => return result,
            }
        }
        bind(self.take())
    }

    fn take(&mut self) -> u16 {
        let port = self.next;
        self.next = if port + 1 < PORTS.end {
            port + 1
        } else {
            PORTS.start
        };
        port
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_port_that_was_given_back_comes_last() {
        let mut ports = LocalPorts::new();
        let mut seen: Vec<u16> = Vec::new();
        for _ in 0..PORTS.len() {
            seen.push(ports.bind_next(Ok).expect("a port"));
        }
        assert!(seen.iter().all(|port| PORTS.contains(port)));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), PORTS.len());
        assert_eq!(ports.bind_next(Ok), Ok(PORTS.start));
    }

    #[test]
    fn ports_of_others_are_left_out_and_other_faults_are_told() {
        let others = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let in_use = UdpSocket::bind(others.local_addr().expect("address"))
            .expect_err("somebody has it")
            .raw_os_error()
            .expect("an errno");
        let mut ports = LocalPorts::new();
        let all_but_two = |port| match port - PORTS.start {
            0 | 1 => Err(IoError::new(in_use, "bind")),
            _ => Ok(port),
        };
        assert_eq!(ports.bind_next(all_but_two), Ok(PORTS.start + 2));
        let fault = IoError::invalid("bind");
        let faulty = |_| Err::<(), _>(fault.clone());
        assert_eq!(ports.bind_next(faulty), Err(fault.clone()));
    }
}
