//! The program of a `FloodFilter`. It gets a datagram that begins with its UDP header, and returns how much of it stays:
//! all or nothing.
//!
//! 1. Superpackets stay: their first header says nothing about the others.
//! 2. DATA_V2 with the peer-id of a client stays.
//! 3. What comes from the address of a client stays.
//! 4. So do control packets that a new client may have sent. Of its first ones some a second stay, and beyond these the
//!    ones that come again.
//! 5. Of all others some a second stay, for the data path to say what they are.

use std::net::{IpAddr, SocketAddr};

use crate::bpf::Instruction;
use crate::bpf_assembler::{Assembler, Label};

/// Where everything is in the memory that the program and its process share.
pub struct Layout {
    pub shards: usize,
}

impl Layout {
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.shard(self.shards)
    }

    /// Number of clients, in 16 bits, with this peer-id or another one of the same end.
    pub fn peer(&self, id: u32) -> usize {
        PEERS_AT + 2 * (id & (PEERS - 1)) as usize
    }

    /// The same with an address of this hash.
    pub fn address(&self, hash: u64) -> usize {
        ADDRESSES_AT + 2 * (hash >> ADDRESS_SHIFT) as usize
    }

    /// `u32 min_len | u32 counter_at` under the server's wrapping and under a client's own key.
    pub fn shapes(&self, shard: usize) -> [usize; 2] {
        [0, 8].map(|at| self.shard(shard) + SHAPES as usize + at)
    }

    /// u64: what is nobody's, resets.
    pub fn drops(&self, shard: usize) -> [usize; 2] {
        [NOBODYS, RESETS].map(|bucket| self.shard(shard) + bucket.drops as usize)
    }

    fn shard(&self, shard: usize) -> usize {
        SHARDS_AT + shard * SHARD_LEN
    }

    fn marks(&self, shard: usize) -> usize {
        self.shard(shard) + MARKS_AT
    }
}

/// Makes it impossible to choose addresses that are taken for a client's.
pub struct Secret {
    seed: u64,
    factor: u64,
}

impl Secret {
    pub fn new(seed: u64, factor: u64) -> Secret {
        Secret {
            seed,
            factor: factor | 1,
        }
    }

    /// One word more in a hash.
    pub fn mix(&self, hash: u64, word: u32) -> u64 {
        let product = (hash ^ u64::from(word)).wrapping_mul(self.factor);
        product ^ product >> 32
    }

    /// As the program does it.
    pub fn hash(&self, address: &SocketAddr) -> u64 {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let words = ip.chunks_exact(4);
        let words = words.map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let [high, low] = address.port().to_be_bytes();
        let port = u32::from_ne_bytes([high, low, 0, 0]);
        let words = words.chain([port]);
        words.fold(self.seed, |hash, word| self.mix(hash, word))
    }
}

/// Peer-ids and hashes of addresses that are told from each other. Of random ones as many pass by chance as there are clients.
const PEERS: u32 = 1 << 17;
const ADDRESSES: usize = 1 << 16;
const ADDRESS_SHIFT: i32 = 48;
/// First packets of a flood that are remembered: what is left of a client's when it comes again after 2 s, with 50,000 a second on
/// its shard, is five of six.
const MARKS: usize = 1 << 19;
const MARK_SHIFT: i32 = 45;

const PEERS_AT: usize = 0;
const ADDRESSES_AT: usize = PEERS_AT + 2 * PEERS as usize;
const SHARDS_AT: usize = ADDRESSES_AT + 2 * ADDRESSES;
/// Within a shard's part.
const MARKS_AT: usize = 64;
const SHARD_LEN: usize = MARKS_AT + 4 * MARKS;
const SHAPES: i16 = 0;

/// How many datagrams of a kind stay in a tick of 134 ms, and what is counted of them: `u32 tick | u32 number | u64 dropped`.
struct Bucket {
    tick: i16,
    number: i16,
    drops: i16,
    per_tick: i32,
}

