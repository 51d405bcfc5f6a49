//! Signatures of an experiment file: that its author means it, and that others approve of it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::history::{Fault, Head, History};
use super::{PublicKey, SecretKey, beside, sha256};
use crate::files;
use crate::machine;

/// What is signed begins with this, so that no signature of ours says anything elsewhere.
const DOMAIN: &str = "anneal-studio signature 1\n";
/// Bytes of the longest file of signatures that is read.
const LARGEST: u64 = 16 << 20;

/// What a signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The signer made this version and means it.
    Author,
    /// The signer has looked at it and approves.
    Approval,
}

/// What is signed: the file's bytes, and where its log ended, which ties the whole log to the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    role: Role,
    by: String,
    at: u64,
    why: String,
    /// The SHA-256 of the file's bytes.
    sha256: String,
    history: Head,
}

/// One line of `NAME.signatures.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    statement: Statement,
    key: PublicKey,
    signature: String,
}

/// What a signature is worth for a file as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    Good,
    /// It is a good one, of another version of the file.
    OfAnotherVersion {
        entry: u64,
    },
    /// It was not made with its key, or what it says was altered.
    Bad,
    /// The log it was made over is not the one that is there.
    History(Fault),
}

/// Why signatures cannot be read or added.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("cannot read {}: {cause}", file.display())]
    Read { file: PathBuf, cause: io::Error },
    #[error("cannot write {}: {cause}", file.display())]
    Write { file: PathBuf, cause: io::Error },
    #[error("the file is not recorded in its change log: `anneal history FILE --record` does that")]
    NotRecorded,
}

impl Signature {
    pub fn role(&self) -> Role {
        self.statement.role
    }

    /// Who signed, by their own account; the key is what proves it.
    pub fn by(&self) -> &str {
        &self.statement.by
    }

    pub fn at(&self) -> u64 {
        self.statement.at
    }

    pub fn why(&self) -> &str {
        &self.statement.why
    }

    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Holds it against the file's bytes and its log.
    pub fn check(&self, bytes: &[u8], history: &History) -> Checked {
        match message(&self.statement) {
            Ok(message) if self.key.signed(&message, &self.signature) => {}
            _ => return Checked::Bad,
        }
        if let Some(fault) = history.anchored(&self.statement.history, "a signature") {
            return Checked::History(fault);
        }
        if self.statement.sha256 == sha256(bytes) {
            Checked::Good
        } else {
            Checked::OfAnotherVersion { entry: self.statement.history.number }
        }
    }
}

fn message(statement: &Statement) -> serde_json::Result<Vec<u8>> {
    Ok(format!("{DOMAIN}{}", serde_json::to_string(statement)?).into_bytes())
}

/// The signatures beside an experiment file.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    /// In the order they were made.
    pub all: Vec<Signature>,
    /// Lines that are none, from 1.
    pub unread: Vec<usize>,
}

impl Signatures {
    pub fn file(file: &Path) -> PathBuf {
        beside(file, "signatures.jsonl")
    }

    /// # Errors
    /// When the file of signatures is there and cannot be read.
    pub fn read(file: &Path) -> Result<Self, SignatureError> {
        let path = Self::file(file);
        let bytes = match files::read(&path, LARGEST) {
            Ok(bytes) => bytes,
            Err(files::ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(SignatureError::Read { file: path, cause: error.into() }),
        };
        let mut signatures = Self::default();
        for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(signature) => signatures.all.push(signature),
                Err(_) => signatures.unread.push(at + 1),
            }
        }
        Ok(signatures)
    }
}

/// Signs the file as it is and its log as far as it goes, and adds the signature to those beside it.
///
/// # Errors
/// When the newest entry of the log is of other bytes, or the signature cannot be written.
pub fn sign(
    file: &Path,
    bytes: &[u8],
    history: &History,
    key: &SecretKey,
    role: Role,
    why: &str,
) -> Result<Signature, SignatureError> {
    let path = Signatures::file(file);
    let failed = |cause| SignatureError::Write { file: path.clone(), cause };
    let head = history.head().filter(|_| history.is_of(bytes)).ok_or(SignatureError::NotRecorded)?;
    let statement = Statement {
        role,
        by: key.name.clone(),
        at: machine::seconds_since_1970(),
        why: why.to_owned(),
        sha256: sha256(bytes),
        history: head,
    };
    let signed = key.sign(&message(&statement).map_err(|error| failed(error.into()))?);
    let signature = Signature { statement, key: key.public(), signature: signed };
    let line = serde_json::to_string(&signature).map_err(|error| failed(error.into()))?;
    let mut open = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
    open.write_all(format!("{line}\n").as_bytes()).and_then(|()| open.sync_data()).map_err(failed)?;
    Ok(signature)
}
