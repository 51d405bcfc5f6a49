//! The file of a lesson.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Value;

use super::draw::Draw;
use super::error::LessonError;
use super::look::{Look, Stage};
use super::measure::read_experiment;
use super::place;
use super::quantity::Measure;
use crate::experiment::{Experiment, FileError};
use crate::files;
use crate::schedule::Span;
use crate::schedule::formula::{Formula, FormulaError, NAMES};

/// The largest lesson that is read, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// What a lesson's file says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// What answers are kept by: of a shipped lesson its name, of any other its title.
    #[serde(skip)]
    pub name: String,
    /// Where it was read: the experiment's own data are found from there.
    #[serde(skip)]
    pub folder: PathBuf,
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    pub ask: String,
    /// At least two, exactly one of them right.
    pub choice: Vec<Choice>,
    /// The curve to draw beside choosing, as it stands in the file.
    draw: Option<Value>,
    /// The same, read.
    #[serde(skip)]
    pub drawn: Option<Draw>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub say: String,
    #[serde(default)]
    pub right: bool,
}

/// The one thing to drag.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drag {
    /// The run whose curve is dragged.
    pub run: String,
    pub say: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    pub say: String,
    pub source: String,
}

/// Something that training has to show.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub say: String,
    /// A comparison of measures by their names, such as `cosine > constant + 0.01`.
    pub holds: String,
}

impl Lesson {
    /// Reads a lesson from disk, to be shown on a stage.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 256 KiB, or as [`Lesson::parse`]; and when it asks to look at what
    /// the stage does not have.
    pub fn read(path: &Path, stage: &Stage) -> Result<Self, LessonError> {
        let read = |cause| LessonError::Read { file: path.to_owned(), cause };
        let length = std::fs::metadata(path).map_err(read)?;
        if !length.is_file() || length.len() > MAX_BYTES {
            return Err(LessonError::TooLarge { file: path.to_owned(), max: MAX_BYTES });
        }
        let text = files::open(path).and_then(std::io::read_to_string).map_err(read)?;
        let lesson = Self::parse(&text, path)?;
        match lesson.look.missing(stage) {
            None => Ok(lesson),
            Some((field, what)) => Err(Fault::new(["look", field], what).on(&text, path)),
        }
    }

