//! A folder of its own for each training of a library.

use std::io;
use std::path::{Path, PathBuf};

use super::LibraryError;

/// Makes a folder that no other training has, however many begin at the same time: the experiment's name and the
/// first number that is free.
///
/// # Errors
/// When the library's folder cannot be written to.
pub fn new_place(library: &Path, experiment: &str) -> Result<PathBuf, LibraryError> {
    let failed = |path: &Path, cause| LibraryError::Write { path: path.to_owned(), cause };
    std::fs::create_dir_all(library).map_err(|cause| failed(library, cause))?;
    let mut name = String::new();
    for c in experiment.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
        if name.len() > 60 {
            break;
        }
    }
    let name = name.trim_end_matches('-');
    let name = if name.is_empty() { "training" } else { name };
    let mut number: u64 = 1;
    loop {
        let place = library.join(format!("{name}-{number:04}"));
        match std::fs::create_dir(&place) {
            Ok(()) => return Ok(place),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(cause) => return Err(failed(&place, cause)),
        }
    }
}
