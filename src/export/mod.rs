//! Exports: a tuned schedule as another framework's code or configuration, and what that framework will
//! really do with it, update by update.

pub mod simulate;