    /// A lesson from its text; `origin` is named in errors.
    ///
    /// # Errors
    /// When the text is no lesson, asks for runs or measures that are not there, or its experiment is none.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, LessonError> {
        let syntax = |error: toml::de::Error| LessonError::Wrong {
            file: origin.to_owned(),
            line: place::line_at(text, error.span().map_or(0, |span| span.start)),
            what: error.message().replace('\n', ", "),
        };
        let mut lesson: Self = toml::from_str(text).map_err(syntax)?;
        let on = |fault: Fault| fault.on(text, origin);
        lesson.check_form().map_err(on)?;
        let experiment = Experiment::parse_within(text, origin, "experiment")?;
        lesson.predict.drawn = lesson.draw(&experiment).map_err(on)?;
        lesson.check_measures(&experiment).map_err(on)?;
        lesson.check_claims().map_err(on)?;
        lesson.name.clone_from(&lesson.title);
        lesson.folder = origin.parent().map(Path::to_owned).unwrap_or_default();
        Ok(lesson)
    }

    /// What can be told without the experiment.
    fn check_form(&self) -> Result<(), Fault> {
        if self.lesson != 1 {
            let what = format!("`lesson` is {}; this program reads version 1", self.lesson);
            return Err(Fault::new(["lesson"], what));
        }
        let right = self.predict.choice.iter().filter(|choice| choice.right).count();
        if self.predict.choice.len() < 2 || right != 1 {
            let what = format!("`predict` needs at least two choices and one that is right, found {right}");
            return Err(Fault::new(["predict", "choice"], what));
        }
        if self.claim.is_empty() {
            let what = "there is no [[claim]]: nothing would notice when the lesson is wrong";
            return Err(Fault::new(["claim"], what.to_owned()));
        }
        self.look.fault().map_or(Ok(()), |(field, what)| Err(Fault::new(["look", field], what)))
    }

    /// The curve to draw first.
    fn draw(&self, experiment: &Experiment) -> Result<Option<Draw>, Fault> {
        let Some(draw) = &self.predict.draw else { return Ok(None) };
        let runs: Vec<&str> = experiment.runs.iter().map(|run| run.name.as_str()).collect();
        Draw::read(draw, &runs).map(Some).map_err(|what| Fault::new(["predict", "draw"], what))
    }

    /// Whether what is dragged and measured is there.
    fn check_measures(&self, experiment: &Experiment) -> Result<(), Fault> {
        let runs: Vec<&str> = experiment.runs.iter().map(|run| run.name.as_str()).collect();
        if !runs.contains(&self.drag.run.as_str()) {
            let what = format!("`drag.run` is \"{}\"; the runs are: {}", self.drag.run, runs.join(", "));
            return Err(Fault::new(["drag", "run"], what));
        }
        let phases: Vec<&str> = experiment.data.phases.iter().map(|phase| &*phase.name).collect();
        for (name, measure) in &self.measure {
            let wrong = |field: &str, what: String| Err(Fault::new(["measure", name, field], what));
            if NAMES.contains(&name.as_str()) {
                return wrong("", format!("a measure cannot be called `{name}`: formulas use that name"));
            }
            if !runs.contains(&measure.run.as_str()) {
                let there = runs.join(", ");
                return wrong(
                    "run",
                    format!("`measure.{name}.run` is \"{}\"; the runs are: {there}", measure.run),
                );
            }
            if let Some(asked) = measure.phase.as_deref().filter(|asked| !phases.contains(asked)) {
                let there = phases.join(", ");
                return wrong(
                    "phase",
                    format!("`measure.{name}.phase` is \"{asked}\"; the phases are: {there}"),
                );
            }
            for (field, text) in [("from", &measure.from), ("to", &measure.to)] {
                if let Some(Err(error)) = text.as_deref().map(Span::parse_position) {
                    return wrong(field, format!("`measure.{name}.{field}`: {error}"));
                }
            }
            if let Some((path, _)) = measure.best_of.iter().find(|(_, values)| values.is_empty()) {
                return wrong("best_of", format!("`measure.{name}.best_of.\"{path}\"` is an empty list"));
            }
        }
        Ok(())
    }

    /// Whether claims are formulas of measures that there are.
    fn check_claims(&self) -> Result<(), Fault> {
        for (at, claim) in self.claim.iter().enumerate() {
            let at = at.to_string();
            let wrong = |what: String| Fault::new(["claim", &at, "holds"], what);
            let say = &claim.say;
            let formula =
                self.formula(claim).map_err(|error| wrong(format!("the claim \"{say}\": {error}")))?;
            let unknown = formula.constants().into_iter().find(|name| !self.measure.contains_key(*name));
            if let Some(name) = unknown {
                let known: Vec<&str> = self.measure.keys().map(String::as_str).collect();
                let known = known.join(", ");
                return Err(wrong(format!(
                    "the claim \"{say}\" compares `{name}`; the measures are: {known}"
                )));
            }
        }
        Ok(())
    }

    /// A claim taken apart.
    ///
    /// # Errors
    /// When it is no formula.
    pub fn formula(&self, claim: &Claim) -> Result<Formula, FormulaError> {
        Formula::parse(&claim.holds)
    }

    /// What whoever wrote the lesson measured of what a claim compares, in a few words; nothing where that is not known.
    pub fn measured(&self, claim: &Claim) -> Option<String> {
        let formula = self.formula(claim).ok()?;
        let named = formula.constants().into_iter().filter_map(|name| {
            let measured = self.measure.get(name)?.measured?;
            Some(format!("{name} {measured}"))
        });
        Some(named.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
    }

    /// The lesson's experiment.
    ///
    /// # Errors
    /// When it is none.
    pub fn experiment(&self) -> Result<Experiment, FileError> {
        read_experiment(&self.experiment, &self.folder)
    }

    /// The choice that is right.
    pub fn right(&self) -> Option<&Choice> {
        self.predict.choice.iter().find(|choice| choice.right)
    }
}

/// What is wrong with a lesson's text, and the way of keys to where it stands.
struct Fault {
    way: Vec<String>,
    what: String,
}

impl Fault {
    fn new<const N: usize>(way: [&str; N], what: String) -> Self {
        Self { way: way.map(str::to_owned).to_vec(), what }
    }

    fn on(self, text: &str, origin: &Path) -> LessonError {
        let way: Vec<&str> = self.way.iter().map(String::as_str).collect();
        LessonError::Wrong { file: origin.to_owned(), line: place::line(text, &way), what: self.what }
    }
}

/// Whether the file at a path means to be a lesson: its text says which version of one, before any section.
pub fn is_claimed(path: &Path) -> bool {
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("toml")) {
        return false;
    }
    let text = files::read(path, MAX_BYTES).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.is_some_and(|text| {
        let mut top = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
        let says =
            |line: &str| line.strip_prefix("lesson").is_some_and(|rest| rest.trim_start().starts_with('='));
        top.any(says)
    })
}
