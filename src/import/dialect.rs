//! What a dialect is: its names, the signs that it is recognised by, and its reader.

use std::fmt;

use super::text::Text;
use super::{ImportError, Imported, Options};

/// The weight from which a text is a dialect's.
const CLAIMED: u32 = 10;

/// A way in which schedules are written, with its reader: one file, and one row of the table of dialects.
pub struct Dialect {
    /// What `--as` calls it.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// A short text that is one.
    pub example: &'static str,
    /// What it is recognised by, with weights: 10 is enough alone.
    pub(super) signs: &'static [(Sign, u32)],
    pub(super) read: fn(&Text<'_>, &Options) -> Result<Imported, ImportError>,
}

/// What a dialect is recognised by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// A key of a table, perhaps within others (`a.b`).
    Key(&'static str),
    /// A key with this value.
    Is(&'static str, &'static str),
    /// A flag of a command line.
    Flag(&'static str),
    /// A call in Python, by its last name.
    Call(&'static str),
    /// A call in Python whose name ends so.
    CallEnding(&'static str),
    /// A module that Python imports, or one in it.
    Import(&'static str),
    /// An assignment in Python outside functions.
    Name(&'static str),
    /// A word anywhere in a text of any form.
    Word(&'static str),
    /// The list of hyperparameters in a model's card.
    Card,
    /// A function of Python whose name says that it gives a rate.
    Function(&'static str),
    /// Python that sets the rate of an optimizer's group.
    SetsRate,
    /// A function of what counts updates or epochs, with a name that tells of a rate.
    RateFunction,
}

/// A sign that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is, as the text has it.
    pub what: String,
    pub line: usize,
    pub weight: u32,
}

/// What speaks for a dialect.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub dialect: &'static Dialect,
    pub evidence: Vec<Evidence>,
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Dialect {}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl Candidate {
    /// The weights of its evidence together.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.evidence.iter().map(|evidence| evidence.weight).sum()
    }

    /// Whether it is enough to read the text as this.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.weight() >= CLAIMED
    }
}
