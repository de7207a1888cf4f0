use std::ffi::{c_int, c_long};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::error::{IoError, last_errno};

/// One instruction of an eBPF program, as the kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    pub code: u8,
    /// Destination register in the low half, source register in the high one, on a little-endian machine.
    pub registers: u8,
    pub offset: i16,
    pub immediate: i32,
}

/// A longest-prefix map in the kernel, from networks of one address family to a number.
///
/// Single addresses have a hash map of their own, which takes one access where a trie of 100,000 takes some 17.
/// Those that find it full join the networks in the trie.
pub struct PrefixMap {
    hosts: OwnedFd,
    networks: OwnedFd,
}

impl PrefixMap {
    /// For addresses of `address_len` bytes, 4 or 16. Memory is taken as entries come.
    pub fn new(address_len: usize) -> Result<PrefixMap, IoError> {
        let create = |map_type, key_size: usize, max_entries| {
            let plan = MapCreate {
                map_type,
                key_size: key_size as u32,
                value_size: size_of::<u32>() as u32,
                max_entries,
                map_flags: NO_PREALLOC,
            };
            // SAFETY: BPF_MAP_CREATE reads the structure and no pointer in it.
            let fd = unsafe { bpf_open(MAP_CREATE, &plan) };
            fd.map_err(|errno| IoError::new(errno, "make a BPF map"))
        };
        Ok(PrefixMap {
            hosts: create(MAP_TYPE_HASH, address_len, HOSTS)?,
            networks: create(MAP_TYPE_LPM_TRIE, size_of::<u32>() + address_len, NETWORKS)?,
        })
    }

    /// The `numbers` of a map that somebody has made with `new`.
    pub fn adopt([hosts, networks]: [OwnedFd; 2]) -> PrefixMap {
        PrefixMap { hosts, networks }
    }

    /// The errno when the kernel does not take it.
    pub fn insert(&self, network: IpAddr, length: u8, value: u32) -> Result<(), c_int> {
        let key = Key::new(network, length);
        if key.is_host(network) {
            match update(&self.hosts, &key.address, &value) {
                Err(libc::E2BIG) => {}
                result => return result,
            }
        }
        update(&self.networks, &key, &value)
    }

    /// A network that is not there is no error.
    pub fn remove(&self, network: IpAddr, length: u8) -> Result<(), c_int> {
        let key = Key::new(network, length);
        if key.is_host(network) {
            delete(&self.hosts, &key.address)?;
        }
        delete(&self.networks, &key)
    }

    /// Refuses all changes from now on, as kernels before 5.19 do to a process without rights.
    #[cfg(test)]
    pub(crate) fn freeze(&self) {
        const MAP_FREEZE: c_int = 22;
        for number in self.numbers() {
            // SAFETY: BPF_MAP_FREEZE reads one descriptor.
            let frozen = unsafe { bpf(MAP_FREEZE, &number) };
            assert_eq!(frozen, Ok(0));
        }
    }

    /// By which a program names the maps while it is loaded: hosts, networks.
    pub fn numbers(&self) -> [c_int; 2] {
        [self.hosts.as_raw_fd(), self.networks.as_raw_fd()]
    }
}

/// Single addresses at most; the kernel takes 2 MB for this many places.
const HOSTS: u32 = 1 << 17;
/// Networks at most.
const NETWORKS: u32 = 1 << 20;

/// `K` is at least as long as the map's key size, the value as its value size.
fn update<K>(map: &OwnedFd, key: &K, value: &u32) -> Result<(), c_int> {
    let element = MapElement {
        map: map.as_raw_fd(),
        padding: 0,
        key: address_of(key),
        value: address_of(value),
        flags: 0,
    };
    // SAFETY: key and value outlive the call; the kernel reads no more of them than the map's key and value sizes.
    unsafe { bpf(MAP_UPDATE, &element) }.map(drop)
}

