//! The experiments that come with the program.

use std::path::Path;

use crate::experiment::{Experiment, FileError};

/// An experiment in `examples/`.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its file's name.
    pub name: &'static str,
    text: &'static str,
}

macro_rules! examples {
    ($($name:literal),* $(,)?) => {
        /// The examples, in the order menus list them.
        pub const EXAMPLES: &[Example] = &[$(
            Example { name: $name, text: include_str!(concat!("../../examples/", $name, ".toml")) },
        )*];
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
    "poisoned-stream",
    "federated",
    "workers",
    "digits-cosine-vs-constant",
    "mnist1d-snapshots",
    "forks",
    "optimizers",
    "fine-tune",
    "rosenbrock",
    "shakespeare-warmup",
    "digits-edge-of-stability",
    "sweep",
    "forecast",
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

    #[test]
    fn every_shipped_file_is_an_example_with_a_title_and_a_sentence() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<String> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut names: Vec<&str> = EXAMPLES.iter().map(|example| example.name).collect();
        files.sort();
        names.sort_unstable();
        assert_eq!(names, files);
        for example in EXAMPLES {
            assert_eq!(example.experiment().unwrap().name, example.title());
            assert!(example.sentence().ends_with('.'), "{}", example.name);
        }
    }
}
