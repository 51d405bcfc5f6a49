//! Small TOML files of the studio's own, in which something is kept between starts.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::files;

const MAX_BYTES: u64 = 1 << 20;

/// What a file holds; nothing yet where there is none. `what` names what it keeps, for people.
///
/// # Errors
/// When there is a file and it holds something else: what is wrong with it, for people to read.
pub fn read<T: DeserializeOwned + Default>(path: &Path, what: &str) -> Result<T, String> {
    if !path.exists() {
        return Ok(T::default());
    }
    let bytes = files::read(path, MAX_BYTES).map_err(|error| error.to_string());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
    text.and_then(|text| toml::from_str(&text).map_err(|error| error.to_string()))
        .map_err(|error| format!("The {what} in {} are not used: {}", path.display(), error.trim_end()))
}
