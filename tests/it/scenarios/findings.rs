//! What diagnosis says of scenarios: planted faults are named, healthy runs raise nothing.

use anneal_studio::analysis::detect::{Context, Kind, Watch, initial_norm};

use crate::support::cohort;

/// The kinds that are found in each lane of an experiment.
fn found(text: &str) -> Vec<Vec<Kind>> {
    let mut cohort = cohort(text, 2);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let (task, experiment) = (cohort.task(), &cohort.revision().experiment);
    let kinds = |lane: &anneal_studio::train::lane::Lane| {
        let context = Context::of(task, experiment, lane.id.run.0 as usize, initial_norm(task)).unwrap();
        let mut watch = Watch::new(context);
        watch.read(&lane.log, 0);
        watch.findings().iter().map(|finding| finding.kind).collect()
    };
    cohort.lanes().iter().map(kinds).collect()
}

/// Ten seeds of one run on the digits.
fn digits(phases: &str, more: &str, updates: &str, lr: &str) -> String {
    format!(
        "anneal = 1\nname = \"found\"\n[data]\nname = \"digits\"\nbatch_size = 16\n{phases}[model]\nkind = \"mlp\"\nhidden = \
         [64]\n[train]\nupdates = \"{updates}\"\nreplicas = 10\n{more}[[run]]\nname = \"run\"\noptimizer = {{ kind = \
         \"sgd\", momentum = 0.9 }}\nlr = {lr}\n"
    )
}

const CONSTANT: &str = "{ kind = \"constant\", peak = 0.05 }";

#[test]
fn what_goes_wrong_in_a_scenario_is_named_in_nine_of_ten_seeds() {
    let phases = |second: &str| {
        format!(
            "phase = [{{ name = \"a\", for = \"50%\" }}, {{ name = \"b\", for = \"25%\", {second} }}, {{ name = \"c\" }}]\n"
        )
    };
    let worker = |fault: &str| format!("[parallel]\nworkers = 4\nfault = {{ worker = 1, {fault} }}\n");
    let high = "{ kind = \"constant\", peak = 0.1 }";
    let mut cases = vec![
        (Kind::Drift, digits(&phases("shift = { rotate = 60 }"), "", "800", CONSTANT)),
        (Kind::Forgetting, digits(&phases("shift = { rotate = 90 }"), "", "1200", CONSTANT)),
        (Kind::HarmfulData, digits(&phases("poison = { share = 0.6, to = 0 }"), "", "1200", high)),
    ];
    for fault in ["lr_factor = 1.5", "stale = true", "dropped = true", "other_seed = true"] {
        cases.push((Kind::ReplicasApart, digits("", &worker(fault), "200", CONSTANT)));
    }
    for (kind, text) in cases {
        let lanes = found(&text);
        let named = lanes.iter().filter(|kinds| kinds.contains(&kind)).count();
        assert!(named >= 9, "{kind:?}: {named} of 10 in {lanes:?}\n{text}");
    }
}

#[test]
fn healthy_scenarios_raise_nothing() {
    let phases =
        |second: &str| format!("phase = [{{ name = \"a\", for = \"50%\" }}, {{ name = \"b\"{second} }}]\n");
    let cosine = "{ kind = \"cosine\", peak = 0.05, warmup = { over = \"5%\" } }";
    for text in [
        digits(&phases(""), "", "1000", CONSTANT),
        digits(&phases(", shift = { rotate = 5, noise = 0.02 }"), "", "1000", cosine),
        digits("", "[parallel]\nworkers = 4\n", "300", cosine),
        digits("", "[parallel]\nworkers = 4\nsync = \"every 8\"\n", "300", CONSTANT),
        digits("", "[federated]\nclients = 8\nlocal = \"5\"\n", "600", cosine),
        digits("", "stop = { patience = 5 }\n", "40ep", cosine),
    ] {
        for kinds in found(&text) {
            assert_eq!(kinds, [], "{text}");
        }
    }
}
