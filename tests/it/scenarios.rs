//! Scenarios: trainings where more than one curve of losses decides.

mod phases;
mod stopping;
mod teams;
mod transfer;
