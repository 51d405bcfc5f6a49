//! A run in equal steps, after each of which trials are compared.

/// Equal parts of a run.
pub const STEPS: u64 = 20;

/// What a trial that is still trained has shown: its number and its badness after each step so far.
pub struct Racing<'a> {
    pub trial: usize,
    pub curve: &'a [(u64, f64)],
}
