//! A schedule as code that is governed: every change of an experiment file recorded, signed, approved, and held to a
//! policy.
//!
//! Beside `digits.toml` lie `digits.history.jsonl`, a hash-chained log of its changes, `digits.history.head`, which
//! says where that log ends, and `digits.signatures.jsonl`. The file stays the truth about the experiment; the log is
//! the truth about how it came to be.

mod changes;
mod entry;
mod history;
mod key;
mod policy;
mod record;
mod signature;
mod verdict;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use changes::{Changed, changes};
pub use entry::Entry;
pub use history::{Fault, Head, History, HistoryError};
pub use key::{KeyError, PublicKey, SecretKey};
pub use policy::{Bounds, Person, Policy, PolicyError};
pub use record::{Change, Recorded, record, saving, who};
pub use signature::{Checked, Role, Signature, SignatureError, Signatures, sign};
pub use verdict::{Refusal, judge};

/// The SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that a hexadecimal text says; nothing where it is not of that length.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A file that lies beside an experiment, by its name's ending. A link's is beside what the link leads to.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    file.with_extension(ending)
}
