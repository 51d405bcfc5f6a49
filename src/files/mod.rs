//! Files: replaced whole or not at all, read within bounds, and folders with one writer at a time.

mod date;
mod lock;
mod read;
mod relative;
mod replace;
mod seal;

use std::fs;
use std::path::Path;

pub use date::date;
pub use lock::{Lock, LockError};
pub use read::{Lines, ReadError, STANDARD_INPUT, input, open, read, read_input};
pub use relative::relative;
pub use replace::{replace, sweep};
pub use seal::{Seal, Sealing};

/// Whether two names lead to the same file or folder, however they are spelled and whatever links they go through.
/// A name that leads nowhere is the same as none.
pub fn same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path| fs::metadata(path).map(|there| (there.dev(), there.ino()));
        matches!((identity(a), identity(b)), (Ok(a), Ok(b)) if a == b)
    }
    #[cfg(not(unix))]
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}
