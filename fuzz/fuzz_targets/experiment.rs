//! Any text as an experiment file: an error, or an experiment that reads back equal and can be linted.
#![no_main]

use anneal_studio::experiment::Experiment;
use anneal_studio::lint::lint;
use anneal_studio::schedule::Clock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(experiment) = Experiment::parse(text, "fuzz.toml") else { return };
    let written = experiment.to_toml();
    match Experiment::parse(&written, "fuzz.toml") {
        Ok(again) => assert_eq!(again, experiment),
        Err(error) => panic!("{error}\n{written}"),
    }
    let _ = lint(&experiment, None);
    let _ = lint(&experiment, Some(Clock { updates: 1000, updates_per_epoch: 10 }));
});
