//! Sweeps: the section of the file, the searches, pruning, the journal and the command.

mod command;
mod file;
mod search;
mod support;
mod trials;
