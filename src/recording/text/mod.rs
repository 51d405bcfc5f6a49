//! Text that programs print while they train, a line a log: `step 10 | loss 2.3 | lr 1e-4`. [`scan`] finds names
//! with their numbers in a line, [`log`] makes rows of them.

pub(super) mod log;
mod scan;
