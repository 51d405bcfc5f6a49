//! Exports: what each framework really does, and the texts that say it.

mod conformance;
mod golden;
mod resuming;
mod texts;
pub mod truth;
