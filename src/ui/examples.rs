//! The experiments that come with the program: those to learn from, and those that go wrong.

use std::path::Path;

use crate::analysis::detect::Kind;
use crate::experiment::{Experiment, FileError};

/// An experiment in `examples/`.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its file's name.
    pub name: &'static str,
    text: &'static str,
    /// Whether it shows how not to do it.
    pub goes_wrong: bool,
    /// What is found in one that goes wrong, where a detector finds it.
    pub finding: Option<Kind>,
}

macro_rules! examples {
    ($($name:literal),* ; $($wrong:literal: $finding:expr),* $(,)?) => {
        /// The examples, in the order menus list them; those that go wrong come last.
        pub const EXAMPLES: &[Example] = &[
            $(Example {
                name: $name,
                text: include_str!(concat!("../../examples/", $name, ".toml")),
                goes_wrong: false,
                finding: None,
            },)*
            $(Example {
                name: $wrong,
                text: include_str!(concat!("../../examples/wrong/", $wrong, ".toml")),
                goes_wrong: true,
                finding: $finding,
            },)*
        ];
    };
}

examples![
    "mnist1d",
    "digits",
    "spirals",
    "fashion-decay",
    "early-stopping",
    "forgetting-dial",
    "drift",
    "curriculum",
    "poisoned-stream",
    "federated",
    "workers",
    "half-precision",
    "loss-scale",
    "robustness",
    "digits-cosine-vs-constant",
    "mnist1d-snapshots",
    "forks",
    "optimizers",
    "fine-tune",
    "rosenbrock",
    "shakespeare-warmup",
    "digits-edge-of-stability",
    "sweep",
    "forecast";
    "diverges": Some(Kind::Divergence),
    "too-low": Some(Kind::SilentSlowdown),
    "broken-at-the-start": Some(Kind::StuckAtChance),
    "learned-by-heart": Some(Kind::OverfittingGap),
    "thrashing-plateau": Some(Kind::PlateauThrash),
    "lost-in-bf16": Some(Kind::PrecisionUnderflow),
    "nothing-to-learn": Some(Kind::NoSignal),
    "ends-on-a-restart": None,
];

impl Example {
    /// What it shows, in a sentence or two: the file's first comment.
    pub fn sentence(&self) -> String {
        let said = self.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
        said.collect::<Vec<_>>().join(" ")
    }

    /// What it is called: the name of its experiment.
    pub fn title(&self) -> &'static str {
        let name = self.text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        name.unwrap_or(self.name)
    }

    /// # Errors
    /// None, unless the program was built from a broken file.
    pub fn experiment(&self) -> Result<Experiment, FileError> {
        Experiment::parse(self.text, Path::new(self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &str) -> Vec<String> {
        let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<String> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        files
    }

    #[test]
    fn every_shipped_file_is_an_example_with_a_title_and_a_sentence() {
        for (folder, wrong) in [("examples", false), ("examples/wrong", true)] {
            let listed = EXAMPLES.iter().filter(|example| example.goes_wrong == wrong);
            let mut names: Vec<&str> = listed.map(|example| example.name).collect();
            names.sort_unstable();
            assert_eq!(names, files(folder));
        }
        for example in EXAMPLES {
            assert_eq!(example.experiment().unwrap().name, example.title());
            assert!(example.sentence().ends_with('.'), "{}", example.name);
        }
    }
}
