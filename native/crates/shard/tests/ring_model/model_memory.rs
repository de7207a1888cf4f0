use std::sync::Arc;
use std::sync::atomic::Ordering;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, fence};
use shard::ring::RingMemory;

/// Small, so that few steps go all around.
pub const CAPACITY: usize = 64;

const HEADER: usize = 192;
const CELL: usize = 8;
/// `tail`, `dropped`, `head`, `sleeping`.
const WORDS: [usize; 4] = [0, 4, 64, 128];

/// A ring's memory in which loom watches every access: the header's words one by one, the data in pieces of 8 bytes,
/// which is what records are aligned to.
#[derive(Clone)]
pub struct ModelMemory(Arc<Parts>);

struct Parts {
    words: [AtomicU32; WORDS.len()],
    cells: Vec<UnsafeCell<[u8; CELL]>>,
}

// SAFETY: the cells are what loom watches, and it ends a run in which two threads use one at a time.
unsafe impl Sync for Parts {}

impl ModelMemory {
    /// An empty ring with `tail` and `head` at this position.
    pub fn new(position: u32) -> ModelMemory {
        ModelMemory(Arc::new(Parts {
            words: WORDS.map(|at| AtomicU32::new(if at == 0 || at == 64 { position } else { 0 })),
            cells: (0..CAPACITY / CELL)
                .map(|_| UnsafeCell::new([0; CELL]))
                .collect(),
        }))
    }

    fn word(&self, at: usize) -> &AtomicU32 {
        let index = WORDS.iter().position(|word| *word == at);
        &self.0.words[index.expect("a word of the header")]
    }

    /// Each touched cell, where in it, and how many bytes.
    fn pieces(
        &self,
        at: usize,
        len: usize,
    ) -> impl Iterator<Item = (&UnsafeCell<[u8; CELL]>, usize, usize)> {
        let (mut from, end) = (at - HEADER, at - HEADER + len);
        std::iter::from_fn(move || {
            if from == end {
                return None;
            }
            let within = from % CELL;
            let count = (CELL - within).min(end - from);
            let cell = &self.0.cells[from / CELL];
            from += count;
            Some((cell, within, count))
        })
    }
}

/// loom takes a sequentially consistent access for acquire and release alone, but knows such fences: one after every such
/// write is how processors do it.
impl RingMemory for ModelMemory {
    const MIN_CAPACITY: usize = CAPACITY;

    fn size(&self) -> usize {
        HEADER + CAPACITY
    }

    fn is_aligned(&self) -> bool {
        true
    }

    fn load(&self, at: usize, order: Ordering) -> u32 {
        self.word(at).load(order)
    }

    fn store(&self, at: usize, value: u32, order: Ordering) {
        self.word(at).store(value, order);
        if order == Ordering::SeqCst {
            fence(order);
        }
    }

    fn swap(&self, at: usize, value: u32, order: Ordering) -> u32 {
        let old = self.word(at).swap(value, order);
        if order == Ordering::SeqCst {
            fence(order);
        }
        old
    }

    fn read(&self, at: usize, mut into: &mut [u8]) {
        for (cell, within, count) in self.pieces(at, into.len()) {
            let (piece, rest) = into.split_at_mut(count);
            // SAFETY: no reference leaves the closure, and loom ends the run when another thread writes meanwhile.
            cell.with(|bytes| unsafe {
                piece.copy_from_slice(&(&*bytes)[within..within + count]);
            });
            into = rest;
        }
    }

    fn write(&self, at: usize, mut from: &[u8]) {
        for (cell, within, count) in self.pieces(at, from.len()) {
            let (piece, rest) = from.split_at(count);
            // SAFETY: as above.
            cell.with_mut(|bytes| unsafe {
                (&mut *bytes)[within..within + count].copy_from_slice(piece);
            });
            from = rest;
        }
    }

    fn zero(&self, at: usize, len: usize) {
        self.write(at, &vec![0; len]);
    }
}
