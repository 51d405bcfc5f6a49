//! Writing a whole file: regular files are replaced in one step, pipes and devices are written into.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Links that are followed before they are called a loop, as Linux does.
const LINKS: usize = 40;
const PREFIX: &str = ".anneal-";
const SUFFIX: &str = ".tmp";

/// Where the bytes of an output go.
enum Target {
    /// A regular file, or a name nothing has yet.
    Regular(PathBuf),
    /// A pipe, a device, or a descriptor of this process: its reader has it open already.
    Into(PathBuf),
}

/// Writes a file beside `path` and puts it in its place once it is whole on the disk. What a link leads to is
/// replaced, not the link; mode and owner stay. A pipe or a device is written into instead, and a reader that
/// left early is no error.
///
/// # Errors
/// When the folder cannot be written to, the disk is full, or the file there is read-only; the file
/// at `path` is then as it was.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    match target(path)? {
        Target::Regular(path) => replace_regular(&path, write),
        Target::Into(path) => {
            // Appending, so that a descriptor that was opened on a regular file keeps what it has.
            match OpenOptions::new().append(true).open(path).and_then(|mut file| write(&mut file)) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written,
            }
        }
    }
}

fn target(path: &Path) -> io::Result<Target> {
    let mut at = path.to_owned();
    for _ in 0..LINKS {
        // `/dev/stdout` and its like lead to descriptors, whose links name what cannot be opened by name.
        if fs::canonicalize(folder_of(&at)).is_ok_and(|folder| is_of_descriptors(&folder)) {
            return Ok(Target::Into(at));
        }
        match fs::symlink_metadata(&at) {
            Ok(there) if there.is_symlink() => at = folder_of(&at).join(fs::read_link(&at)?),
            Ok(there) if there.is_file() => return Ok(Target::Regular(at)),
            Ok(there) if there.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder is there"));
            }
            Ok(_) => return Ok(Target::Into(at)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Target::Regular(at)),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "its links lead in a circle"))
}

fn is_of_descriptors(folder: &Path) -> bool {
    folder.starts_with("/proc") || folder == Path::new("/dev/fd")
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn replace_regular(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| old.permissions().readonly()) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    sweep(folder);
    let mut file = beside(folder)?;
    write(file.as_file_mut())?;
    if let Some(old) = &old {
        if !keep_owner(file.as_file(), old) {
            return overwrite(file, path);
        }
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name is on the disk for good once the folder is. The file is already replaced, and
    // some file systems cannot synchronise a folder, so a failure here does not mean the save failed.
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// A new file in the folder, locked: as long as it is, no other process takes it for a dead one's.
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file: the person's umask decides.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder)?;
        // Some file systems have no locks; what a kill leaves there stays.
        let _ = file.as_file().lock();
        // Another process may have swept it away before it was locked.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// Gives the new file the old one's owner and group; `false` where that is not allowed.
fn keep_owner(new: &File, old: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let owner = |file: &fs::Metadata| (file.uid(), file.gid());
        let is_kept = |new: fs::Metadata| owner(&new) == owner(old);
        new.metadata().is_ok_and(is_kept) || fchown(new, Some(old.uid()), Some(old.gid())).is_ok()
    }
    #[cfg(not(unix))]
    {
        let _ = (new, old);
        true
    }
}

/// The new bytes into the old file, which keeps its owner: somebody else's that we may write to, but not give away.
fn overwrite(new: NamedTempFile, path: &Path) -> io::Result<()> {
    let mut from = new.reopen()?;
    let mut into = OpenOptions::new().write(true).truncate(true).open(path)?;
    io::copy(&mut from, &mut into)?;
    into.sync_all()
}

/// Deletes the halves of files that killed processes left in a folder. A failure only leaves them there.
pub fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        // Nothing else is opened: a pipe of that name would never open.
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // Whoever still writes it holds its lock.
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_full_disk_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.toml");
        fs::write(&path, "old").unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"half of the new")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_kill_left_is_swept_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".anneal-dead.tmp");
        fs::write(&left, "half").unwrap();
        let writing = beside(folder.path()).unwrap();
        let path = folder.path().join("whole.txt");
        replace(&path, |file| file.write_all(b"whole")).unwrap();
        assert!(!left.exists() && writing.path().exists());
    }
}
