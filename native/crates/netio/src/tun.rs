use std::ffi::{c_int, c_short, c_ulong};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::error::IoError;
use crate::fd::{duplicate, ioctl, open_socket};
use crate::interface::{self, InterfacePlan};

pub struct TunOptions {
    /// A bare `tun` takes the first free number.
    pub name: String,
    /// One queue per shard.
    pub queues: u32,
    pub interface: InterfacePlan,
}

pub struct Tun {
    /// The name the kernel gave.
    pub name: String,
    pub queues: Vec<OwnedFd>,
    /// What the kernel agreed to: `tso4`, `tso6`, `ecn`, `uso4`, `uso6`.
    pub offloads: Vec<&'static str>,
}

/// Creates the device with one queue per shard, virtio-net headers and offloads, sets addresses and routes, brings it up.
pub fn open_tun(options: &TunOptions) -> Result<Tun, IoError> {
    refuse_foreign_queues(&options.name)?;
    let wanted = if options.name == "tun" {
        "tun%d"
    } else {
        &options.name
    };
    let first = open_device()?;
    let name = attach(&first, wanted)?;
    let mut queues = vec![first];
    while queues.len() < options.queues as usize {
        let queue = open_device()?;
        attach(&queue, &name)?;
        queues.push(queue);
    }
    let offloads = set_up(&name, &queues, &options.interface)?;
    Ok(Tun {
        name,
        queues,
        offloads,
    })
}

/// Creates the device anew for queues whose device was deleted; every duplicate of them works again. EEXIST when they
/// still have one.
pub fn reopen_tun(name: &str, queues: &[RawFd], plan: &InterfacePlan) -> Result<(), IoError> {
    refuse_foreign_queues(name)?;
    let queues = queues
        .iter()
        .map(|fd| duplicate(*fd, "a TUN queue"))
        .collect::<Result<Vec<_>, _>>()?;
    for queue in &queues {
        attach(queue, name)?;
    }
    set_up(name, &queues, plan).map(drop)
}

/// Whether this process may create a TUN device.
pub fn can_open_tun() -> bool {
    open_device().is_ok_and(|device| attach(&device, "tun%d").is_ok())
}

fn set_up(
    name: &str,
    queues: &[OwnedFd],
    plan: &InterfacePlan,
) -> Result<Vec<&'static str>, IoError> {
    let mut offloads = Vec::new();
    for queue in queues {
        prepare(queue)
            .map_err(|errno| IoError::new(errno, format!("set up virtio-net headers on {name}")))?;
        offloads = negotiate_offloads(queue).to_vec();
    }
    interface::apply(name, plan)?;
    Ok(offloads)
}

/// Bits of TUNSETOFFLOAD by the step at which they are asked for; older kernels know fewer.
const STEPS: [(u32, &[&str]); 3] = [
    (
        CSUM | TSO4 | TSO6 | TSO_ECN | USO4 | USO6,
        &["csum", "tso4", "tso6", "ecn", "uso4", "uso6"],
    ),
    (
        CSUM | TSO4 | TSO6 | TSO_ECN,
        &["csum", "tso4", "tso6", "ecn"],
    ),
    (CSUM, &["csum"]),
];
const CSUM: u32 = 0x01;
const TSO4: u32 = 0x02;
const TSO6: u32 = 0x04;
const TSO_ECN: u32 = 0x08;
/// Linux 6.2.
const USO4: u32 = 0x20;
const USO6: u32 = 0x40;

const TUNSETIFF: c_ulong = 0x4004_54ca;
const TUNSETOFFLOAD: c_ulong = 0x4004_54d0;
const TUNSETVNETHDRSZ: c_ulong = 0x4004_54d8;
const TUNSETVNETLE: c_ulong = 0x4004_54dc;

const FLAGS: c_int = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR | libc::IFF_MULTI_QUEUE;
const VNET_HEADER_LEN: c_int = 10;

fn open_device() -> Result<OwnedFd, IoError> {
    // SAFETY: a constant string with an end.
    let fd = unsafe {
        libc::open(
            c"/dev/net/tun".as_ptr(),
            libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(IoError::last("open /dev/net/tun"));
    }
    // SAFETY: open has just made this descriptor and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes `device` a queue of `name` (created if need be); the name the kernel chose.
fn attach(device: &OwnedFd, name: &str) -> Result<String, IoError> {
    let mut request = interface_request(name)?;
    request.ifr_ifru.ifru_flags = FLAGS as c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    let result = unsafe { ioctl(device, TUNSETIFF, &mut request) };
    result.map_err(|errno| {
        IoError::new(
            errno,
            format!("create the TUN device {}", name.replace("%d", "")),
        )
    })?;
    let bytes = request
        .ifr_name
        .iter()
        .take_while(|c| **c != 0)
        .map(|c| *c as u8)
        .collect();
    String::from_utf8(bytes)
        .map_err(|_| IoError::new(libc::EINVAL, "read the name of the TUN device"))
}

fn prepare(queue: &OwnedFd) -> Result<(), c_int> {
    // SAFETY: both requests read one int.
    unsafe {
        ioctl(queue, TUNSETVNETHDRSZ, &mut VNET_HEADER_LEN.clone())?;
        ioctl(queue, TUNSETVNETLE, &mut (1 as c_int))
    }
}

/// Asks for as much as the kernel gives, step by step; what it agreed to. Does no harm when asked again.
pub fn negotiate_offloads(queue: &OwnedFd) -> &'static [&'static str] {
    for (bits, names) in STEPS {
        // SAFETY: TUNSETOFFLOAD takes its bits as the argument itself.
        let rc = unsafe { libc::ioctl(queue.as_raw_fd(), TUNSETOFFLOAD as _, c_ulong::from(bits)) };
        if rc == 0 {
            return names;
        }
    }
    &[]
}

/// IFF_MULTI_QUEUE on a device that another process reads would silently split the traffic between the two.
/// A persistent device without a reader has no carrier and may be taken.
fn refuse_foreign_queues(name: &str) -> Result<(), IoError> {
    if name == "tun" || interface::interface_index(name).is_err() || !has_carrier(name)? {
        return Ok(());
    }
    Err(IoError::new(
        libc::EBUSY,
        format!("take the device {name}, another process uses it"),
    ))
}

fn has_carrier(name: &str) -> Result<bool, IoError> {
    /// `struct ethtool_value`.
    #[repr(C)]
    struct EthtoolValue {
        command: u32,
        data: u32,
    }
    const ETHTOOL_GLINK: u32 = 0x0a;
    let socket = open_socket(libc::AF_INET, libc::SOCK_DGRAM, 0, "open a socket")?;
    let mut value = EthtoolValue {
        command: ETHTOOL_GLINK,
        data: 0,
    };
    let mut request = interface_request(name)?;
    request.ifr_ifru.ifru_data = std::ptr::from_mut(&mut value).cast();
    // SAFETY: SIOCETHTOOL reads one ifreq whose data points to a live ethtool_value, which GLINK fills.
    let result = unsafe { ioctl(&socket, libc::SIOCETHTOOL as c_ulong, &mut request) };
    result.map_err(|errno| IoError::new(errno, format!("look at the device {name}")))?;
    Ok(value.data != 0)
}

fn interface_request(name: &str) -> Result<libc::ifreq, IoError> {
    // SAFETY: integers and pointers only, for which all zero bits are valid.
    let mut request: libc::ifreq = unsafe { zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() || name.contains(['\0', '/']) {
        return Err(IoError::new(
            libc::EINVAL,
            format!("name a device \"{}\"", name.escape_default()),
        ));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}
