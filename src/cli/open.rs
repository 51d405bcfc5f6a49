//! `anneal [FILE]`: the studio, or training without one where there is no display.

use std::path::Path;

use super::{Failure, first, headless, read};

pub fn run(file: Option<&Path>) -> Result<(), Failure> {
    let experiment = match file {
        Some(file) => read(file)?,
        None => first()?,
    };
    if !has_display() {
        return without_display(&experiment, "there is no display");
    }
    without_display(&experiment, "no ui")
}

/// Whether windows can be opened here, as far as one can know without trying.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

#[expect(clippy::print_stderr, reason = "why there is no window")]
fn without_display(experiment: &crate::experiment::Experiment, why: &str) -> Result<(), Failure> {
    eprintln!("anneal: no studio ({why}); training \"{}\" here instead", experiment.name);
    headless::train(experiment, None, None)
}
