//! Where a client finds the API: a file that only the user can read, with the address and the token.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files;

/// The largest such file that is read.
const MAX_BYTES: u64 = 4096;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    pub url: String,
    pub token: String,
    pub pid: u32,
    pub api: u32,
}

/// The file, for as long as the API is served; dropping it removes it, unless another program's is there by
/// now.
#[derive(Debug)]
pub struct Door {
    path: PathBuf,
    sign: Sign,
}

impl Door {
    /// Writes the file, in a folder that only the user can enter.
    ///
    /// # Errors
    /// When there is no such place, or it cannot be written to.
    pub fn open(path: &Path, url: &str, token: &str) -> io::Result<Self> {
        let sign = Sign { url: url.to_owned(), token: token.to_owned(), pid: std::process::id(), api: 1 };
        if let Some(folder) = path.parent() {
            make_private(folder)?;
        }
        let text = serde_json::to_string(&sign).map_err(io::Error::other)?;
        write_private(path, &(text + "\n"))?;
        Ok(Self { path: path.to_owned(), sign })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let there = files::read(&self.path, MAX_BYTES).ok();
        let there: Option<Sign> = there.and_then(|text| serde_json::from_slice(&text).ok());
        if there.as_ref() == Some(&self.sign) {
            // One that stays names a process that is gone, which clients find out.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Where the file is for this user: in the session's own folder, or else in the home folder.
pub fn usual_place() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_RUNTIME_DIR").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(folder.join("anneal-studio").join("api.json"))
}

/// Reads a token from a file of the user's own; what only it can be read by is not checked, but said.
///
/// # Errors
/// When it cannot be read, or holds no token of at least 16 characters.
pub fn token_from(path: &Path) -> io::Result<String> {
    let bytes = files::read(path, MAX_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let token = text.trim();
    let is_one = token.len() >= 16 && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_one {
        let why = "it holds no token: at least 16 letters and digits are meant";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(token.to_owned())
}

/// Whether others than the user can read a file.
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).is_ok_and(|there| there.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// A new file takes the place of what is there: the token is never in one that others could read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // On unix such a file is the user's alone from its beginning.
    let mut file = tempfile::Builder::new().prefix(".api-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_token_is_in_a_file_that_only_the_user_can_read_and_goes_with_the_server() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("anneal-studio/api.json");
        let door = Door::open(&path, "http://127.0.0.1:7117", "0123456789abcdef").expect("opened");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
        assert!(!is_open_to_others(&path));
        drop(door);
        assert!(!path.exists());
    }

    #[test]
    fn the_file_of_a_newer_server_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("api.json");
        let older = Door::open(&path, "http://127.0.0.1:7117", "first").expect("opened");
        let newer = Door::open(&path, "http://127.0.0.1:7118", "second").expect("opened");
        drop(older);
        assert!(path.exists());
        drop(newer);
        assert!(!path.exists());
    }

    #[test]
    fn a_token_of_ones_own_is_read_and_a_short_one_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        fs::write(&path, "0123456789abcdef\n").expect("written");
        assert_eq!(token_from(&path).expect("a token"), "0123456789abcdef");
        fs::write(&path, "short\n").expect("written");
        assert!(token_from(&path).is_err());
    }
}