/// 480 a second.
const NOBODYS: Bucket = Bucket {
    tick: 16,
    number: 20,
    drops: 24,
    per_tick: 64,
};
/// 3000 a second, which is less than the data path answers, so that it answers those that come again as well.
const RESETS: Bucket = Bucket {
    tick: 32,
    number: 36,
    drops: 40,
    per_tick: 402,
};

/// Nanoseconds to ticks.
const TICK_SHIFT: i32 = 27;
/// A client resends its first packet after a second or more, these are half a second at least; and not after 30 s.
const AGAIN_AFTER: i32 = 5;
const AGAIN_WITHIN: i32 = 224;

/// Bits of a counter that are 0 in the first packets of a client, whether it begins at 1 or, because it can send its key again,
/// at 0x0f000001. [wire 6, 7.1]
const NO_FIRST_COUNTER: u32 = 0xf0ff_0000;

const DATA_V1: i32 = 6;
const DATA_V2: i32 = 9;
const SOFT_RESET: i32 = 3;
const RESET_V2: i32 = 7;
/// This opcode and the next one bring a client's own key.
const RESET_V3: i32 = 10;
/// What a client sends. [wire 1]
const OPCODES: [i32; 8] = [DATA_V2, DATA_V1, 4, 5, RESET_V2, SOFT_RESET, RESET_V3, 11];
/// The peer-id of a client that has none.
const NO_PEER: i32 = 0xff_ffff;
/// The smallest control packet; data packets are longer. [wire 2]
const MIN_LEN: i32 = 14;
const UDP_LEN: i32 = 8;

/// On the stack: the first byte of the datagram, so that what is behind it is aligned; then an address or a number.
const HEAD: i16 = -17;
const ROOM: i16 = -40;

/// For the sockets of one shard; `map`: the descriptor of the memory.
pub fn plan(map: i32, layout: &Layout, shard: usize, secret: &Secret) -> Vec<Instruction> {
    let mut to = Assembler::default();
    let (stays, nobodys) = (to.label(), to.label());
    to.with(MOVE, CONTEXT, ARGUMENT_1);
    to.load_address(SHARD, map, layout.shard(shard));
    to.load(LOAD_32, RESULT, CONTEXT, SKB_SEGMENT_LEN);
    to.jump(IF_NOT, RESULT, 0, stays);
    to.set(MOVE_NUMBER, ARGUMENT_2, UDP_LEN);
    load_bytes(&mut to, HEAD, MIN_LEN);
    to.jump(IF_NOT, RESULT, 0, nobodys);
    to.load(LOAD_8, OPCODE, FRAME, HEAD);
    to.set(SHIFT_RIGHT, OPCODE, 3);
    judge_data(&mut to, map, stays, nobodys);
    judge_address(&mut to, map, secret, stays);
    judge_control(&mut to, stays, nobodys);
    judge_reset(&mut to, map, layout.marks(shard), secret, stays);
    to.place(nobodys);
    let end = to.label();
    take(&mut to, &NOBODYS, stays);
    drop_one(&mut to, &NOBODYS, end);
    to.place(stays);
    to.set(MOVE_NUMBER, RESULT, -1);
    to.place(end);
    to.op(EXIT, 0, 0, 0, 0);
    to.finish()
}

/// What is no opcode of a client's is nobody's; so is DATA_V2 that names nobody.
fn judge_data(to: &mut Assembler, map: i32, stays: Label, nobodys: Label) {
    let by_address = to.label();
    for opcode in OPCODES.into_iter().filter(|opcode| *opcode != DATA_V2) {
        to.jump(IF, OPCODE, opcode, by_address);
    }
    to.jump(IF_NOT, OPCODE, DATA_V2, nobodys);
    to.load(LOAD_32, SCRATCH, FRAME, HEAD + 1);
    to.set(TO_BIG_ENDIAN, SCRATCH, 32);
    to.set(SHIFT_RIGHT, SCRATCH, 8);
    to.jump(IF, SCRATCH, NO_PEER, by_address);
    to.set(AND, SCRATCH, PEERS as i32 - 1);
    stay_if_counted(to, map, PEERS_AT, stays);
    to.go(nobodys);
    to.place(by_address);
}

