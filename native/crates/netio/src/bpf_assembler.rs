use crate::bpf::Instruction;

/// Puts an eBPF program together, with jumps to places that have a name.
#[derive(Default)]
pub(crate) struct Assembler {
    program: Vec<Instruction>,
    jumps: Vec<(usize, Label)>,
    places: Vec<usize>,
}

/// A place in the program, which may be still to come.
#[derive(Clone, Copy)]
pub(crate) struct Label(usize);

impl Assembler {
    pub fn label(&mut self) -> Label {
        self.places.push(usize::MAX);
        Label(self.places.len() - 1)
    }

    /// The label stands for the next instruction.
    pub fn place(&mut self, label: Label) {
        self.places[label.0] = self.program.len();
    }

    pub fn op(&mut self, code: u8, to: u8, from: u8, offset: i16, immediate: i32) {
        self.program.push(Instruction {
            code,
            registers: to | from << 4,
            offset,
            immediate,
        });
    }

    /// With an operand in the instruction.
    pub fn set(&mut self, code: u8, to: u8, immediate: i32) {
        self.op(code, to, 0, 0, immediate);
    }

    /// Between two registers.
    pub fn with(&mut self, code: u8, to: u8, from: u8) {
        self.op(code, to, from, 0, 0);
    }

    pub fn load(&mut self, code: u8, to: u8, from: u8, offset: i16) {
        self.op(code, to, from, offset, 0);
    }

    pub fn load_number(&mut self, to: u8, number: u64) {
        self.op(LOAD_NUMBER, to, 0, 0, number as u32 as i32);
        self.op(0, 0, 0, 0, (number >> 32) as i32);
    }

    /// The address of a place in the memory of the map `map`.
    pub fn load_address(&mut self, to: u8, map: i32, at: usize) {
        self.op(LOAD_NUMBER, to, MAP_VALUE, 0, map);
        self.op(0, 0, 0, 0, at as i32);
    }

    pub fn jump(&mut self, code: u8, register: u8, immediate: i32, to: Label) {
        self.jumps.push((self.program.len(), to));
        self.op(code, register, 0, 0, immediate);
    }

    pub fn go(&mut self, to: Label) {
        self.jump(JUMP, 0, 0, to);
    }

    pub fn jump_with(&mut self, code: u8, register: u8, other: u8, to: Label) {
        self.jumps.push((self.program.len(), to));
        self.op(code, register, other, 0, 0);
    }

    pub fn finish(mut self) -> Vec<Instruction> {
        for (at, label) in self.jumps {
            let distance = self.places[label.0] as i64 - at as i64 - 1;
            self.program[at].offset = distance as i16;
        }
        self.program
    }
}

/// Takes two places: the second holds the upper half of the number.
const LOAD_NUMBER: u8 = 0x18;
/// As the source of LOAD_NUMBER: a map's descriptor, and an offset into its one value.
const MAP_VALUE: u8 = 2;
const JUMP: u8 = 0x05;
