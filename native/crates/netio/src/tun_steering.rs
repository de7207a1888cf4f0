use std::ffi::{c_int, c_ulong};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bpf::{Instruction, PrefixMap, load_socket_filter};
use crate::error::IoError;
use crate::fd::{duplicate, ioctl};

/// Has the kernel put packets for the TUN into the queue of the shard that owns their destination.
///
/// A longest-prefix map for IPv4 and one for IPv6, from inner networks to shards, and a program that looks destinations
/// up in them. All descriptors stay open, so that the maps can be changed and the program attached again by a process that
/// has given its rights away.
pub struct TunSteering {
    v4: PrefixMap,
    v6: PrefixMap,
    program: OwnedFd,
    device: Mutex<Device>,
}

/// Hosts and networks of IPv4, of IPv6, and the program.
pub type SteeringFds<T> = [T; 5];

enum Device {
    Unattached,
    /// A queue of it.
    Attached(OwnedFd),
    /// The maps cannot be changed any more.
    GivenUp,
}

impl TunSteering {
    /// EPERM where the process may not use bpf().
    pub fn new() -> Result<TunSteering, IoError> {
        let (v4, v6) = (PrefixMap::new(4)?, PrefixMap::new(16)?);
        let program = load_socket_filter(&plan(v4.numbers(), v6.numbers()))?;
        Ok(TunSteering {
            v4,
            v6,
            program,
            device: Mutex::new(Device::Unattached),
        })
    }

    /// The maps and the program of another process, which does not change them any more.
    pub fn adopt([v4_hosts, v4, v6_hosts, v6, program]: SteeringFds<OwnedFd>) -> TunSteering {
        TunSteering {
            v4: PrefixMap::adopt([v4_hosts, v4]),
            v6: PrefixMap::adopt([v6_hosts, v6]),
            program,
            device: Mutex::new(Device::Unattached),
        }
    }

    /// For `adopt`. `None` when the steering has been given up.
    pub fn descriptors(&self) -> Option<SteeringFds<RawFd>> {
        let given_up = matches!(*self.device(), Device::GivenUp);
        let ([v4_hosts, v4], [v6_hosts, v6]) = (self.v4.numbers(), self.v6.numbers());
        (!given_up).then(|| [v4_hosts, v4, v6_hosts, v6, self.program.as_raw_fd()])
    }

    /// Steers the device that `queue` belongs to; again after the device was made anew. Queues count in the order in
    /// which they joined the device.
    pub fn attach(&self, queue: RawFd) -> Result<(), IoError> {
        let mut device = self.device();
        if matches!(*device, Device::GivenUp) {
            return Err(IoError::new(libc::EPERM, "change a BPF map"));
        }
        let queue = duplicate(queue, "a TUN queue")?;
        set_program(&queue, self.program.as_raw_fd())
            .map_err(|errno| IoError::new(errno, "attach the steering program to the TUN"))?;
        *device = Device::Attached(queue);
        Ok(())
    }

    /// Packets for `network/length` go to the queue of `shard`. False when the kernel does not take it. The first
    /// refusal for want of rights ends the steering; after it nothing is tried and nothing refused.
    pub fn insert(&self, network: IpAddr, length: u8, shard: u32) -> bool {
        self.change(|| self.map(network).insert(network, length, shard))
    }

    /// As `insert`.
    pub fn remove(&self, network: IpAddr, length: u8) -> bool {
        self.change(|| self.map(network).remove(network, length))
    }

    fn map(&self, network: IpAddr) -> &PrefixMap {
        if network.is_ipv4() {
            &self.v4
        } else {
            &self.v6
        }
    }