/// Leaves the hash of the address behind.
fn judge_address(to: &mut Assembler, map: i32, secret: &Secret, stays: Label) {
    let (v4, port) = (to.label(), to.label());
    to.load_number(HASH, secret.seed);
    to.load(LOAD_32, SCRATCH, CONTEXT, SKB_PROTOCOL);
    to.jump(IF, SCRATCH, i32::from(IPV4.to_be()), v4);
    load_ip(to, 8, 16, stays);
    for word in 0..4 {
        mix(to, ROOM + 4 * word, secret);
    }
    to.go(port);
    to.place(v4);
    load_ip(to, 12, 4, stays);
    mix(to, ROOM, secret);
    to.place(port);
    // What the next load leaves alone of the word.
    to.op(STORE_32, FRAME, 0, ROOM, 0);
    to.set(MOVE_NUMBER, ARGUMENT_2, 0);
    load_bytes(to, ROOM, 2);
    to.jump(IF_NOT, RESULT, 0, stays);
    mix(to, ROOM, secret);
    to.with(MOVE, SCRATCH, HASH);
    to.set(SHIFT_RIGHT, SCRATCH, ADDRESS_SHIFT);
    stay_if_counted(to, map, ADDRESSES_AT, stays);
}

/// Of strangers. First packets go on.
fn judge_control(to: &mut Assembler, stays: Label, nobodys: Label) {
    for opcode in [DATA_V1, DATA_V2, SOFT_RESET] {
        to.jump(IF, OPCODE, opcode, nobodys);
    }
    let (own_wrapping, fits) = (to.label(), to.label());
    to.with(MOVE, SHAPE, SHARD);
    to.jump(IF_LESS, OPCODE, RESET_V3, own_wrapping);
    to.set(ADD, SHAPE, 8);
    to.place(own_wrapping);
    to.load(LOAD_32, MIN, SHAPE, SHAPES);
    to.jump(IF, MIN, 0, stays);
    to.load(LOAD_32, SCRATCH, CONTEXT, SKB_LEN);
    to.set(ADD, SCRATCH, -UDP_LEN);
    to.jump_with(IF_MORE_REGISTER, MIN, SCRATCH, nobodys);
    to.load(LOAD_32, ARGUMENT_2, SHAPE, SHAPES + 4);
    to.jump(IF, ARGUMENT_2, 0, fits);
    to.set(ADD, ARGUMENT_2, UDP_LEN);
    load_bytes(to, ROOM, 4);
    to.jump(IF_NOT, RESULT, 0, nobodys);
    to.load(LOAD_32, SCRATCH, FRAME, ROOM);
    to.jump(
        IF_ANY_BIT,
        SCRATCH,
        NO_FIRST_COUNTER.to_be() as i32,
        nobodys,
    );
    to.place(fits);
    let first = to.label();
    to.jump(IF, OPCODE, RESET_V2, first);
    to.jump(IF_NOT, OPCODE, RESET_V3, stays);
    to.place(first);
}

