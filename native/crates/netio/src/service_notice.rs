use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::error::IoError;

/// Tells the service manager something, `READY=1` for example. `address` is that of NOTIFY_SOCKET: a path, or `@` and an
/// abstract name.
pub fn notify_service(address: &str, text: &str) -> Result<(), IoError> {
    let to = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(address),
    };
    let sent = to.and_then(|to| UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &to));
    sent.map(drop).map_err(|error| {
        IoError::new(
            error.raw_os_error().unwrap_or(libc::EINVAL),
            format!("tell the service manager at {address}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_arrives_at_paths_and_abstract_names() {
        let path = std::env::temp_dir().join(format!("notice-{}", std::process::id()));
        let name = format!("notice-{}", std::process::id());
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        notify_service(path.to_str().unwrap(), "READY=1").unwrap();
        notify_service(&format!("@{name}"), "MAINPID=7").unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut text = [0; 32];
        let len = by_path.recv(&mut text).unwrap();
        assert_eq!(text[..len], *b"READY=1");
        let len = by_name.recv(&mut text).unwrap();
        assert_eq!(text[..len], *b"MAINPID=7");
        let error = notify_service(path.to_str().unwrap(), "READY=1").unwrap_err();
        assert_eq!(error.code(), "ENOENT");
    }
}
