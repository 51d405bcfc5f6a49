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
    /// Lines that all cores share.
    shared: usize,
    /// Lines of each core.
    own: usize,
    cores: usize,
}

/// A scratch as one call uses it.
pub struct Memory<'a> {
    /// For all cores.
    pub shared: &'a mut [f32],
    /// For each core as much, one after the other.
    pub own: &'a mut [f32],
    /// Cores of the pool that calls, 1 for the calling thread alone.
    pub cores: usize,
}

impl Scratch {
    /// Memory for one core: `shared` numbers and, of what each core needs, `own`. Every piece that is cut
    /// needs its share of its last cache line.
    pub fn new(shared: usize, own: usize) -> Self {
        let [shared, own] = [shared, own].map(|numbers| numbers.div_ceil(16));
        Self { lines: vec![Line::zeroed(); shared + own], shared, own, cores: 1 }
    }

    pub fn cores(&self) -> usize {
        self.cores
    }

    /// Lets calls use so many cores of the pool that calls.
    pub fn spread(&mut self, cores: usize) {
        self.cores = cores.max(1);
        self.lines.resize(self.shared + self.cores * self.own, Line::zeroed());
    }

    /// All of it, to be cut by [`cut`].
    pub fn all(&mut self) -> Memory<'_> {
        let (shared, own) = self.lines.split_at_mut(self.shared);
        let [shared, own] = [shared, own].map(bytemuck::cast_slice_mut);
        Memory { shared, own, cores: self.cores }
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
