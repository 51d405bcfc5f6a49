//! A folder of its own in a library, for what a command is about to train.

use std::path::PathBuf;

use super::{Failure, output};
use crate::library::{Index, new_place};

/// A new folder in a library.
pub(super) struct Landing {
    library: PathBuf,
    place: PathBuf,
    /// Whether the library was made for it.
    is_new: bool,
}

impl Landing {
    /// In the library that was named, or else in `ANNEAL_LIBRARY`; nothing where another folder is `taken`, or there is
    /// no library.
    ///
    /// # Errors
    /// When the library cannot be written to.
    pub fn of(named: Option<PathBuf>, taken: bool, name: &str) -> Result<Option<Self>, Failure> {
        let library = named.or_else(usual).filter(|_| !taken);
        let Some(library) = library else { return Ok(None) };
        let is_new = !library.exists();
        let place = new_place(&library, name).map_err(anyhow::Error::from)?;
        Ok(Some(Self { library, place, is_new }))
    }

    pub fn place(&self) -> PathBuf {
        self.place.clone()
    }

    pub fn library(&self) -> PathBuf {
        self.library.clone()
    }

    /// Takes it into the index, and says where it is; of what never began nothing is left.
    pub fn add(self) {
        if std::fs::remove_dir(&self.place).is_ok() {
            if self.is_new {
                let _ = std::fs::remove_dir(&self.library);
            }
            return;
        }
        let added = Index::open(&self.library).and_then(|mut index| index.add(&self.place));
        let place = self.place.display();
        output::say(match added {
            Ok(true) => format!("anneal: in the library as {place}"),
            Ok(false) => return,
            // The files are the truth, and the next look at the library finds them.
            Err(error) => format!("anneal: {place} is not in the index yet: {error}"),
        });
    }
}

/// The library that is used where none is named.
pub(super) fn usual() -> Option<PathBuf> {
    std::env::var_os("ANNEAL_LIBRARY").filter(|name| !name.is_empty()).map(PathBuf::from)
}
