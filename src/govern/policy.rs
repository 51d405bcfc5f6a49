//! A policy file: who may approve of experiments, how many have to, and which rates are allowed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::PublicKey;
use crate::files;

/// The version of the policy file that is read.
const VERSION: u32 = 1;

/// What has to hold before an experiment is trained.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    anneal_policy: u32,
    /// Who is known, by the public key.
    #[serde(default, rename = "person")]
    pub people: Vec<Person>,
    #[serde(default)]
    pub approvals: Approvals,
    /// Whether somebody known has to have signed the file as its author.
    #[serde(default)]
    pub author: bool,
    /// The rates of all updates.
    pub rate: Option<Bounds>,
    /// Whether a controller may change rates while training, which nobody can know beforehand.
    #[serde(default)]
    pub controllers: bool,
}

/// A known person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub name: String,
    pub key: PublicKey,
}

/// How many approvals of whom.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    pub needed: usize,
    /// Whose count; everybody's who is known where nobody is named.
    #[serde(default)]
    pub of: Vec<String>,
    /// Whether the author's own approval counts.
    #[serde(default)]
    pub author_counts: bool,
}

/// The least and the greatest value that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    #[serde(default)]
    pub min: f64,
    pub max: f64,
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("cannot read the policy {}: {cause}", file.display())]
    Read { file: PathBuf, cause: std::io::Error },
    #[error("{} is no policy: {why}", file.display())]
    NotAPolicy { file: PathBuf, why: String },
}

impl Policy {
    /// # Errors
    /// When the file cannot be read, or says what cannot be.
    pub fn read(file: &Path) -> Result<Self, PolicyError> {
        let read = |cause| PolicyError::Read { file: file.to_owned(), cause };
        let bytes = files::read(file, 1 << 20).map_err(|error| read(error.into()))?;
        let why = |why: String| PolicyError::NotAPolicy { file: file.to_owned(), why };
        let text = str::from_utf8(&bytes).map_err(|error| why(error.to_string()))?;
        Self::parse(text).map_err(why)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let policy: Self = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
        if policy.anneal_policy != VERSION {
            return Err(format!("anneal_policy is {}, and {VERSION} is read", policy.anneal_policy));
        }
        let mut keys: BTreeMap<String, &str> = BTreeMap::new();
        for person in &policy.people {
            if let Some(other) = keys.insert(person.key.to_string(), &person.name) {
                return Err(format!(
                    "\"{other}\" and \"{}\" have one key: they would count twice",
                    person.name
                ));
            }
        }
        let mut names: Vec<&str> = keys.into_values().collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("\"{}\" is there twice", twice[0]));
        }
        if let Some(unknown) = policy.approvals.of.iter().find(|name| !names.contains(&name.as_str())) {
            return Err(format!("approvals.of names \"{unknown}\", and there is no [[person]] of that name"));
        }
        let can = if policy.approvals.of.is_empty() { names.len() } else { policy.approvals.of.len() };
        if policy.approvals.needed > can {
            let needed = policy.approvals.needed;
            return Err(format!("{needed} approvals are needed, and only {can} people may approve"));
        }
        if policy.author && policy.people.is_empty() {
            return Err("an author has to sign, and no [[person]] is known".to_owned());
        }
        if let Some(Bounds { min, max }) = policy.rate
            && !(min >= 0.0 && max >= min && max.is_finite())
        {
            return Err(format!("rate bounds {min} to {max}: 0 <= min <= max is needed"));
        }
        Ok(policy)
    }

    /// Who a key belongs to.
    pub fn holder(&self, key: PublicKey) -> Option<&str> {
        self.people.iter().find(|person| person.key == key).map(|person| person.name.as_str())
    }

    /// Whether this person's approval counts.
    pub fn approves(&self, name: &str) -> bool {
        self.approvals.of.is_empty() || self.approvals.of.iter().any(|one| one == name)
    }
}

impl Bounds {
    pub fn hold(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SecretKey;
    use super::*;

    #[test]
    fn a_policy_that_says_what_cannot_be_is_refused_with_the_reason() {
        let key = SecretKey::generate("Ada").unwrap().public();
        let ada = format!("anneal_policy = 1\n[[person]]\nname = \"Ada\"\nkey = \"{key}\"\n");
        let twice = format!("{ada}[[person]]\nname = \"Bob\"\nkey = \"{key}\"\n");
        let cases = [
            ("anneal_policy = 2".to_owned(), "1 is read"),
            (twice, "one key"),
            (format!("{ada}[approvals]\nneeded = 2\n"), "only 1 people"),
            (format!("{ada}[approvals]\nneeded = 1\nof = [\"Bob\"]\n"), "no [[person]]"),
            ("anneal_policy = 1\n[rate]\nmin = 1.0\nmax = 0.1\n".to_owned(), "0 <= min <= max"),
            ("anneal_policy = 1\nauthor = true\n".to_owned(), "no [[person]] is known"),
            ("anneal_policy = 1\naprovals = 1\n".to_owned(), "unknown field"),
        ];
        for (text, why) in cases {
            let refused = Policy::parse(&text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        assert!(Policy::parse(&format!("{ada}[approvals]\nneeded = 1\nof = [\"Ada\"]\n")).is_ok());
    }
}
