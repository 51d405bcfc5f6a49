//! Files: replaced whole or not at all, read within bounds, and folders with one writer at a time.

mod date;
mod lock;
mod places;
mod read;
mod relative;
mod replace;
mod seal;

use std::fs;
use std::io;
use std::path::Path;

pub use date::date;
pub use lock::{Lock, LockError};
pub use places::Places;
pub use read::{Lines, ReadError, STANDARD_INPUT, input, open, read, read_input};
pub use relative::relative;
pub use replace::{replace, sweep};
pub use seal::{Seal, Sealing};

/// A folder, with those above it, that only its owner looks into where the system knows owners. One that is there
/// stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

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
