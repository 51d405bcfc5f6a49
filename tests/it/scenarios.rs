//! Scenarios: trainings where more than one curve of losses decides.

mod attacks;
mod double;
mod findings;
mod phases;
mod stopping;
mod teams;
mod transfer;
