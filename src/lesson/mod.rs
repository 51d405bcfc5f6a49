//! Lessons: a question, a prediction, one thing to drag, and claims that our own training keeps.
//!
//! A lesson is a file that a teacher can write (`assets/lessons/*.toml`). What it claims is an arithmetic comparison
//! of named measures, so that `anneal lesson --check` can train it and say whether it still holds.

mod check;
mod draw;
mod error;
mod file;
mod forecast;
mod history;
mod look;
mod measure;
mod place;
mod quantity;

use std::path::Path;

pub use check::{Checked, Verdict, check};
pub use draw::{Draw, Drawable, Miss};
pub use error::LessonError;
pub use file::{Choice, Claim, Drag, Lesson, Predict, is_claimed};
pub use look::{Look, Stage};
pub use quantity::{Measure, Quantity, When};

/// A lesson that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    pub name: &'static str,
    pub text: &'static str,
}

impl Shipped {
    /// # Errors
    /// None, unless the program was built from a broken file.
    pub fn read(&self) -> Result<Lesson, LessonError> {
        let lesson = Lesson::parse(self.text, Path::new(self.name))?;
        Ok(Lesson { name: self.name.to_owned(), ..lesson })
    }
}

/// A row for each file: its name is the lesson's.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// The lessons that come with the program, in the order they are taught.
        pub const SHIPPED: &[Shipped] = &[$(
            Shipped { name: $name, text: include_str!(concat!("../../assets/lessons/", $name, ".toml")) },
        )*];
    };
}

shipped![
    "too-low-is-silent",
    "warmup-saves-a-transformer",
    "why-warmup",
    "the-cliff-of-a-step",
    "the-noise-floor",
    "the-basin-of-good-rates",
    "decay-forgives-a-high-rate",
    "one-cycle-in-half-the-time",
    "edge-of-stability",
    "restarts-and-snapshots",
    "batch-and-rate",
    "small-steps-lost-in-bf16",
    "plateau-on-a-noisy-metric",
    "memorising-noise",
    "the-forgetting-dial",
    "resumed-without-its-schedule",
    "momentum-hides-a-factor",
    "each-at-its-own-best",
    "merge-instead-of-decay",
    "the-forecast",
];

/// The shipped lesson of this name, or the one in the file at this path, to be shown on a stage.
///
/// # Errors
/// When there is neither, or the file is no lesson.
pub fn open(name: &str, stage: &Stage) -> Result<Lesson, LessonError> {
    if let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) {
        return shipped.read();
    }
    let path = Path::new(name);
    if !path.exists() {
        let names = SHIPPED.iter().map(|shipped| shipped.name).collect();
        return Err(LessonError::Unknown { name: name.to_owned(), names });
    }
    Lesson::read(path, stage)
}
