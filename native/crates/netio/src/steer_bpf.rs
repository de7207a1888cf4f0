use std::os::fd::OwnedFd;

use crate::error::IoError;
use crate::fd::set_option;

/// Attaches the steering program to the SO_REUSEPORT group that `member` belongs to (design 3).
///
/// Data packets with a peer-id go to socket `peer-id mod shards`, control packets to `first word of the sender's
/// session id mod shards`; the kernel's hash decides about everything else. Sockets count in the order they were bound.
pub fn attach(member: &OwnedFd, shards: u32) -> Result<(), IoError> {
    let program = plan(shards);
    let attached = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    set_option(
        member,
        libc::SOL_SOCKET,
        libc::SO_ATTACH_REUSEPORT_CBPF,
        &attached,
    )
    .map_err(|errno| IoError::new(errno, "attach the steering program to the UDP sockets"))
}

/// An index past the group makes the kernel fall back to its hash of the addresses.
const FALLBACK: u32 = u32::MAX;
/// Smallest packet that is looked into: the first byte and one word.
const MIN_LEN: u32 = 5;
const DATA_V2: u32 = 9;
/// Opcodes whose bytes 1..9 are the sender's session id. [wire 2]
const CONTROL: [u32; 7] = [3, 4, 5, 7, 8, 10, 11];

const LD_LEN: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_LEN;
const LD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
const LD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const ALU_SHIFT_RIGHT: u32 = libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K;
const ALU_AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const ALU_MOD: u32 = libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K;
const JUMP_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const JUMP_AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const RETURN_A: u32 = libc::BPF_RET | libc::BPF_A;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// The program. Offset 0 is the first byte of the UDP payload; a load past the end would return 0, which is a socket,
/// so the length is looked at first.
fn plan(shards: u32) -> Vec<libc::sock_filter> {
    let count = CONTROL.len() as u8;
    let mut program = vec![
        op(LD_LEN, 0),
        jump(JUMP_AT_LEAST, MIN_LEN, 0, count + 3),
        op(LD_BYTE, 0),
        op(ALU_SHIFT_RIGHT, 3),
        jump(JUMP_EQUAL, DATA_V2, count + 1, 0),
    ];
    for (i, opcode) in (0u8..).zip(CONTROL) {
        program.push(jump(JUMP_EQUAL, opcode, count - i + 4, 0));
    }
    program.extend([
        op(RETURN, FALLBACK),
        op(LD_WORD, 0),
        op(ALU_AND, 0x00ff_ffff),
        op(ALU_MOD, shards),
        op(RETURN_A, 0),
        op(LD_WORD, 1),
        op(ALU_MOD, shards),
        op(RETURN_A, 0),
    ]);
    program
}

fn op(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel's interpreter does with the instructions used here.
    fn run(program: &[libc::sock_filter], packet: &[u8]) -> u32 {
        let (mut a, mut pc) = (0u32, 0usize);
        loop {
            let i = program[pc];
            pc += 1;
            let at = i.k as usize;
            match u32::from(i.code) {
                LD_LEN => a = packet.len() as u32,
                LD_BYTE => a = u32::from(packet[at]),
                LD_WORD => {
                    a = u32::from_be_bytes(packet[at..at + 4].try_into().expect("four bytes"))
                }
                ALU_SHIFT_RIGHT => a >>= i.k,
                ALU_AND => a &= i.k,
                ALU_MOD => a %= i.k,
                JUMP_EQUAL => pc += usize::from(if a == i.k { i.jt } else { i.jf }),
                JUMP_AT_LEAST => pc += usize::from(if a >= i.k { i.jt } else { i.jf }),
                RETURN => return i.k,
                RETURN_A => return a,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    #[test]
    fn every_first_byte_and_length_goes_where_the_design_says() {
        let program = plan(4);
        let id = 0x00ab_cdef_u32;
        for first in 0..=255u8 {
            for len in 0..12 {
                let packet: Vec<u8> =
                    [first, 0xab, 0xcd, 0xef, 0x36, 1, 2, 3, 4, 5, 6, 7][..len].to_vec();
                let expected = match first >> 3 {
                    _ if len < 5 => FALLBACK,
                    9 => id % 4,
                    3 | 4 | 5 | 7 | 8 | 10 | 11 => 0xabcd_ef36 % 4,
                    _ => FALLBACK,
                };
                assert_eq!(
                    run(&program, &packet),
                    expected,
                    "first byte {first:#x}, {len} bytes"
                );
            }
        }
    }
}
