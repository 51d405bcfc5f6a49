//! What holds for any experiment and any text.

use std::fs;

use anneal_studio::experiment::Experiment;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{any, examples};

/// Values that are wrong in most places.
const NASTY: [&str; 22] = [
    "nan",
    "-inf",
    "-1",
    "0",
    "1e999",
    "1e308",
    "99999999999999999999",
    "\"\"",
    "\"0\"",
    "\"1e300ep\"",
    "\"-5%\"",
    "true",
    "{}",
    "[]",
    "[[]]",
    "1979-05-27",
    "\"cosine\"",
    "\"surface\"",
    "'''",
    "=",
    "kind",
    "0x7fffffffffffffff",
];

/// An error is one line that names the file; what reads, resolves, and writes itself again.
fn holds(text: &str) -> Result<(), TestCaseError> {
    match Experiment::parse(text, "out.toml") {
        Ok(experiment) => {
            let again = Experiment::parse(&experiment.to_toml(), "out.toml");
            prop_assert!(again.is_ok_and(|again| again == experiment), "{}", experiment.to_toml());
        }
        Err(error) => {
            let message = error.to_string();
            prop_assert!(message.starts_with("out.toml:"), "{message}");
            prop_assert_eq!(message.lines().count(), 1, "{}", message);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_experiment_reads_back_the_same(experiment in any::experiment()) {
        let text = experiment.to_toml();
        match Experiment::parse(&text, "out.toml") {
            Ok(again) => prop_assert_eq!(again, experiment, "{}", text),
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn any_change_of_a_file_is_read_or_refused(
        file in 0..5usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..6usize, prop::sample::select(&NASTY[..])), 1..4),
    ) {
        let (_, mut text) = examples().swap_remove(file);
        for (at, change, nasty) in changes {
            let mut words: Vec<&str> = text.split_inclusive([' ', '\n', ',']).collect();
            let at = at.index(words.len());
            match change {
                0 => { words.remove(at); }
                1 => words.insert(at, words[at]),
                2 => words.truncate(at),
                3 => { let last = words.len() - 1; words.swap(at, last); }
                _ => words[at] = nasty,
            }
            text = words.concat();
            text.push('\n');
        }
        holds(&text)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("e.toml");
        fs::write(&path, bytes)?;
        prop_assert!(Experiment::open(&path).is_err());
    }
}
