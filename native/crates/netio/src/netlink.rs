use std::ffi::c_int;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::{IoError, last_errno};
use crate::fd::open_socket;

/// A route netlink socket of the calling thread's network namespace.
pub struct Netlink {
    socket: OwnedFd,
}

/// One request: a netlink header, a fixed body, then attributes. All integers in the machine's order.
pub struct Request {
    bytes: Vec<u8>,
}

const HEADER_LEN: usize = 16;
const ERROR_LEN: usize = HEADER_LEN + 4;

impl Request {
    /// `kind` such as RTM_NEWADDR; `flags` besides NLM_F_REQUEST and NLM_F_ACK; `body` such as an encoded `ifaddrmsg`.
    pub fn new(kind: u16, flags: c_int, body: &[u8]) -> Request {
        let mut bytes = vec![0; 4];
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        let mut request = Request { bytes };
        request.pad();
        request
    }

    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Request {
        let len = (4 + value.len()) as u16;
        self.bytes.extend(len.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.pad();
        self
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        let len = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&len.to_ne_bytes());
        self.bytes
    }
}

impl Netlink {
    pub fn open() -> Result<Netlink, IoError> {
        let socket = open_socket(
            libc::AF_NETLINK,
            libc::SOCK_RAW,
            libc::NETLINK_ROUTE,
            "open a netlink socket",
        )?;
        Ok(Netlink { socket })
    }

    /// Sends one request and waits for the kernel's verdict; the errno when it refuses.
    pub fn execute(&self, request: Request) -> Result<(), c_int> {
        verdict(&self.exchange(request)?)
    }

    /// Asks for one thing; the body of the answer without its netlink header, or the errno.
    pub fn query(&self, request: Request) -> Result<Vec<u8>, c_int> {
        let mut answer = self.exchange(request)?;
        let Some(head) = answer.first_chunk::<HEADER_LEN>() else {
            return Err(libc::EIO);
        };
        if i32::from(u16::from_ne_bytes([head[4], head[5]])) == libc::NLMSG_ERROR {
            return Err(verdict(&answer).err().unwrap_or(libc::EIO));
        }
        let len = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        answer.truncate(len);
        Ok(answer.split_off(HEADER_LEN))
    }

    fn exchange(&self, request: Request) -> Result<Vec<u8>, c_int> {
        let bytes = request.finish();
        // SAFETY: bytes.len() readable bytes; an unbound netlink socket sends to the kernel.
        let sent = unsafe {
            libc::send(
                self.socket.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                0,
            )
        };
        if sent < 0 {
            return Err(last_errno());
        }
        let mut answer = vec![0u8; 4096];
        // SAFETY: answer.len() writable bytes. The kernel has queued its answer before send returned.
        let got = unsafe {
            libc::recv(
                self.socket.as_raw_fd(),
                answer.as_mut_ptr().cast(),
                answer.len(),
                0,
            )
        };
        if got < 0 {
            return Err(last_errno());
        }
        answer.truncate(got as usize);
        Ok(answer)
    }
}

/// NLMSG_ERROR carries a negative errno, 0 for success.
fn verdict(answer: &[u8]) -> Result<(), c_int> {
    let Some(head) = answer.first_chunk::<ERROR_LEN>() else {
        return Err(libc::EIO);
    };
    let kind = u16::from_ne_bytes([head[4], head[5]]);
    let code = i32::from_ne_bytes([head[16], head[17], head[18], head[19]]);
    match (i32::from(kind), code) {
        (libc::NLMSG_ERROR, 0) => Ok(()),
        (libc::NLMSG_ERROR, errno) => Err(-errno),
        _ => Err(libc::EIO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_padded_and_knows_its_length() {
        let bytes = Request::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE, &[9; 8])
            .attribute(2, &[1, 2, 3])
            .finish();
        assert_eq!(bytes.len(), 16 + 8 + 8);
        assert_eq!(bytes[..4], 32u32.to_ne_bytes());
        assert_eq!(bytes[24..28], [7, 0, 2, 0]);
        assert_eq!(bytes[31], 0);
    }

    #[test]
    fn the_kernel_refuses_nonsense_by_errno() {
        let netlink = Netlink::open().expect("netlink");
        let nobody = Request::new(libc::RTM_GETLINK, 0, &[0; 16])
            .attribute(libc::IFLA_IFNAME, b"no-such-dev\0");
        assert_eq!(netlink.execute(nobody), Err(libc::ENODEV));
    }
}
