//! What a coordinate of a space stands for.

/// A coordinate from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number, where near coordinates are alike.
    Line,
    /// One of so many choices without an order, each an equal part of the way.
    Choices(usize),
}

/// Which of `count` choices a coordinate stands for.
pub fn choice(x: f64, count: usize) -> usize {
    ((x * count as f64) as usize).min(count.saturating_sub(1))
}
