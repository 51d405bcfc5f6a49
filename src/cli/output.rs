//! Data on stdout, words on stderr.

use std::fmt::Display;
use std::io::{self, Write};

use crate::plain;

/// Writes data to stdout. A reader that has seen enough (`anneal schedule f | head`) is no error.
///
/// # Errors
/// When stdout cannot be written to.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if closed(&error) => Ok(()),
        written => written,
    }
}

/// Whether an error only says that nobody reads any more.
pub fn closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Says something on stderr, on a line of its own. Words are less than results: a stderr that is full, closed or
/// read by nobody stops nothing.
pub fn say(text: impl Display) {
    let mut line = plain::message(&text.to_string());
    line.push('\n');
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
