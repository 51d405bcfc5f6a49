//! What people add to a training: tags, a star, a note; a file in its folder.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::LibraryError;
use crate::files;

/// Its name in a training's folder.
pub(super) const NAME: &str = "library.json";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Marks {
    pub tags: BTreeSet<String>,
    pub star: bool,
    pub note: String,
}

impl Marks {
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(folder: &Path) -> Result<Self, LibraryError> {
        let path = folder.join(NAME);
        match files::read(&path, 1 << 20) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| LibraryError::BadFile { path, why: error.to_string() }),
            Err(files::ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(error) => Err(LibraryError::Read { path, cause: error.into() }),
        }
    }

    /// # Errors
    /// When the folder cannot be written to.
    pub fn save(&self, folder: &Path) -> Result<(), LibraryError> {
        let path = folder.join(NAME);
        let failed = |cause| LibraryError::Write { path: path.clone(), cause };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        files::replace(&path, |file| writeln!(file, "{text}")).map_err(failed)
    }
}
