//! An experiment as one line, to send in a message: `anneal:1:…`, its text compressed and in URL-safe letters.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::{Experiment, FileError};

/// What every line begins with; the version of the form follows.
const SCHEME: &str = "anneal:";
const VERSION: &str = "1";
/// The longest line that is read or written. Chat programs cut longer ones.
const LONGEST: usize = 256 << 10;
/// The longest text that a line may hold.
const TEXT: u64 = 4 << 20;

/// Why a line is none of an experiment, or an experiment has no line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("it does not begin with {SCHEME}")]
    Scheme,
    #[error("it is of form {0}, and this program reads form {VERSION}: update it to open the line")]
    Version(String),
    #[error("it is {0} characters long, more than the {LONGEST} allowed")]
    Long(usize),
    #[error("it is damaged or not complete: copy the whole line")]
    Damaged,
    #[error("what it holds is no experiment: {0}")]
    Experiment(#[from] FileError),
    #[error(
        "its data, rates or first weights are in a file on one machine: send that with the experiment's own file instead"
    )]
    OwnFile,
}

/// Whether a text is meant as such a line.
pub fn is_line(text: &str) -> bool {
    text.trim_start().starts_with(SCHEME)
}

impl Experiment {
    /// The experiment as one line. Rates that a file lists are written out.
    ///
    /// # Errors
    /// When the data are a file, or the line would be too long.
    pub fn to_line(&self) -> Result<String, LineError> {
        if self.names_files() {
            return Err(LineError::OwnFile);
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(self.contained().to_toml().as_bytes());
        let bytes = written.and_then(|()| encoder.finish()).map_err(|_| LineError::Damaged)?;
        let line = format!("{SCHEME}{VERSION}:{}", URL_SAFE_NO_PAD.encode(bytes));
        if line.len() > LONGEST { Err(LineError::Long(line.len())) } else { Ok(line) }
    }

    /// Reads such a line. What a message wrapped into several lines is put together again.
    ///
    /// # Errors
    /// When it is no such line, is damaged or too long, or names files of the reader's machine.
    pub fn from_line(line: &str) -> Result<Self, LineError> {
        if line.len() > 2 * LONGEST {
            return Err(LineError::Long(line.len()));
        }
        let line: String = line.chars().filter(|letter| !letter.is_whitespace()).collect();
        if line.len() > LONGEST {
            return Err(LineError::Long(line.len()));
        }
        let rest = line.strip_prefix(SCHEME).ok_or(LineError::Scheme)?;
        let (version, letters) = rest.split_once(':').ok_or(LineError::Damaged)?;
        if version != VERSION {
            return Err(LineError::Version(version.chars().take(8).collect()));
        }
        let bytes = URL_SAFE_NO_PAD.decode(letters).map_err(|_| LineError::Damaged)?;
        let mut text = String::new();
        let read = ZlibDecoder::new(bytes.as_slice()).take(TEXT).read_to_string(&mut text);
        read.map_err(|_| LineError::Damaged)?;
        let experiment = Self::parse(&text, "the line")?;
        // A table that a file lists is no longer what it was once it is written out.
        let is_elsewhere = experiment.names_files() || experiment.contained() != experiment;
        if is_elsewhere { Err(LineError::OwnFile) } else { Ok(experiment) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Source;

    fn example() -> Experiment {
        Experiment::parse(include_str!("../../../examples/forks.toml"), "forks.toml").unwrap()
    }

    /// Any text as a line.
    fn line_of(text: &str) -> String {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        format!("anneal:1:{}", URL_SAFE_NO_PAD.encode(encoder.finish().unwrap()))
    }

    #[test]
    fn an_experiment_comes_back_from_its_line_also_wrapped_by_a_message() {
        let line = example().to_line().unwrap();
        assert!(is_line(&line) && line.len() < 1500, "{} letters", line.len());
        assert!(line.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_:".contains(letter)));
        assert_eq!(Experiment::from_line(&line).unwrap(), example());
        let wrapped: Vec<String> =
            line.as_bytes().chunks(70).map(|part| String::from_utf8_lossy(part).into()).collect();
        assert_eq!(Experiment::from_line(&format!("  {}\n", wrapped.join("\r\n "))).unwrap(), example());
    }

    #[test]
    fn what_is_no_such_line_is_refused_with_the_reason() {
        let line = example().to_line().unwrap();
        let error = |line: &str| Experiment::from_line(line).unwrap_err();
        assert!(matches!(error("hello"), LineError::Scheme));
        assert!(matches!(error(&line.replacen(":1:", ":2:", 1)), LineError::Version(_)));
        for end in ["anneal:".len(), 12, line.len() / 2, line.len() - 3] {
            assert!(matches!(error(&line[..end]), LineError::Damaged), "cut at {end}");
        }
        assert!(matches!(error(&format!("anneal:1:{}", "A".repeat(LONGEST))), LineError::Long(_)));
        let of = line_of;
        assert!(matches!(error(&of("anneal = 1")), LineError::Experiment(_)));
        // A small line that unpacks to more than any experiment is cut off, and what is left is none.
        let bomb = of(&"#".repeat(64 << 20));
        assert!(
            bomb.len() < LONGEST && matches!(error(&bomb), LineError::Experiment(_) | LineError::Damaged)
        );
    }

    #[test]
    fn data_of_one_machine_are_not_shared_nor_read_from_a_strangers_line() {
        let mut experiment = example();
        experiment.data.source = Source::File { path: "/etc/hosts".into(), label: "x".into() };
        assert!(matches!(experiment.to_line(), Err(LineError::OwnFile)));
        let folder = tempfile::tempdir().unwrap();
        let rates = folder.path().join("rates.csv");
        std::fs::write(&rates, "0.1\n0.2\n0.3\n").unwrap();
        let text = include_str!("../../../examples/digits-cosine-vs-constant.toml");
        let start = format!("[model]\nfrom = {:?}", folder.path());
        let momentum = format!("momentum = {{ kind = \"table\", file = {rates:?} }}");
        for (from, to) in [("[model]", start.as_str()), ("momentum = 0.9", &momentum)] {
            let strange = text.replacen(from, to, 1);
            assert_ne!(strange, text, "{from}");
            let read = Experiment::from_line(&line_of(&strange));
            assert!(matches!(read, Err(LineError::OwnFile)), "{to}: {read:?}");
        }
    }
}
