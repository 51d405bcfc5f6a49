//! The file of a lesson.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::{Spanned, Value};

use super::draw::Draw;
use super::error::LessonError;
use super::measure::{Measure, read_experiment};
use crate::experiment::{Experiment, FileError};
use crate::schedule::Span;
use crate::schedule::formula::{Formula, FormulaError, NAMES};
use crate::telemetry::{Column, Role};

/// The largest lesson that is read, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// What a lesson's file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// The version of the format, 1.
    pub lesson: u32,
    pub title: String,
    /// What the student is asked to find out.
    pub question: String,
    pub predict: Predict,
    pub drag: Drag,
    /// Where to look, and the panel that is opened for it.
    pub look: Look,
    /// What happened, why, and who says so.
    pub why: Why,
    /// What to try next, so that it goes wrong.
    #[serde(rename = "break")]
    pub try_to_break: String,
    /// What the claims compare, by name.
    pub measure: BTreeMap<String, Measure>,
    pub claim: Vec<Claim>,
    /// The experiment, as in a file of its own.
    pub experiment: toml::Table,
}

/// What is asked before anything is shown.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    pub ask: String,
    /// At least two, exactly one of them right.
    pub choice: Vec<Choice>,
    /// The curve to draw beside choosing, as it stands in the file.
    draw: Option<Spanned<Value>>,
    /// The same, read.
    #[serde(skip)]
    pub drawn: Option<Draw>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub say: String,
    #[serde(default)]
    pub right: bool,
}

/// The one thing to drag.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drag {
    /// The run whose curve is dragged.
    pub run: String,
    pub say: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    pub say: String,
    /// The panel at the right, by its name; none when not given.
    pub panel: Option<String>,
    /// Whether the rate has a logarithmic axis.
    #[serde(default)]
    pub log_rate: bool,
    /// What the middle plot shows, by its column's name; the losses when not given.
    pub plot: Option<String>,
}

impl Look {
    /// What the middle plot shows, where it is another quantity than the losses.
    pub fn column(&self) -> Option<Column> {
        let name = self.plot.as_deref()?;
        plotted().find(|column| column.name() == name)
    }
}

/// The columns that the middle plot can show.
fn plotted() -> impl Iterator<Item = Column> {
    Column::ALL.into_iter().filter(|column| column.role() == Role::Measure)
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    pub say: String,
    pub source: String,
}

/// Something that training has to show.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub say: String,
    /// A comparison of measures by their names, such as `cosine > constant + 0.01`.
    pub holds: String,
}

impl Lesson {
    /// Reads a lesson from disk.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 256 KiB, or as [`Lesson::parse`].
    pub fn read(path: &Path) -> Result<Self, LessonError> {
        let read = |cause| LessonError::Read { file: path.to_owned(), cause };
        let length = std::fs::metadata(path).map_err(read)?;
        if !length.is_file() || length.len() > MAX_BYTES {
            let what = format!("a lesson is a file of at most {MAX_BYTES} bytes");
            return Err(LessonError::Wrong { file: path.to_owned(), what });
        }
        let text = crate::files::open(path).and_then(std::io::read_to_string).map_err(read)?;
        Self::parse(&text, path)
    }

    /// A lesson from its text; `origin` is named in errors.
    ///
    /// # Errors
    /// When the text is no lesson, asks for runs or measures that are not there, or its experiment is none.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, LessonError> {
        let file = || origin.to_owned();
        let mut lesson: Self = toml::from_str(text)
            .map_err(|cause| LessonError::Syntax { file: file(), cause: Box::new(cause) })?;
        let wrong = |what: String| Err(LessonError::Wrong { file: file(), what });
        if lesson.lesson != 1 {
            return wrong(format!("`lesson` is {}; this program reads version 1", lesson.lesson));
        }
        let right = lesson.predict.choice.iter().filter(|choice| choice.right).count();
        if lesson.predict.choice.len() < 2 || right != 1 {
            return wrong(format!(
                "`predict` needs at least two choices and one that is right, found {right}"
            ));
        }
        if lesson.claim.is_empty() {
            return wrong("there is no [[claim]]: nothing would notice when the lesson is wrong".into());
        }
        let experiment = lesson.experiment()?;
        let is_run = |name: &str| experiment.runs.iter().any(|run| run.name == name);
        let names = || experiment.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
        if !is_run(&lesson.drag.run) {
            return wrong(format!("`drag.run` is \"{}\"; the runs are: {}", lesson.drag.run, names()));
        }
        if let Some(draw) = &lesson.predict.draw {
            let runs: Vec<&str> = experiment.runs.iter().map(|run| run.name.as_str()).collect();
            match Draw::read(draw, text, &runs) {
                Ok(drawn) => lesson.predict.drawn = Some(drawn),
                Err(what) => return wrong(what),
            }
        }
        if let Some(plot) = &lesson.look.plot
            && lesson.look.column().is_none()
        {
            let names: Vec<&str> = plotted().map(Column::name).collect();
            return wrong(format!("`look.plot` is \"{plot}\"; there are: {}", names.join(", ")));
        }
        for (name, measure) in &lesson.measure {
            if NAMES.contains(&name.as_str()) {
                return wrong(format!("a measure cannot be called `{name}`: formulas use that name"));
            }
            if !is_run(&measure.run) {
                return wrong(format!(
                    "`measure.{name}.run` is \"{}\"; the runs are: {}",
                    measure.run,
                    names()
                ));
            }
            let phases = &experiment.data.phases;
            if let Some(asked) = &measure.phase
                && phases.iter().all(|phase| *phase.name != **asked)
            {
                let names: Vec<&str> = phases.iter().map(|phase| &*phase.name).collect();
                return wrong(format!(
                    "`measure.{name}.phase` is \"{asked}\"; the phases are: {}",
                    names.join(", ")
                ));
            }
            for (field, text) in [("from", &measure.from), ("to", &measure.to)] {
                if let Some(Err(error)) = text.as_deref().map(Span::parse_position) {
                    return wrong(format!("`measure.{name}.{field}`: {error}"));
                }
            }
            for (path, values) in &measure.best_of {
                if values.is_empty() {
                    return wrong(format!("`measure.{name}.best_of.\"{path}\"` is an empty list"));
                }
            }
        }
        for claim in &lesson.claim {
            let formula = lesson.formula(claim).map_err(|cause| LessonError::Claim {
                file: file(),
                say: claim.say.clone(),
                cause,
            })?;
            if let Some(name) =
                formula.constants().into_iter().find(|name| !lesson.measure.contains_key(*name))
            {
                let known: Vec<&str> = lesson.measure.keys().map(String::as_str).collect();
                return wrong(format!(
                    "the claim \"{}\" compares `{name}`; the measures are: {}",
                    claim.say,
                    known.join(", ")
                ));
            }
        }
        Ok(lesson)
    }

    /// A claim taken apart.
    ///
    /// # Errors
    /// When it is no formula.
    pub fn formula(&self, claim: &Claim) -> Result<Formula, FormulaError> {
        Formula::parse(&claim.holds)
    }

    /// The lesson's experiment.
    ///
    /// # Errors
    /// When it is none.
    pub fn experiment(&self) -> Result<Experiment, FileError> {
        read_experiment(&self.experiment, &self.title)
    }

    /// The choice that is right.
    pub fn right(&self) -> Option<&Choice> {
        self.predict.choice.iter().find(|choice| choice.right)
    }
}
