//! Data on stdout.

use std::io::{self, Write};

/// Writes data to stdout. A reader that has seen enough (`anneal schedule f | head`) is no error.
///
/// # Errors
/// When stdout cannot be written to.
pub fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if closed(&error) => Ok(()),
        written => written,
    }
}

/// Whether an error only says that nobody reads any more.
pub fn closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