/// Marks are kept by address and session id: 15 bits of the hash, 1, and the tick in 16.
fn judge_reset(to: &mut Assembler, map: i32, marks: usize, secret: &Secret, stays: Label) {
    let (new, dropped) = (to.label(), to.label());
    take(to, &RESETS, stays);
    mix(to, HEAD + 1, secret);
    mix(to, HEAD + 5, secret);
    to.set(AND, TICK, 0xffff);
    to.with(MOVE, SCRATCH, HASH);
    to.set(SHIFT_RIGHT, SCRATCH, MARK_SHIFT);
    to.set(SHIFT_LEFT, SCRATCH, 2);
    to.load_address(PLACE, map, marks);
    to.with(ADD_REGISTER, PLACE, SCRATCH);
    to.set(AND, HASH, 0x7fff);
    to.set(OR, HASH, 0x8000);
    to.set(SHIFT_LEFT, HASH, 16);
    to.load(LOAD_32, SCRATCH, PLACE, 0);
    to.with(MOVE, PRINT, SCRATCH);
    to.set(SHIFT_RIGHT, PRINT, 16);
    to.set(SHIFT_LEFT, PRINT, 16);
    to.jump_with(IF_NOT_REGISTER, PRINT, HASH, new);
    to.with(MOVE, AGE, TICK);
    to.with(SUBTRACT, AGE, SCRATCH);
    to.set(AND, AGE, 0xffff);
    to.jump(IF_LESS, AGE, AGAIN_AFTER, dropped);
    to.jump(IF_MORE, AGE, AGAIN_WITHIN, new);
    to.go(stays);
    to.place(new);
    to.with(OR_REGISTER, HASH, TICK);
    to.op(STORE_REGISTER_32, PLACE, HASH, 0, 0);
    to.place(dropped);
    let end = to.label();
    drop_one(to, &RESETS, end);
    to.place(end);
    to.op(EXIT, 0, 0, 0, 0);
}

/// Goes on when the bucket is empty, with the tick in its register.
fn take(to: &mut Assembler, bucket: &Bucket, stays: Label) {
    let same = to.label();
    to.set(CALL, 0, NANOSECONDS);
    to.set(SHIFT_RIGHT, TICK, TICK_SHIFT);
    to.with(MOVE_32, TICK, TICK);
    to.load(LOAD_32, SCRATCH, SHARD, bucket.tick);
    to.jump_with(IF_REGISTER, SCRATCH, TICK, same);
    to.op(STORE_REGISTER_32, SHARD, TICK, bucket.tick, 0);
    to.op(STORE_32, SHARD, 0, bucket.number, 0);
    to.place(same);
    let empty = to.label();
    to.load(LOAD_32, SCRATCH, SHARD, bucket.number);
    to.jump(IF_MORE, SCRATCH, bucket.per_tick - 1, empty);
    to.set(ADD, SCRATCH, 1);
    to.op(STORE_REGISTER_32, SHARD, SCRATCH, bucket.number, 0);
    to.go(stays);
    to.place(empty);
}

/// Nothing of it stays.
fn drop_one(to: &mut Assembler, bucket: &Bucket, end: Label) {
    to.set(MOVE_NUMBER, SCRATCH, 1);
    to.op(ATOMIC_ADD_64, SHARD, SCRATCH, bucket.drops, 0);
    to.set(MOVE_NUMBER, RESULT, 0);
    to.go(end);
}

/// Of the table of 16-bit numbers at `table`, the one whose index is in the scratch register.
fn stay_if_counted(to: &mut Assembler, map: i32, table: usize, stays: Label) {
    to.set(SHIFT_LEFT, SCRATCH, 1);
    to.load_address(PLACE, map, table);
    to.with(ADD_REGISTER, PLACE, SCRATCH);
    to.load(LOAD_16, SCRATCH, PLACE, 0);
    to.jump(IF_NOT, SCRATCH, 0, stays);
}

/// The second argument is the offset from the UDP header on; the result is 0 when there are so many bytes.
fn load_bytes(to: &mut Assembler, at: i16, len: i32) {
    to.with(MOVE, ARGUMENT_1, CONTEXT);
    to.with(MOVE, ARGUMENT_3, FRAME);
    to.set(ADD, ARGUMENT_3, i32::from(at));
    to.set(MOVE_NUMBER, ARGUMENT_4, len);
    to.set(CALL, 0, LOAD_SKB_BYTES);
}

