//! Runs the program of a `FloodFilter` as the kernel does, without one: for tests and fuzzing. It knows the instructions and the
//! calls that stand in it, and fails where the kernel would refuse it.

#![allow(dead_code, reason = "each test target uses its own part")]

use std::collections::BTreeMap;

use netio::bpf::Instruction;

/// Shares its memory with a program, as a `FloodFilter` does. It begins as zero, and takes room where something was written.
pub struct Machine {
    lines: BTreeMap<usize, [u8; LINE]>,
    len: usize,
}

/// What has come to a socket.
#[derive(Clone, Copy)]
pub struct Datagram<'a> {
    /// Of what is around the IP packet: 0x0800 or 0x86dd.
    pub ethertype: u16,
    pub ip_header: &'a [u8],
    /// From the UDP header on.
    pub bytes: &'a [u8],
    /// Of the packets of a superpacket; 0: it is none.
    pub segment_len: u32,
}

impl Machine {
    pub fn new(len: usize) -> Machine {
        let lines = BTreeMap::new();
        Machine { lines, len }
    }

    /// How many bytes of the datagram stay, at a time since the machine has started.
    pub fn run(
        &mut self,
        program: &[Instruction],
        datagram: &Datagram<'_>,
        nanoseconds: u64,
    ) -> u32 {
        let mut run = Run {
            machine: self,
            datagram,
            nanoseconds,
            registers: [NOTHING; 11],
            stack: [0xa5; STACK_LEN],
        };
        run.registers[1] = CONTEXT;
        run.registers[10] = STACK_END;
        let mut at = 0;
        loop {
            match run.step(program, at) {
                Step::To(next) => at = next,
                Step::End => return run.registers[0] as u32,
            }
        }
    }

    /// `size` bytes, at a multiple of it.
    pub fn load(&self, at: usize, size: usize) -> u64 {
        self.check(at, size);
        let line = self.lines.get(&(at / LINE));
        let mut bytes = [0; 8];
        if let Some(line) = line {
            bytes[..size].copy_from_slice(&line[at % LINE..][..size]);
        }
        u64::from_le_bytes(bytes)
    }

    pub fn store(&mut self, at: usize, size: usize, value: u64) {
        self.check(at, size);
        let line = self.lines.entry(at / LINE).or_insert([0; LINE]);
        line[at % LINE..][..size].copy_from_slice(&value.to_le_bytes()[..size]);
    }

    fn check(&self, at: usize, size: usize) {
        let fits = at + size <= self.len && at.is_multiple_of(size);
        assert!(fits, "{size} bytes at {at} of {}", self.len);
    }
}

enum Step {
    To(usize),
    End,
}

struct Run<'a> {
    machine: &'a mut Machine,
    datagram: &'a Datagram<'a>,
    nanoseconds: u64,
    registers: [u64; 11],
    stack: [u8; STACK_LEN],
}