/// As `update`. What is not there is no error.
fn delete<K>(map: &OwnedFd, key: &K) -> Result<(), c_int> {
    let element = MapElement {
        map: map.as_raw_fd(),
        padding: 0,
        key: address_of(key),
        value: 0,
        flags: 0,
    };
    // SAFETY: key outlives the call and is at least as long as the map's key size.
    match unsafe { bpf(MAP_DELETE, &element) } {
        Ok(_) | Err(libc::ENOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Loads a program of the kind that looks at packets of a socket. The kernel proves it harmless or refuses it.
pub fn load_socket_filter(program: &[Instruction]) -> Result<OwnedFd, IoError> {
    let load = ProgramLoad {
        program_type: PROGRAM_TYPE_SOCKET_FILTER,
        instruction_count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
    };
    // SAFETY: the kernel reads instruction_count instructions and a string with an end; both outlive the call.
    unsafe { bpf_open(PROGRAM_LOAD, &load) }
        .map_err(|errno| IoError::new(errno, "load a BPF program"))
}

/// A map of one value of `len` bytes, which can be mapped into this process.
pub(crate) fn new_shared_array(len: usize) -> Result<OwnedFd, IoError> {
    let plan = MapCreate {
        map_type: MAP_TYPE_ARRAY,
        key_size: size_of::<u32>() as u32,
        value_size: len as u32,
        max_entries: 1,
        map_flags: MAPPABLE,
    };
    // SAFETY: BPF_MAP_CREATE reads the structure and no pointer in it.
    unsafe { bpf_open(MAP_CREATE, &plan) }.map_err(|errno| IoError::new(errno, "make a BPF map"))
}

const MAP_CREATE: c_int = 0;
const MAP_UPDATE: c_int = 2;
const MAP_DELETE: c_int = 3;
const PROGRAM_LOAD: c_int = 5;
const MAP_TYPE_HASH: u32 = 1;
const MAP_TYPE_LPM_TRIE: u32 = 11;
const MAP_TYPE_ARRAY: u32 = 2;
const NO_PREALLOC: u32 = 1;
const MAPPABLE: u32 = 1 << 10;
const PROGRAM_TYPE_SOCKET_FILTER: u32 = 1;

/// `union bpf_attr` of BPF_MAP_CREATE, as far as it is used here; the kernel takes the rest as 0.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

/// Of BPF_MAP_*_ELEM. Pointers are 64-bit numbers on every machine.
#[repr(C)]
struct MapElement {
    map: c_int,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Of BPF_PROG_LOAD.
#[repr(C)]
struct ProgramLoad {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
}

/// `struct bpf_lpm_trie_key`; an IPv4 address fills the first four bytes.
#[repr(C)]
struct Key {
    length: u32,
    address: [u8; 16],
}

impl Key {
    fn new(network: IpAddr, length: u8) -> Key {
        let mut address = [0; 16];
        match network {
            IpAddr::V4(v4) => address[..4].copy_from_slice(&v4.octets()),
            IpAddr::V6(v6) => address = v6.octets(),
        }
        Key {
            length: u32::from(length),
            address,
        }
    }

    fn is_host(&self, network: IpAddr) -> bool {
        self.length == if network.is_ipv4() { 32 } else { 128 }
    }
}

fn address_of<T>(value: &T) -> u64 {
    std::ptr::from_ref(value) as u64
}

/// # Safety
/// `command` must be one that makes a descriptor; see `bpf`.
unsafe fn bpf_open<T>(command: c_int, attributes: &T) -> Result<OwnedFd, c_int> {
    // SAFETY: the caller vouches for command and attributes.
    let fd = unsafe { bpf(command, attributes) }?;
    // SAFETY: the call has just made this descriptor and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// # Safety
/// `attributes` must be the layout that `command` reads, with pointers that are valid for the duration of the call.
unsafe fn bpf<T>(command: c_int, attributes: &T) -> Result<c_long, c_int> {
    // SAFETY: the caller vouches for what the attributes point to; they are size_of::<T>() readable bytes.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    if result >= 0 {
        Ok(result)
    } else {
        Err(last_errno())
    }
}
