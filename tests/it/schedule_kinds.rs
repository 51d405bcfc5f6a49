//! Every kind of schedule does what its documentation shows, and is known wherever kinds are listed.

use anneal_studio::experiment::Experiment;
use anneal_studio::export::{Options, Target, export};
use anneal_studio::schedule::{Clock, Kind};

const CLOCK: Clock = Clock { updates: 8, updates_per_epoch: 4 };

/// An experiment whose one run has the example of a kind's documentation.
fn example(kind: &str) -> (Experiment, &'static [f64]) {
    let (fields, rates) = Kind::example(kind).unwrap();
    let text = format!(
        "anneal = 1\nname = \"an example\"\n[data]\nname = \"moons\"\nbatch_size = 32\n[model]\nkind = \"mlp\"\n\
         hidden = [4]\n[train]\nupdates = 8\n[[run]]\nname = \"{kind}\"\noptimizer = {{ kind = \"sgd\" }}\n\
         lr = {{ kind = \"{kind}\", {fields} }}\n"
    );
    (Experiment::parse(&text, "example.toml").unwrap(), rates)
}

#[test]
fn every_kind_has_the_rates_that_its_documentation_shows() {
    for kind in Kind::NAMES {
        let (experiment, rates) = example(kind);
        let curve = experiment.runs[0].lr.resolve(CLOCK).unwrap();
        let used: Vec<f64> = (0..CLOCK.updates).map(|update| curve.at(update)).collect();
        assert_eq!(rates.len(), used.len(), "{kind}");
        for (used, shown) in used.iter().zip(rates) {
            assert!((used - shown).abs() <= 0.5001e-3, "{kind}: {used} is shown as {shown}");
        }
        let first = used[0];
        assert!(
            *kind == "constant" || used.iter().any(|rate| *rate != first),
            "{kind}: the example shows nothing"
        );
    }
}

#[test]
fn every_kind_and_every_field_of_it_is_explained() {
    let readme = include_str!("../../README.md");
    for kind in Kind::NAMES {
        assert!(readme.contains(&format!("`{kind}`")), "README does not list {kind}");
        assert!(Kind::about(kind).ends_with('.'), "{kind}: {}", Kind::about(kind));
        for field in Kind::fields(kind).unwrap() {
            assert!(field.help.ends_with('.'), "{kind}.{}: {}", field.name, field.help);
        }
    }
}

#[test]
fn every_kind_is_exported_to_every_target() {
    for kind in Kind::NAMES {
        let (experiment, _) = example(kind);
        for target in Target::ALL {
            let exported = export(&experiment, &experiment.runs[0], CLOCK, target, &Options::default());
            assert!(!exported.unwrap().text.is_empty(), "{kind} to {}", target.id);
        }
    }
}
