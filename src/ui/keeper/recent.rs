//! The files that were opened or saved last.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files;

/// As many as a menu shows.
const MOST: usize = 12;
const MAX_BYTES: u64 = 1 << 20;

/// Files, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Recent(Vec<PathBuf>);

impl Recent {
    pub(super) fn path(state: &Path) -> PathBuf {
        state.join("recent.json")
    }

    /// Those that were noted; none where the list cannot be read, which costs nobody any work.
    pub(super) fn open(state: &Path) -> Self {
        let bytes = files::read(&Self::path(state), MAX_BYTES).unwrap_or_default();
        let paths: Vec<String> = serde_json::from_slice(&bytes).unwrap_or_default();
        Self(paths.into_iter().map(PathBuf::from).take(MOST).collect())
    }

    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.0
    }

    /// Puts a file first; whether that changed anything.
    pub(super) fn add(&mut self, path: &Path) -> bool {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if path.to_str().is_none() || self.0.first() == Some(&path) {
            return false;
        }
        self.0.retain(|other| *other != path);
        self.0.insert(0, path);
        self.0.truncate(MOST);
        true
    }

    pub(super) fn to_json(&self) -> io::Result<String> {
        let paths: Vec<&str> = self.0.iter().filter_map(|path| path.to_str()).collect();
        Ok(serde_json::to_string_pretty(&paths)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_files_come_first_and_none_twice() {
        let mut recent = Recent::default();
        for number in 0..20 {
            assert!(recent.add(Path::new(&format!("/nowhere/{number}.toml"))));
        }
        assert!(recent.add(Path::new("/nowhere/15.toml")) && !recent.add(Path::new("/nowhere/15.toml")));
        let paths = recent.paths();
        assert_eq!((paths.len(), paths[0].to_str()), (MOST, Some("/nowhere/15.toml")));
        assert_eq!(paths[1].to_str(), Some("/nowhere/19.toml"));
        let folder = tempfile::tempdir().unwrap();
        fs::write(Recent::path(folder.path()), recent.to_json().unwrap()).unwrap();
        assert_eq!(Recent::open(folder.path()), recent);
        fs::write(Recent::path(folder.path()), "[").unwrap();
        assert_eq!(Recent::open(folder.path()), Recent::default());
    }
}
