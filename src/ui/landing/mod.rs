//! What of the studio and of `anneal serve` lands in a library: our own training, and trainings of other programs.

mod live;
mod own;

pub use live::Follower;
pub use own::{keep, summaries, write};
