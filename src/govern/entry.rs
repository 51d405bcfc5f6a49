//! One line of a change log: what was changed, and the hash that ties it to the line before.

use serde::{Deserialize, Serialize};

use super::{Changed, sha256};

/// What the first entry follows.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What stands between an entry and its hash.
const SEPARATOR: &str = ",\"hash\":\"";

/// One recorded version of an experiment file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// From 1 on, without gaps.
    pub number: u64,
    /// When, in seconds since 1970 (UTC), by the clock of the machine that wrote it.
    pub at: u64,
    /// Who, by their own account: a signature is what proves it.
    pub by: String,
    /// What wrote it: `studio`, `command line`, `api`, or `outside` for a change that none of them made.
    pub through: String,
    pub why: String,
    /// The update of a training from which on the change was in effect, where one was under way.
    pub update: Option<u64>,
    /// The fields that differ from the version before.
    pub changes: Vec<Changed>,
    /// The SHA-256 of the file's bytes.
    pub sha256: String,
    /// The file.
    pub text: String,
    /// The hash of the entry before.
    pub previous: String,
}

impl Entry {
    /// The line of the log without its line end, and its hash: the SHA-256 of the line up to the hash itself, which
    /// holds the hash of the line before.
    pub(super) fn line(&self) -> serde_json::Result<(String, String)> {
        let mut line = serde_json::to_string(self)?;
        line.pop();
        let hash = sha256(line.as_bytes());
        line += &format!("{SEPARATOR}{hash}\"}}");
        Ok((line, hash))
    }

    /// The entry of a line and its hash; the reason where it is none, or not as it was written.
    pub(super) fn read(line: &str) -> Result<(Self, String), String> {
        let sealed = line.strip_suffix("\"}").and_then(|line| line.rsplit_once(SEPARATOR));
        let (entry, hash) = sealed.ok_or("it does not end with a hash")?;
        if sha256(entry.as_bytes()) != hash {
            return Err("it was altered: its hash is another one".to_owned());
        }
        let read: Self = serde_json::from_str(&format!("{entry}}}")).map_err(|error| error.to_string())?;
        if sha256(read.text.as_bytes()) != read.sha256 {
            return Err("its text is not the one whose hash it names".to_owned());
        }
        Ok((read, hash.to_owned()))
    }
}