    /// Kernels before 5.19 let nobody without CAP_BPF change a map, even one that is open. Steering by maps that do not
    /// change any more would be worse than none.
    fn change(&self, change: impl FnOnce() -> Result<(), c_int>) -> bool {
        let mut device = self.device();
        if matches!(*device, Device::GivenUp) {
            return true;
        }
        let result = change();
        if result == Err(libc::EPERM)
            && let Device::Attached(queue) = std::mem::replace(&mut *device, Device::GivenUp)
        {
            // Refused by a device that is gone, which is not steered either.
            let _ = set_program(&queue, NO_PROGRAM);
        }
        result.is_ok()
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const TUNSETSTEERINGEBPF: c_ulong = 0x8004_54e0;
const NO_PROGRAM: c_int = -1;

fn set_program(queue: &OwnedFd, mut program: c_int) -> Result<(), c_int> {
    // SAFETY: TUNSETSTEERINGEBPF reads one int.
    unsafe { ioctl(queue, TUNSETSTEERINGEBPF, &mut program) }
}

/// The program. It gets a packet that begins with its IP header and returns the number of a queue, which the kernel
/// takes modulo the number of queues. A packet to no known network goes by the end of its destination: spread over the
/// shards, and in order.
fn plan(v4: [c_int; 2], v6: [c_int; 2]) -> Vec<Instruction> {
    let (v4, v6) = (look_up(16, 4, v4), look_up(24, 16, v6));
    let mut program = vec![
        op(MOV_REGISTER, KEPT, ARGUMENT_1, 0, 0),
        // The first byte of the packet into the result; the program ends with 0 when there is none.
        op(LOAD_PACKET_BYTE, 0, 0, 0, 0),
        op(SHIFT_RIGHT, RESULT, 0, 0, 4),
        op(JUMP_EQUAL, RESULT, 0, 3, 4),
        op(JUMP_EQUAL, RESULT, 0, 2 + v4.len() as i16, 6),
        op(MOV, RESULT, 0, 0, 0),
        op(EXIT, 0, 0, 0, 0),
    ];
    program.extend(v4);
    program.extend(v6);
    program
}

/// Looks up the destination, `len` bytes at `offset`, among hosts and then among networks; returns its shard.
fn look_up(offset: i32, len: i32, [hosts, networks]: [c_int; 2]) -> Vec<Instruction> {
    let key = -(4 + 16);
    let address = key + 4;
    let mut program = vec![
        op(MOV_REGISTER, ARGUMENT_1, KEPT, 0, 0),
        op(MOV, ARGUMENT_2, 0, 0, offset),
        op(MOV_REGISTER, ARGUMENT_3, FRAME, 0, 0),
        op(ADD, ARGUMENT_3, 0, 0, address),
        op(MOV, ARGUMENT_4, 0, 0, len),
        op(CALL, 0, 0, 0, SKB_LOAD_BYTES),
        op(JUMP_EQUAL, RESULT, 0, 2, 0),
        // Too short for its header: the data path drops it.
        op(MOV, RESULT, 0, 0, 0),
        op(EXIT, 0, 0, 0, 0),
        op(STORE_WORD, FRAME, 0, key as i16, 8 * len),
    ];
    program.extend(return_if_found(hosts, address));
    program.extend(return_if_found(networks, key));
    program.extend([
        op(LOAD_BYTE, RESULT, FRAME, (address + len - 1) as i16, 0),
        op(EXIT, 0, 0, 0, 0),
    ]);
    program
}

/// The key is at `key` of the stack.
fn return_if_found(map: c_int, key: i32) -> [Instruction; 8] {
    [
        op(LOAD_NUMBER, ARGUMENT_1, MAP_DESCRIPTOR, 0, map),
        op(0, 0, 0, 0, 0),
        op(MOV_REGISTER, ARGUMENT_2, FRAME, 0, 0),
        op(ADD, ARGUMENT_2, 0, 0, key),
        op(CALL, 0, 0, 0, MAP_LOOKUP),
        op(JUMP_EQUAL, RESULT, 0, 2, 0),
        op(LOAD_WORD, RESULT, RESULT, 0, 0),
        op(EXIT, 0, 0, 0, 0),
    ]
}

const fn op(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction {
        code,
        registers: to | from << 4,
        offset,
        immediate,
    }
}

const RESULT: u8 = 0;
const ARGUMENT_1: u8 = 1;
const ARGUMENT_2: u8 = 2;
const ARGUMENT_3: u8 = 3;
const ARGUMENT_4: u8 = 4;
/// Survives calls, and is where LOAD_PACKET_BYTE looks for the packet.
const KEPT: u8 = 6;
/// The end of the stack.
const FRAME: u8 = 10;

const MOV: u8 = 0xb7;
const MOV_REGISTER: u8 = 0xbf;
const ADD: u8 = 0x07;
const SHIFT_RIGHT: u8 = 0x77;
const JUMP_EQUAL: u8 = 0x15;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const LOAD_PACKET_BYTE: u8 = 0x30;
const LOAD_BYTE: u8 = 0x71;
const LOAD_WORD: u8 = 0x61;
const STORE_WORD: u8 = 0x62;
/// Takes two places: the second holds the upper half of the number.
const LOAD_NUMBER: u8 = 0x18;
/// As the source of LOAD_NUMBER: the number is a map's descriptor.
const MAP_DESCRIPTOR: u8 = 1;

const MAP_LOOKUP: i32 = 1;
const SKB_LOAD_BYTES: i32 = 26;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::thread;

    use super::*;
    use crate::interface::InterfacePlan;
    use crate::tun::{Tun, TunOptions, open_tun};
    use crate::tun_queue::TunQueue;

    fn two_queues() -> Tun {
        open_tun(&TunOptions {
            name: "tun7".into(),
            queues: 2,
            interface: InterfacePlan {
                mtu: 1400,
                transmit_queue_len: 500,
                addresses: vec!["10.8.0.1/24".parse().unwrap()],
                routes: vec![],
            },
        })
        .unwrap()
    }

    /// Whether the first queue got any of 64 flows.
    fn first_queue_hears(tun: &Tun) -> bool {
        let queue = TunQueue::new(tun.queues[0].try_clone().unwrap());
        let mut frame = [0; 2000];
        while queue.read(&mut frame).unwrap() > 0 {}
        for _ in 0..64 {
            let socket = UdpSocket::bind("10.8.0.1:0").unwrap();
            socket.send_to(b"x", "10.8.0.2:9").unwrap();
        }
        queue.read(&mut frame).unwrap() > 0
    }

    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    fn give_up() {
        // SAFETY: unshare takes a plain integer and changes only this thread's namespace.
        let alone = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
        let Some(steering) = TunSteering::new().ok().filter(|_| alone) else {
            return eprintln!("skipped: a network namespace and bpf() need root");
        };
        let tun = two_queues();
        let queue = tun.queues[1].as_raw_fd();
        steering.attach(queue).unwrap();
        let insert = |host| steering.insert([10, 8, 0, host].into(), 32, 1);
        assert!(insert(2));
        assert!(!first_queue_hears(&tun));
        steering.v4.freeze();
        assert!(!insert(3));
        assert!(insert(4), "told once");
        assert!(first_queue_hears(&tun), "the kernel chooses by flow");
        assert_eq!(steering.attach(queue).unwrap_err().code(), "EPERM");
    }

    #[test]
    fn maps_that_may_not_be_changed_any_more_steer_nothing() {
        thread::scope(|scope| scope.spawn(give_up).join().unwrap());
    }
}
