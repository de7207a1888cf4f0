use crate::error::{IoError, last_errno};

/// What a process that changes its user would lose: the right to change addresses and routes. For the calling thread.
///
/// `keep_capabilities` before the change, `keep_only_net_admin` after it.
pub fn keep_capabilities() -> Result<(), IoError> {
    // SAFETY: PR_SET_KEEPCAPS takes plain integers.
    let rc = unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) };
    if rc == 0 {
        Ok(())
    } else {
        Err(IoError::last("keep the right to change routes"))
    }
}

/// Gives away every right but CAP_NET_ADMIN, and makes that one effective again.
pub fn keep_only_net_admin() -> Result<(), IoError> {
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let only = Set {
        effective: NET_ADMIN,
        permitted: NET_ADMIN,
        inheritable: 0,
    };
    let sets = [only, Set::default()];
    // SAFETY: capset reads one header and, in version 3, two sets; both outlive the call.
    let rc = unsafe { libc::syscall(libc::SYS_capset, std::ptr::from_ref(&header), sets.as_ptr()) };
    if rc == 0 {
        Ok(())
    } else {
        Err(IoError::new(
            last_errno(),
            "keep only the right to change routes",
        ))
    }
}

const VERSION_3: u32 = 0x2008_0522;
const NET_ADMIN: u32 = 1 << 12;

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    /// 0 = the calling thread.
    pid: i32,
}

/// `struct __user_cap_data_struct`: 32 of the rights.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Set {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}
