//! What of the studio and of `anneal serve` lands in a library: our own training, our sweeps, and trainings of other programs.

mod live;
mod own;
mod sweep;

pub use live::Follower;
pub use own::{keep, summaries, write};
pub use sweep::keep as keep_sweep;
