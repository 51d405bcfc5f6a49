//! Where in a file that is said which cannot be trained.

use std::path::Path;

use anyhow::anyhow;

use super::{Failure, is_of_the_file};
use crate::files;
use crate::import::MAX_BYTES;
use crate::train::{Misfit, TrainError};

/// The error, with the line of the file that it is about where one can be found.
pub fn placed(file: &Path, error: TrainError) -> Failure {
    let TrainError::Misfit(misfit) = &error else { return error.into() };
    if !is_of_the_file(misfit) {
        return error.into();
    }
    // A file that cannot be read again is told without a line.
    let text =
        files::read(file, MAX_BYTES).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let line =
        sign(misfit).and_then(|sign| line(&text, &sign)).map_or_else(String::new, |line| format!(":{line}"));
    Failure::BadFile(anyhow!("{}{line}: {error}", file.display()))
}

/// What the line says that asks for it.
fn sign(misfit: &Misfit) -> Option<String> {
    Some(match misfit {
        Misfit::Batch { workers: 2.., .. } => "workers".to_owned(),
        Misfit::Batch { .. } => "batch_size".to_owned(),
        Misfit::LastBatch { .. } => "drop_last".to_owned(),
        Misfit::Clients { .. } => "clients".to_owned(),
        Misfit::Phase { name, .. } | Misfit::LatePhase { name, .. } => format!("{name:?}"),
        Misfit::Group { group, .. } => format!("{group:?}"),
        Misfit::ScheduledBatch { run, .. } => format!("{run:?}"),
        _ => return None,
    })
}

/// The first line, from 1, that says so and is no comment. A key is no word of a name: `=` comes after it.
fn line(text: &str, sign: &str) -> Option<usize> {
    let asks = |rest: &str| sign.starts_with('"') || rest.trim_start().starts_with('=');
    let says = |line: &str| !line.trim_start().starts_with('#') && line.split(sign).skip(1).any(asks);
    text.lines().position(says).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misfit_is_told_with_its_line_and_comments_are_passed_over() {
        let text = "# two clients\nname = \"clients that drift\"\n[federated]\nclients = 2000\n";
        assert_eq!(line(text, &sign(&Misfit::Clients { clients: 2000, samples: 5 }).unwrap()), Some(4));
        assert_eq!(line("[[run]]\nname = \"one\"\n", "\"one\""), Some(2));
        assert_eq!(line(text, "batch_size"), None);
        assert!(sign(&Misfit::NoData).is_none());
    }
}
