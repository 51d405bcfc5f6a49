//! Working memory of one lane, allocated once and cut into pieces by each call.

use bytemuck::{Pod, Zeroable};

/// One cache line, so that every piece starts on one.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Memory for numbers that live no longer than one call, and the cores that the call may use.
#[derive(Clone)]
pub struct Scratch {
    lines: Vec<Line>,
    /// Cores of the pool that calls, 1 for the calling thread alone.
    pub cores: usize,
}

impl Scratch {
    /// Memory for `numbers` numbers, and for each piece's share of its last cache line.
    pub fn new(numbers: usize) -> Self {
        Self { lines: vec![Line::zeroed(); numbers.div_ceil(16)], cores: 1 }
    }

    /// All of it, to be cut by [`cut`].
    pub fn all(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }
}

/// Takes the first `len` numbers (rounded up to a cache line) off `rest`.
///
/// # Panics
/// When less is left: the scratch was made for another batch size, which is a mistake in the program.
pub fn cut<'a>(rest: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let (piece, tail) = std::mem::take(rest).split_at_mut(len.next_multiple_of(16));
    *rest = tail;
    &mut piece[..len]
}
