//! The run that a text was exported from, as the text's last comment.
//!
//! A function under `LambdaLR`, or a configuration that comes near, does not say which curve was drawn. So
//! every text that can hold a comment ends with the experiment file it came from, and with a checksum of
//! everything above: an import reads the run back from there, and believes it only while nothing was changed.

use super::Target;
use super::recipe::Recipe;
use crate::experiment::{Experiment, Number, Run};
use crate::schedule::{Kind, Schedule};

const OPENING: &str = "---- Exported from this Anneal Studio experiment. `anneal import` reads it back while \
                       nothing above is changed. ----";
const CLOSING: &str = "---- checksum ";
const END: &str = " ----";

/// What starts a line of comment, in Python and configurations, and in Rust.
const MARKS: [&str; 2] = ["#", "//"];

/// What a text's last comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The experiment file that the text came from, as the text still says it.
    Of(String),
    /// The text, or the comment, is not as it was written.
    Changed,
}

/// What starts a comment's line; `None` where there are no comments, or the text itself is the experiment.
fn mark(target: &Target) -> Option<&'static str> {
    match target.extension {
        _ if target.id == "toml" => None,
        "py" | "sh" | "toml" | "yaml" => Some(MARKS[0]),
        "rs" => Some(MARKS[1]),
        _ => None,
    }
}

/// The experiment with this run alone, and with the rates that its tables took from files.
pub(super) fn alone(recipe: &Recipe<'_>) -> Experiment {
    // Its origin is not there.
    let mut run = Run { fork: None, ..recipe.run.clone() };
    inline(&mut run.lr);
    for info in run.optimizer.kind.numbers() {
        if let Some(Number::Schedule(schedule)) = run.optimizer.get(info.name) {
            let mut schedule = schedule.clone();
            inline(&mut schedule);
            run.optimizer.set(info.name, Number::Schedule(schedule));
        }
    }
    Experiment { runs: vec![run], ..recipe.experiment.clone() }
}

fn inline(schedule: &mut Schedule) {
    match &mut schedule.kind {
        Kind::Listed(listed) => listed.values.file = None,
        Kind::Sequence(sequence) => sequence.parts.iter_mut().for_each(|part| inline(&mut part.schedule)),
        Kind::Product(product) => product.of.iter_mut().for_each(inline),
        _ => {}
    }
}

/// Adds where it came from as the last comment of a text that can hold one.
pub(super) fn append(text: &mut String, target: &Target, recipe: &Recipe<'_>) {
    let Some(mark) = mark(target) else { return };
    let toml = escaped(&alone(recipe).to_toml());
    text.push('\n');
    for line in std::iter::once(OPENING).chain(toml.lines()) {
        text.push_str(format!("{mark} {line}").trim_end());
        text.push('\n');
    }
    let sum = checksum(&lines(text));
    text.push_str(&format!("{mark} {CLOSING}{sum:08x}{END}\n"));
}

/// YAML ends a line, and so a comment, at two more characters; within TOML's quotes they have names.
fn escaped(toml: &str) -> String {
    toml.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// What the text's last comment says of where it came from; `None` when it has no such comment.
pub fn read(text: &str) -> Option<Origin> {
    let lines = lines(text);
    let opening = lines.iter().rposition(|line| mark_of(line).is_some())?;
    let mark = mark_of(lines.get(opening)?)?;
    let said = |line: &&str| line.trim_start().strip_prefix(mark).unwrap_or_default().trim_start().to_owned();
    let (closing, above) = lines.split_last()?;
    let sum = format!("{CLOSING}{:08x}{END}", checksum(above));
    if said(closing) != sum {
        return Some(Origin::Changed);
    }
    let toml: Vec<String> = above.iter().skip(opening + 1).map(said).collect();
    Some(Origin::Of(toml.join("\n")))
}

/// What starts the lines of the comment that this line opens.
fn mark_of(line: &str) -> Option<&str> {
    let mark = line.trim_start().strip_suffix(OPENING)?.trim_end();
    MARKS.contains(&mark).then_some(mark)
}

/// The text's lines without the white space at their ends: what a clipboard or another system's line ends do
/// to a text is no change.
fn lines(text: &str) -> Vec<&str> {
    text.trim_start_matches('\u{feff}').trim().lines().map(str::trim_end).collect()
}

/// The CRC-32 of the lines.
fn checksum(lines: &[&str]) -> u32 {
    let mut crc = flate2::Crc::new();
    for line in lines {
        crc.update(line.as_bytes());
        crc.update(b"\n");
    }
    crc.sum()
}