/// From the IP header on.
fn load_ip(to: &mut Assembler, offset: i32, len: i32, otherwise: Label) {
    to.with(MOVE, ARGUMENT_1, CONTEXT);
    to.set(MOVE_NUMBER, ARGUMENT_2, offset);
    to.with(MOVE, ARGUMENT_3, FRAME);
    to.set(ADD, ARGUMENT_3, i32::from(ROOM));
    to.set(MOVE_NUMBER, ARGUMENT_4, len);
    to.set(MOVE_NUMBER, ARGUMENT_5, NETWORK_HEADER);
    to.set(CALL, 0, LOAD_SKB_BYTES_RELATIVE);
    to.jump(IF_NOT, RESULT, 0, otherwise);
}

/// Takes the word at `at` of the stack into the hash.
fn mix(to: &mut Assembler, at: i16, secret: &Secret) {
    to.load(LOAD_32, SCRATCH, FRAME, at);
    to.with(EXCLUSIVE_OR, HASH, SCRATCH);
    to.load_number(SCRATCH, secret.factor);
    to.with(MULTIPLY, HASH, SCRATCH);
    to.with(MOVE, SCRATCH, HASH);
    to.set(SHIFT_RIGHT, SCRATCH, 32);
    to.with(EXCLUSIVE_OR, HASH, SCRATCH);
}

const RESULT: u8 = 0;
const TICK: u8 = 0;
const ARGUMENT_1: u8 = 1;
const ARGUMENT_2: u8 = 2;
const ARGUMENT_3: u8 = 3;
const ARGUMENT_4: u8 = 4;
const ARGUMENT_5: u8 = 5;
const SCRATCH: u8 = 1;
const PLACE: u8 = 3;
const PRINT: u8 = 4;
const AGE: u8 = 5;
const SHAPE: u8 = 3;
const MIN: u8 = 4;
/// These survive calls.
const CONTEXT: u8 = 6;
const OPCODE: u8 = 7;
const SHARD: u8 = 8;
const HASH: u8 = 9;
/// The end of the stack.
const FRAME: u8 = 10;

const MOVE: u8 = 0xbf;
const MOVE_32: u8 = 0xbc;
const MOVE_NUMBER: u8 = 0xb7;
const ADD: u8 = 0x07;
const ADD_REGISTER: u8 = 0x0f;
const SUBTRACT: u8 = 0x1f;
const MULTIPLY: u8 = 0x2f;
const OR: u8 = 0x47;
const OR_REGISTER: u8 = 0x4f;
const AND: u8 = 0x57;
const EXCLUSIVE_OR: u8 = 0xaf;
const SHIFT_LEFT: u8 = 0x67;
const SHIFT_RIGHT: u8 = 0x77;
const TO_BIG_ENDIAN: u8 = 0xdc;
const IF: u8 = 0x15;
const IF_REGISTER: u8 = 0x1d;
const IF_NOT: u8 = 0x55;
const IF_NOT_REGISTER: u8 = 0x5d;
const IF_MORE: u8 = 0x25;
const IF_MORE_REGISTER: u8 = 0x2d;
const IF_LESS: u8 = 0xa5;
const IF_ANY_BIT: u8 = 0x45;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const LOAD_8: u8 = 0x71;
const LOAD_16: u8 = 0x69;
const LOAD_32: u8 = 0x61;
const STORE_32: u8 = 0x62;
const STORE_REGISTER_32: u8 = 0x63;
const ATOMIC_ADD_64: u8 = 0xdb;

/// Offsets in `struct __sk_buff`.
const SKB_LEN: i16 = 0;
const SKB_PROTOCOL: i16 = 16;
/// Network cards of virtual machines say how long the packets of a superpacket are, and not how many.
const SKB_SEGMENT_LEN: i16 = 176;
const IPV4: u16 = 0x0800;

const NANOSECONDS: i32 = 5;
const LOAD_SKB_BYTES: i32 = 26;
const LOAD_SKB_BYTES_RELATIVE: i32 = 68;
const NETWORK_HEADER: i32 = 1;
