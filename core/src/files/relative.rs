//! A path as seen from a folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// `path` relative to `folder`, so that both can be moved together; the absolute path where they share no folder
/// but the root. Links are resolved first, since `..` leads out of what a link leads to.
pub fn relative(path: &Path, folder: &Path) -> PathBuf {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let whole = |path: &Path| {
        fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
    };
    // Of the file the folder only: the name of a link is what was written.
    let path = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            whole(if parent == Path::new("") { Path::new(".") } else { parent }).join(name)
        }
        _ => whole(path),
    };
    let folder = whole(folder);
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b);
    let common: Vec<Component<'_>> = shared.map(|(a, _)| a).collect();
    if !common.iter().any(|part| matches!(part, Component::Normal(_))) {
        return path;
    }
    let up = folder.components().skip(common.len()).map(|_| Component::ParentDir);
    up.chain(path.components().skip(common.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("a/b")).unwrap();
        assert_eq!(relative(&at("a/mine.csv"), &at("a")), Path::new("mine.csv"));
        assert_eq!(relative(&at("mine.csv"), &at("a/b")), Path::new("../../mine.csv"));
        assert_eq!(relative(Path::new("/mine.csv"), &at("a")), Path::new("/mine.csv"));
    }
}