impl Run<'_> {
    /// The instruction at `at`, by its class.
    fn step(&mut self, program: &[Instruction], at: usize) -> Step {
        let one = &program[at];
        let (to, from) = operands(one);
        let immediate = i64::from(one.immediate) as u64;
        let value = match one.code & REGISTER {
            0 => immediate,
            _ => self.registers[from],
        };
        match one.code & 7 {
            0 => {
                assert_eq!(one.code, LOAD_NUMBER);
                self.registers[to] = wide_number(one, &program[at + 1]);
                return Step::To(at + 2);
            }
            1 => self.registers[to] = self.read(self.address(from, one), size_of_operand(one.code)),
            2 | 3 if one.code == ATOMIC_ADD_64 => {
                let place = self.address(to, one);
                let sum = self.read(place, 8).wrapping_add(self.registers[from]);
                self.write(place, 8, sum);
            }
            // Stores have the bit of a register's operand in their class.
            2 => self.write(self.address(to, one), size_of_operand(one.code), immediate),
            3 => {
                let value = self.registers[from];
                self.write(self.address(to, one), size_of_operand(one.code), value);
            }
            4 => {
                self.registers[to] = calculate_32(one, self.registers[to] as u32, value as u32);
            }
            5 if one.code == EXIT => return Step::End,
            5 if one.code == CALL => self.call(one.immediate),
            5 if compare(one.code, self.registers[to], value) => {
                let next = at as i64 + 1 + i64::from(one.offset);
                assert!(next > at as i64, "a loop");
                return Step::To(next as usize);
            }
            5 => {}
            7 => self.registers[to] = calculate(one.code, self.registers[to], value),
            _ => panic!("instruction {:#x}", one.code),
        }
        Step::To(at + 1)
    }

    fn address(&self, register: usize, one: &Instruction) -> u64 {
        self.registers[register].wrapping_add(i64::from(one.offset) as u64)
    }

    fn read(&self, address: u64, size: usize) -> u64 {
        match address / REGION {
            MEMORY_REGION => self.machine.load((address % REGION) as usize, size),
            STACK_REGION => {
                let mut bytes = [0; 8];
                bytes[..size].copy_from_slice(&self.stack[(address % REGION) as usize..][..size]);
                u64::from_le_bytes(bytes)
            }
            CONTEXT_REGION => {
                assert_eq!(size, 4);
                self.field(address % REGION)
            }
            _ => panic!("read at {address:#x}"),
        }
    }

    fn write(&mut self, address: u64, size: usize, value: u64) {
        let at = (address % REGION) as usize;
        match address / REGION {
            MEMORY_REGION => self.machine.store(at, size, value),
            STACK_REGION => {
                self.stack[at..][..size].copy_from_slice(&value.to_le_bytes()[..size]);
            }
            _ => panic!("write at {address:#x}"),
        }
    }

    /// Of `struct __sk_buff`.
    fn field(&self, offset: u64) -> u64 {
        match offset {
            0 => self.datagram.bytes.len() as u64,
            16 => self.datagram.ethertype.to_be().into(),
            176 => self.datagram.segment_len.into(),
            _ => panic!("field {offset} of a packet"),
        }
    }

    fn call(&mut self, number: i32) {
        let [context, offset, into, len, from] =
            [1, 2, 3, 4, 5].map(|register: usize| self.registers[register]);
        self.registers[1..=5].fill(NOTHING);
        let bytes = match number {
            5 => {
                self.registers[0] = self.nanoseconds;
                return;
            }
            26 => self.datagram.bytes,
            68 => {
                assert_eq!(from, 1, "from the IP header on");
                self.datagram.ip_header
            }
            _ => panic!("call {number}"),
        };
        assert_eq!(context, CONTEXT);
        assert_eq!(into / REGION, STACK_REGION);
        let room = &mut self.stack[(into % REGION) as usize..][..len as usize];
        let found = bytes.get(offset as u32 as usize..);
        let found = found.and_then(|bytes| bytes.get(..room.len()));
        match found {
            Some(found) => room.copy_from_slice(found),
            None => room.fill(0),
        }
        self.registers[0] = found.map_or(-14i64 as u64, |_| 0);
    }
}

fn operands(one: &Instruction) -> (usize, usize) {
    let [to, from] = [one.registers & 15, one.registers >> 4];
    (to.into(), from.into())
}

fn size_of_operand(code: u8) -> usize {
    [4, 2, 1, 8][usize::from(code >> 3 & 3)]
}

/// The operand of an instruction of two places: a number, or a place in the memory.
fn wide_number(one: &Instruction, rest: &Instruction) -> u64 {
    assert_eq!(rest.code, 0);
    let upper = rest.immediate as u32;
    match one.registers >> 4 {
        0 => u64::from(upper) << 32 | u64::from(one.immediate as u32),
        MAP_VALUE => MEMORY_REGION * REGION + u64::from(upper),
        from => panic!("a number of kind {from}"),
    }
}

fn calculate(code: u8, left: u64, right: u64) -> u64 {
    match code >> 4 {
        0 => left.wrapping_add(right),
        1 => left.wrapping_sub(right),
        2 => left.wrapping_mul(right),
        4 => left | right,
        5 => left & right,
        6 => left << (right & 63),
        7 => left >> (right & 63),
        10 => left ^ right,
        11 => right,
        _ => panic!("instruction {code:#x}"),
    }
}

fn calculate_32(one: &Instruction, left: u32, right: u32) -> u64 {
    match (one.code, one.immediate) {
        (MOVE_32, _) => right.into(),
        (TO_BIG_ENDIAN, 32) => left.to_be().into(),
        (code, _) => panic!("instruction {code:#x}"),
    }
}

fn compare(code: u8, left: u64, right: u64) -> bool {
    match code >> 4 {
        0 => true,
        1 => left == right,
        2 => left > right,
        4 => left & right != 0,
        5 => left != right,
        10 => left < right,
        _ => panic!("instruction {code:#x}"),
    }
}

const LINE: usize = 64;
const STACK_LEN: usize = 64;

/// Addresses are made up: where they lie says what they are of.
const REGION: u64 = 1 << 40;
const MEMORY_REGION: u64 = 1;
const STACK_REGION: u64 = 2;
const STACK_END: u64 = STACK_REGION * REGION + STACK_LEN as u64;
const CONTEXT_REGION: u64 = 3;
const CONTEXT: u64 = CONTEXT_REGION * REGION;
/// In registers that hold nothing; no address of anything.
const NOTHING: u64 = u64::MAX;

const REGISTER: u8 = 8;
const LOAD_NUMBER: u8 = 0x18;
const MAP_VALUE: u8 = 2;
const MOVE_32: u8 = 0xbc;
const TO_BIG_ENDIAN: u8 = 0xdc;
const ATOMIC_ADD_64: u8 = 0xdb;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
