//! Scenarios: trainings where more than one curve of losses decides.

mod attacks;
mod directions;
mod double;
mod examples;
mod findings;
mod half_precision;
mod measured;
mod phases;
mod prequential;
mod schedulers;
mod stopping;
mod teams;
mod transfer;
