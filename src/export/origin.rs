//! The run that a text was exported from, at the text's end.
//!
//! A function under `LambdaLR`, or a configuration that comes near, does not say which curve was drawn. So
//! every text that can hold a comment ends with the experiment file it came from, and with a checksum of
//! everything above: an import reads the run back from there, and believes it only while nothing was changed.
//! JSON has no comments; there they are the strings of a list, under a name that DeepSpeed passes over.
//! A table of values is not added to: programs that read one know nothing of comments.

use super::Target;
use super::alone::alone;
use super::recipe::Recipe;

const OPENING: &str = "---- Exported from this Anneal Studio experiment. `anneal import` reads it back while \
                       nothing above is changed. ----";
const CLOSING: &str = "---- checksum ";
const END: &str = " ----";

/// How a text holds lines that its readers pass over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Margin {
    /// As comments, which start like this.
    Comment(&'static str),
    /// As a list of strings, the last entry of a JSON table.
    List,
}

const MARGINS: [Margin; 3] = [Margin::Comment("#"), Margin::Comment("//"), Margin::List];

/// What goes around the list, after a table's other entries.
const LIST: &str = "  \"anneal_studio\": [\n";
const LIST_ENDS: [&str; 2] = ["  ]", "}"];

/// What a text says at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The experiment file that the text came from, as the text still says it.
    Of(String),
    /// The text, or the comment, is not as it was written.
    Changed,
}

impl Margin {
    /// `None` where nothing can be added, or the text itself is the experiment.
    fn of(target: &Target) -> Option<Self> {
        match target.extension {
            _ if target.id == "toml" => None,
            "py" | "sh" | "toml" | "yaml" => Some(Self::Comment("#")),
            "rs" => Some(Self::Comment("//")),
            "json" => Some(Self::List),
            _ => None,
        }
    }

    /// The line, without its end.
    fn write(self, line: &str) -> String {
        match self {
            Self::Comment(mark) => format!("{mark} {line}").trim_end().to_owned(),
            Self::List => format!("    {},", serde_json::Value::from(line)),
        }
    }

    /// What a line of these says.
    fn read(self, line: &str) -> Option<String> {
        let line = line.trim_start();
        match self {
            Self::Comment(mark) => line.strip_prefix(mark).map(|said| said.trim_start().to_owned()),
            Self::List => serde_json::from_str(line.strip_suffix(',').unwrap_or(line)).ok(),
        }
    }

    /// The lines up to the last of these, where nothing but what has to follows it.
    fn within<'t, 'l>(self, lines: &'l [&'t str]) -> Option<&'l [&'t str]> {
        match self {
            Self::Comment(_) => Some(lines),
            Self::List => lines.strip_suffix(LIST_ENDS.as_slice()),
        }
    }
}

/// Adds where it came from to the end of a text that can hold it.
pub(super) fn append(text: &mut String, target: &Target, recipe: &Recipe<'_>) {
    let Some(margin) = Margin::of(target) else { return };
    if margin == Margin::List {
        let entries = text.trim_end().strip_suffix('}').unwrap_or(text).trim_end().len();
        text.truncate(entries);
        text.push_str(",\n");
        text.push_str(LIST);
    } else {
        text.push('\n');
    }
    let toml = escaped(&alone(recipe).to_toml());
    for line in std::iter::once(OPENING).chain(toml.lines()) {
        text.push_str(&margin.write(line));
        text.push('\n');
    }
    let sum = checksum(&lines(text));
    let closing = margin.write(&format!("{CLOSING}{sum:08x}{END}"));
    text.push_str(closing.trim_end_matches(','));
    text.push('\n');
    if margin == Margin::List {
        text.push_str(&LIST_ENDS.join("\n"));
        text.push('\n');
    }
}

/// YAML ends a line, and so a comment, at two more characters; within TOML's quotes they have names.
fn escaped(toml: &str) -> String {
    toml.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// What the text says at its end of where it came from; `None` when it says nothing.
pub fn read(text: &str) -> Option<Origin> {
    // A log of millions of lines need not be taken apart.
    if !text.contains(OPENING) {
        return None;
    }
    let lines = lines(text);
    let opens =
        |line: &str| MARGINS.into_iter().find(|margin| margin.read(line).is_some_and(|said| said == OPENING));
    let (opening, margin) = lines.iter().enumerate().rev().find_map(|(at, line)| Some((at, opens(line)?)))?;
    let Some((closing, above)) = margin.within(&lines).and_then(|lines| lines.split_last()) else {
        return Some(Origin::Changed);
    };
    let sum = format!("{CLOSING}{:08x}{END}", checksum(above));
    if margin.read(closing) != Some(sum) {
        return Some(Origin::Changed);
    }
    let toml = above.iter().skip(opening + 1).map(|line| margin.read(line).unwrap_or_default());
    Some(Origin::Of(toml.collect::<Vec<_>>().join("\n")))
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
