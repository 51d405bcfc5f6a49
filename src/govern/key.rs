//! Keys of people: the secret one in a file that only its owner reads, the public one as a text.

use std::fmt::{self, Display};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{hex, unhex};
use crate::files;

/// What public keys begin with in files.
const PREFIX: &str = "ed25519:";
/// The version of the key file that is read and written.
const VERSION: u32 = 1;

/// What was signed can be checked with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// What signs. Its file is its owner's only.
pub struct SecretKey {
    /// Whose it is.
    pub name: String,
    key: SigningKey,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the key {}: {cause}", file.display())]
    Read { file: PathBuf, cause: io::Error },
    #[error("cannot write the key {}: {cause}", file.display())]
    Write { file: PathBuf, cause: io::Error },
    #[error("{} is no signing key: {why}", file.display())]
    NotAKey { file: PathBuf, why: String },
    #[error("{} can be read by others (mode {mode:o}): `chmod 600` it, and make a new key if others may have it", file.display())]
    Open { file: PathBuf, mode: u32 },
    #[error("{0:?} is no public key: it is `ed25519:` and 64 hexadecimal digits")]
    NotPublic(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    anneal_key: u32,
    name: String,
    secret: String,
}

impl SecretKey {
    /// A new key, of the system's randomness.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate(name: &str) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// Writes a new file that only its owner may read (0600). One that is there is not replaced.
    ///
    /// # Errors
    /// When there is a file of that name, or it cannot be written.
    pub fn save(&self, file: &Path) -> Result<(), KeyError> {
        let failed = |cause| KeyError::Write { file: file.to_owned(), cause };
        let content =
            KeyFile { anneal_key: VERSION, name: self.name.clone(), secret: hex(&self.key.to_bytes()) };
        let text = toml::to_string(&content).map_err(|error| failed(io::Error::other(error)))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut open = options.open(file).map_err(failed)?;
        open.write_all(format!("# A signing key of Anneal Studio. Keep it secret.\n{text}").as_bytes())
            .and_then(|()| open.sync_all())
            .map_err(failed)
    }

    /// # Errors
    /// When the file cannot be read, is no key, or can be read by others.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        let failed = |cause| KeyError::Read { file: file.to_owned(), cause };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(file).map_err(failed)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Open { file: file.to_owned(), mode });
            }
        }
        let bytes = files::read(file, 1 << 16).map_err(|error| failed(error.into()))?;
        // What the parser would quote may be the secret, so its reasons are not passed on.
        let no_key = |why: &str| KeyError::NotAKey { file: file.to_owned(), why: why.to_owned() };
        let text = str::from_utf8(&bytes).map_err(|_| no_key("it is no text"))?;
        let read: KeyFile = toml::from_str(text).map_err(|_| {
            no_key("`anneal key FILE --name NAME` makes one; a .pub file is only its public part")
        })?;
        if read.anneal_key != VERSION {
            return Err(no_key("it is of another version"));
        }
        let seed = unhex(&read.secret).ok_or_else(|| no_key("its secret is not 64 hexadecimal digits"))?;
        Ok(Self { name: read.name, key: SigningKey::from_bytes(&seed) })
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex(&self.key.sign(message).to_bytes())
    }
}

impl PublicKey {
    /// Whether the holder of its secret signed this message.
    pub(super) fn signed(&self, message: &[u8], signature: &str) -> bool {
        let signature = unhex(signature).map(|bytes| Signature::from_bytes(&bytes));
        signature.is_some_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex(self.0.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = text.trim().strip_prefix(PREFIX).and_then(unhex);
        let key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        // A weak key would take any signature for its own.
        let key = key.filter(|key| !key.is_weak());
        key.map(Self).ok_or_else(|| KeyError::NotPublic(text.to_owned()))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
