//! What can be wrong with data, in words that say what was found and what was expected.

/// A problem, and the file or data set that has it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct DataError {
    /// The file's or data set's name.
    pub origin: String,
    pub problem: Problem,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    #[error("there is no data set of this name; there are {known}")]
    UnknownDataset { known: String },

    // Files of any format.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("is damaged: {0}")]
    Damaged(String),
    #[error("is larger than {limit} {unit}, the most that is read")]
    TooLarge { limit: usize, unit: &'static str },
    #[error("ends after {found} bytes where {expected} were expected: the file is cut short")]
    Truncated { found: usize, expected: usize },
    #[error("goes on past the {expected} bytes it should have")]
    TooLong { expected: usize },
    #[error("holds no data")]
    Empty,

    // IDX files.
    #[error(
        "starts with the bytes {found:02x?} where an IDX file of unsigned bytes in {rank} dimensions starts with [00, 00, 08, {rank:02x}]"
    )]
    Magic { found: [u8; 4], rank: u8 },
    #[error("has {labels} labels for {images} images")]
    LabelCount { labels: usize, images: usize },
    #[error("label {index} is {found} where there are {classes} classes, counted from 0")]
    LabelRange { index: usize, found: u8, classes: usize },
    #[error("has images of {found:?} pixels where {expected:?} were expected")]
    ImageSize { found: [usize; 2], expected: [usize; 2] },

    // Tables and texts.
    #[error("line {line} is not UTF-8 text; save the file as UTF-8")]
    NotUtf8 { line: u64 },
    #[error("line {line} has {found} cells where the header has {expected}")]
    Ragged { line: u64, found: u64, expected: u64 },
    // What the file holds is not said: before its label is found, it may be any file.
    #[error("no column is called `{label}` among the {columns} of its first line{}", Near(.near))]
    NoSuchColumn { label: String, columns: usize, near: Option<String> },
    #[error("no column is called `{label}`; there is no line of names, so the columns are {columns}")]
    Numbered { label: String, columns: String },
    #[error("{count} columns are called `{label}`; rename all but the one to predict")]
    AmbiguousColumn { label: String, count: usize },
    #[error(
        "line {line}, column `{column}` has `{found}`, which is not a finite number; leave the cell empty if its value is missing"
    )]
    NotFinite { line: u64, column: String, found: String },
    #[error("no row can be used: {incomplete} rows, all with a missing cell")]
    NoRows { incomplete: usize },
    #[error("besides `{label}` no column can be used to predict it")]
    NoInputs { label: String },
    #[error("column `{label}` {why}, so there is nothing to predict")]
    NoAnswers { label: String, why: String },
    #[error("column `{label}` is to be predicted and to be skipped; leave it out of `columns`")]
    SkippedLabel { label: String },
    #[error("column `{label}` has the same value in every row, so there is nothing to predict")]
    OneClass { label: String },
    #[error(
        "column `{label}` mixes numbers such as `{number}` with text such as `{text}`; correct the text, or leave its cells empty"
    )]
    MixedLabel { label: String, number: String, text: String },
    #[error("column `{label}` has {found} different texts, and at most {limit} can be told apart as classes")]
    TooManyClasses { label: String, found: usize, limit: usize },
    #[error("has {found} different characters, and at most {limit} can be told apart")]
    TooManySymbols { found: usize, limit: usize },

    // Splits.
    #[error("validation is a share of at least 0 and below 1, found {found}")]
    Validation { found: f64 },
    #[error("label_noise is a share from 0 to 1, found {found}")]
    LabelNoise { found: f64 },
    #[error("label_noise has no meaning for text, which has no labels; set it to 0")]
    NoLabels,
    #[error("limit must be at least 1 sample, found 0")]
    Limit,

    // Phases.
    #[error("a text has no phases: remove the [[data.phase]] sections")]
    NoPhases,
    #[error("a phase asks for class {class} where there are {classes} classes, counted from 0")]
    NoSuchClass { class: u32, classes: usize },
    #[error("a phase has no training sample of its classes: choose others, or a larger limit")]
    NoneOfClasses,
    #[error("a phase chooses classes, poison or an order by difficulty, and the answers are numbers")]
    NoClassesToChoose,
    #[error("only images and points of the plane can be rotated")]
    NoTurning,
    #[error("a validation share of {validation} leaves none of the {total} {unit} to train on")]
    NothingToTrainOn { validation: f64, total: usize, unit: &'static str },
}

struct Near<'a>(&'a Option<String>);

impl std::fmt::Display for Near<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => write!(f, ": write the name as that line has it"),
        }
    }
}

impl Problem {
    /// The error that says who has this problem.
    pub(super) fn of(self, origin: &str) -> DataError {
        DataError { origin: origin.to_owned(), problem: self }
    }
}
