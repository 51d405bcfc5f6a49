//! Whole numbers of a request: those that every reader of JSON keeps exactly.

use serde::Deserialize;

/// The largest: what is counted on from there for a while is still one.
const MOST: u64 = 1 << 52;

/// A count, at most 2^52.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Whole(pub u64);

impl TryFrom<u64> for Whole {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if value > MOST {
            Err(format!("{value} counts nothing here: at most {MOST} is meant"))
        } else {
            Ok(Self(value))
        }
    }
}
