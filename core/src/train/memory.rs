//! Whether something fits into the memory there is, before any of it is allocated.

use super::TrainError;
use crate::machine;

/// What small things and the allocator take beside what is counted.
const SPARE: f64 = 32e6;

/// # Errors
/// When so many bytes are more than what is free.
pub fn is_free(bytes: f64) -> Result<(), TrainError> {
    let needed = bytes * 1.05 + SPARE;
    match machine::free_memory() {
        Some(free) if needed > free as f64 => {
            // A float beyond the integers becomes the largest of them.
            Err(TrainError::Memory { needed: machine::bytes(needed as u64), free: machine::bytes(free) })
        }
        _ => Ok(()),
    }
}
