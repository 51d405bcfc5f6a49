//! Sweeps: the section of the file, the searches, pruning, the journal and the command.

mod command;
mod cooldowns;
mod file;
mod population;
mod search;
pub mod support;
mod trials;
