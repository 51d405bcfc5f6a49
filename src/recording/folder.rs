//! Which files of a folder are its logs.

use std::fs;
use std::path::{Path, PathBuf};

use super::RecordingError;
use super::dialect::{Claim, Way, claim, names};
use super::source::{head, unreadable};

/// How deep folders are looked into, and how many files at most.
const DEEPEST: usize = 4;
const MAX_FILES: usize = 4096;
/// A weaker claim is not believed of a file that nobody named.
const BELIEVED: u8 = 50;
/// Files with other endings are passed over.
const ENDINGS: [&str; 7] = ["csv", "tsv", "json", "jsonl", "ndjson", "log", "txt"];

/// Files that belong together, with the name of their run.
pub(super) struct Group {
    pub name: String,
    pub files: Vec<PathBuf>,
    pub claim: Claim,
}

/// The logs of a folder: event files where there are any, a `trainer_state.json`, or whatever else is a log, and
/// what was passed over, in words.
///
/// # Errors
/// When the folder cannot be read, or has no log.
pub(super) fn find(folder: &Path) -> Result<(Vec<Group>, Vec<String>), RecordingError> {
    let mut files = Vec::new();
    let mut notes = Vec::new();
    list(folder, 0, &mut files).map_err(|cause| unreadable(folder, cause))?;
    if files.len() == MAX_FILES {
        notes.push(format!("only the first {MAX_FILES} files of the folder were looked at"));
    }
    let mut claimed: Vec<(PathBuf, Claim)> = Vec::new();
    for file in files {
        let Ok(head) = head(&file) else { continue };
        if let Some(claim) = claim(&head).filter(|claim| claim.evidence.score >= BELIEVED) {
            claimed.push((file, claim));
        }
    }
    let is_state = |(file, _): &&(PathBuf, Claim)| file.ends_with("trainer_state.json");
    if let Some(best) = claimed.iter().filter(is_state).max_by_key(|(file, _)| progress(folder, file)) {
        let others = claimed.len() - 1;
        if others > 0 {
            let shown = relative(folder, &best.0);
            notes.push(format!("of the folder `{shown}` was read; {others} other logs in it were not"));
        }
        let group = Group { name: String::new(), files: vec![best.0.clone()], claim: best.1.clone() };
        return Ok((vec![group], notes));
    }
    let is_events = |claim: &Claim| matches!(claim.dialect.way, Way::Events);
    let mut groups: Vec<Group> = Vec::new();
    if claimed.iter().any(|(_, claim)| is_events(claim)) {
        let before = claimed.len();
        claimed.retain(|(_, claim)| is_events(claim));
        if claimed.len() < before {
            let others = before - claimed.len();
            notes.push(format!("the event files were read; {others} other logs in the folder were not"));
        }
        for (file, claim) in claimed {
            let name = relative(folder, file.parent().unwrap_or(folder));
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.files.push(file),
                None => groups.push(Group { name, files: vec![file], claim }),
            }
        }
    } else {
        for (file, claim) in claimed {
            groups.push(Group { name: relative(folder, &file), files: vec![file], claim });
        }
    }
    if let [only] = groups.as_mut_slice() {
        only.name.clear();
    }
    if groups.is_empty() {
        return Err(RecordingError::NoLogInFolder { file: folder.to_owned(), known: names() });
    }
    Ok((groups, notes))
}

/// The files below a folder that may be logs, each folder's in the order of their names.
fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if files.len() == MAX_FILES {
            break;
        }
        // No link is followed: it may lead back.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() && depth < DEEPEST {
            // What cannot be looked into has no log for us.
            let _ = list(&path, depth + 1, files);
        } else if meta.is_file() && may_be_log(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn may_be_log(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    name.contains("tfevents") || ENDINGS.contains(&ending)
}

/// How far the training was: its last checkpoint's state is the longest; what stands in the folder itself is the end.
fn progress(folder: &Path, file: &Path) -> u64 {
    let parent = file.parent().unwrap_or(folder);
    if parent == folder {
        return u64::MAX;
    }
    let name = parent.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn relative(folder: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(folder).unwrap_or(file);
    let shown = inside.display().to_string();
    if shown.is_empty() { ".".to_owned() } else { shown }
}
