//! Detectors: each failure planted, and hundreds of healthy trainings that none of them may disturb.

use std::fmt::Write;

use anneal_studio::analysis::detect::{
    Context, Evidence, Finding, Kind, Policy, Reaction, Remedy, Severity, Together, Watch, initial_norm,
};
use anneal_studio::experiment::{Experiment, Fork, WeightFormat};
use anneal_studio::schedule::kind::{After, Constant, Cosine};
use anneal_studio::schedule::{Clock, Curve, Schedule};
use anneal_studio::telemetry::Row;
use anneal_studio::train::cohort::Cohort;

use super::cohort;
use crate::support::Fixture;

const CHANCE: f64 = 2.3;
const UPDATES: u64 = 1000;

fn curve(kind: impl Into<anneal_studio::schedule::Kind>) -> Curve {
    let schedule: Schedule = kind.into().into();
    schedule.resolve(Clock { updates: UPDATES, updates_per_epoch: 50 }).unwrap()
}

fn constant() -> Curve {
    curve(anneal_studio::schedule::Kind::Constant(Constant { peak: 0.1 }))
}

fn cosine() -> Curve {
    curve(anneal_studio::schedule::Kind::Cosine(Cosine {
        peak: 0.1,
        floor: 0.0,
        over: None,
        after: After::Hold,
        power: 1.0,
    }))
}

fn context(scheduled: Curve) -> Context {
    Context {
        scheduled: Some(scheduled.into()),
        updates: UPDATES,
        quiet_until: 50,
        chance: Some(CHANCE),
        chance_name: "chance",
        weight_norm: 10.0,
        parameters: 1000,
        weights: WeightFormat::F32,
        rounded_fairly: false,
        clip_norm: None,
        controlled: false,
        adaptive: false,
        runtime_cap: None,
        phases: Vec::new(),
        curricula: Vec::new(),
        together: Together::Nobody,
    }
}

/// A healthy row: a loss that falls from chance, moderate norms.
fn healthy(update: u64, lr: f64) -> Row {
    let loss = (CHANCE * (-(update as f64) / 150.0).exp() + 0.2) as f32;
    Row { update, lr, momentum: 0.9, train_loss: loss, grad_norm: 1.0, update_norm: 0.05, ..Row::default() }
}

/// The findings over rows made of healthy ones.
fn watched(context: Context, row: impl Fn(Row) -> Row) -> Vec<Finding> {
    let mut watch = Watch::new(context.clone());
    for update in 0..UPDATES {
        watch.update(&row(healthy(update, context.rate(update))));
    }
    watch.findings().to_vec()
}

fn kinds(findings: &[Finding]) -> Vec<Kind> {
    findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_healthy_row_after_the_other_raises_nothing() {
    assert_eq!(watched(context(constant()), |row| row), []);
    assert_eq!(watched(context(cosine()), |row| row), []);
}

#[test]
fn a_schedule_that_is_not_followed_is_ignored() {
    let found = watched(context(cosine()), |row| Row { lr: 0.1, ..row });
    assert_eq!(kinds(&found), [Kind::IgnoredUpdates]);
    let evidence = &found[0].evidence[0];
    assert_eq!(evidence.value, 0.1);
    assert!(evidence.against < 0.08 && evidence.update < 400, "{evidence:?}");
    assert!(found[0].count > 1 && found[0].count <= 1000 / 50, "{}", found[0].count);
    // Under a controller the rate is not the schedule's.
    let controlled = Context { controlled: true, ..context(cosine()) };
    assert_eq!(watched(controlled, |row| Row { lr: 0.1, ..row }), []);
}

#[test]
fn repeated_spikes_are_an_oscillation_and_one_is_not() {
    let spiky = |every: u64| {
        move |row: Row| {
            let high = row.update % every == every - 1 && row.update > 100;
            Row { train_loss: if high { 8.0 } else { row.train_loss }, ..row }
        }
    };
    let found = watched(context(constant()), spiky(25));
    assert!(kinds(&found).contains(&Kind::Oscillation), "{found:?}");
    assert_eq!(watched(context(constant()), spiky(600)), []);
    // Multiples of almost nothing are noise: a batch with one hard sample.
    let tiny = |row: Row| Row { train_loss: if row.update.is_multiple_of(5) { 0.05 } else { 0.001 }, ..row };
    assert_eq!(watched(context(constant()), tiny), []);
}

#[test]
fn a_loss_that_explodes_or_is_no_number_is_a_divergence() {
    let exploded = watched(context(constant()), |row| Row {
        train_loss: if row.update > 300 {
            row.train_loss * 1.05_f32.powi((row.update - 300).min(300) as i32)
        } else {
            row.train_loss
        },
        ..row
    });
    assert!(kinds(&exploded).contains(&Kind::Divergence));
    for broken in [f32::NAN, f32::INFINITY] {
        // Also within warmup, and told once.
        let found = watched(context(constant()), |row| Row {
            train_loss: if row.update >= 7 { broken } else { row.train_loss },
            ..row
        });
        assert_eq!(kinds(&found), [Kind::Divergence]);
        assert_eq!(found[0].first, 7);
        assert!(found[0].count <= 1000 / 50);
        assert_eq!(found[0].kind.severity(), Severity::Error);
    }
    let jump_in_warmup = watched(context(constant()), |row| Row {
        train_loss: if row.update == 20 { 40.0 } else { row.train_loss },
        ..row
    });
    assert_eq!(jump_in_warmup, []);
}

#[test]
fn weights_that_hardly_move_are_too_slow_and_weights_that_do_are_stuck() {
    let flat = |norm: f32| move |row: Row| Row { train_loss: 2.29, update_norm: norm, ..row };
    let slow = watched(context(constant()), flat(1e-4));
    assert_eq!(kinds(&slow), [Kind::SilentSlowdown]);
    assert_eq!(slow[0].remedies[0], Remedy::ScaleRate(10.0));
    assert_eq!(slow[0].first, 500);
    let stuck = watched(context(constant()), flat(0.5));
    assert_eq!(kinds(&stuck), [Kind::StuckAtChance]);
    assert!(matches!(stuck[0].remedies[0], Remedy::Warmup(_)));
}

#[test]
fn a_rate_that_jumps_against_its_schedule_is_a_wrong_resume() {
    // The schedule begins anew at update 500.
    let scheduled = cosine();
    let found = watched(context(cosine()), |row| Row {
        lr: if row.update < 500 { row.lr } else { scheduled.at(row.update - 500) },
        ..row
    });
    assert_eq!(kinds(&found), [Kind::CheckpointMismatch]);
    assert_eq!((found[0].first, found[0].evidence[0].value), (500, 0.1));
    // An edit is no mismatch, nor is a schedule's own drop.
    let mut watch = Watch::new(context(cosine()));
    for update in 0..UPDATES {
        if update == 500 {
            watch.edited(context(constant()));
        }
        watch.update(&healthy(update, if update < 500 { scheduled.at(update) } else { 0.1 }));
    }
    assert_eq!(watch.findings(), []);
}

#[test]
fn lost_updates_are_an_underflow_by_count_and_by_size() {
    let mut watch = Watch::new(context(constant()));
    let mut fair = Watch::new(Context { rounded_fairly: true, ..context(constant()) });
    for update in 0..UPDATES {
        let rounded_away = Some(if update < 300 { 0.5 } else { 0.97 });
        let row = Row { rounded_away, ..healthy(update, 0.1) };
        watch.update(&row);
        fair.update(&row);
    }
    assert_eq!(fair.findings(), []);
    assert_eq!(kinds(watch.findings()), [Kind::PrecisionUnderflow]);
    assert!(watch.findings()[0].first >= 300);
    let small = curve(anneal_studio::schedule::Kind::Constant(Constant { peak: 1e-4 }));
    for (weights, found) in [(WeightFormat::Bf16, 1), (WeightFormat::F16, 0), (WeightFormat::F32, 0)] {
        let context = Context { weights, ..context(small.clone()) };
        assert_eq!(watched(context, |row| row).len(), found, "{weights:?}");
    }
}

#[test]
fn repeated_gradient_peaks_are_told_and_a_single_one_is_not() {
    let peaks = |every: u64| {
        move |row: Row| Row { grad_norm: if row.update % every == every - 1 { 50.0 } else { 1.0 }, ..row }
    };
    let found = watched(context(constant()), peaks(120));
    assert_eq!(kinds(&found), [Kind::GradientPeaks]);
    assert!(matches!(found[0].remedies[0], Remedy::Clip(norm) if norm > 1.0 && norm < 10.0));
    assert_eq!(watched(context(constant()), peaks(700)), []);
}

#[test]
fn a_validation_loss_that_rises_while_training_falls_is_a_gap() {
    let run = |rising: f32, falling: f32| {
        let mut watch = Watch::new(context(constant()));
        for update in 0..UPDATES {
            let mut row = healthy(update, 0.1);
            if update % 25 == 24 {
                let past = update.saturating_sub(300) as f32 / 700.0;
                let early = 300_u64.saturating_sub(update) as f32 / 3000.0;
                row.val_accuracy = Some(0.8 - falling * past);
                row.val_loss = Some(0.7 + early + rising * past);
            }
            watch.update(&row);
        }
        watch.findings().to_vec()
    };
    let found = run(0.8, 0.1);
    assert_eq!(kinds(&found), [Kind::OverfittingGap]);
    assert!(matches!(found[0].remedies[0], Remedy::Updates(at) if (200..=400).contains(&at)), "{found:?}");
    assert_eq!(run(0.05, 0.0), []);
    assert_eq!(run(0.8, 0.0), [], "more certain, not more often wrong");
}

#[test]
fn a_controller_that_cuts_and_cuts_thrashes() {
    let run = |every: u64, factor: f64| {
        let mut watch = Watch::new(Context { controlled: true, ..context(constant()) });
        let mut rate = 0.1;
        for update in 0..UPDATES {
            if update > 0 && update % every == 0 {
                watch.rate_change(update, rate, rate * factor);
                rate *= factor;
            }
            watch.update(&healthy(update, rate));
        }
        watch.findings().to_vec()
    };
    assert_eq!(kinds(&run(60, 0.1)), [Kind::PlateauThrash]);
    assert_eq!(run(300, 0.1), []);
}

#[test]
fn a_training_that_takes_longer_than_allowed_is_told_once() {
    let mut watch = Watch::new(Context { runtime_cap: Some(100.0), ..context(constant()) });
    for update in 0..UPDATES {
        watch.update(&healthy(update, 0.1));
        watch.elapsed(0.2 * (update + 1) as f64);
    }
    let found = watch.findings();
    assert_eq!(kinds(found), [Kind::RuntimeCap]);
    assert_eq!(found[0].remedies, [Remedy::Updates(500)]);
}

#[test]
fn policies_react_to_errors_only() {
    let finding = |kind| Finding {
        kind,
        first: 0,
        last: 0,
        count: 1,
        evidence: vec![Evidence {
            update: 3,
            what: "loss".into(),
            value: 9.0,
            against: 2.0,
            against_what: "chance".into(),
        }],
        remedies: Vec::new(),
    };
    assert_eq!(finding(Kind::Divergence).message(), "Divergence: loss 9 against chance of 2 at update 3");
    for (policy, kind, reaction) in [
        (Policy::Warn, Kind::Divergence, Reaction::Tell),
        (Policy::Pause, Kind::Divergence, Reaction::Pause),
        (Policy::RollBack, Kind::Divergence, Reaction::RollBackAndHalve),
        (Policy::RollBack, Kind::CheckpointMismatch, Reaction::Pause),
        (Policy::RollBack, Kind::Oscillation, Reaction::Tell),
        (Policy::Pause, Kind::OverfittingGap, Reaction::Tell),
    ] {
        assert_eq!(policy.reaction(&finding(kind)), reaction, "{policy:?} {kind:?}");
    }
}

#[test]
fn remedies_edit_the_experiment_into_one_that_is_valid() {
    let mut changed =
        experiment_of("digits", "limit = 300", 40, "64", &SCHEDULES.map(|s| s.with("PEAK", "0.1")));
    let remedies = [
        Remedy::ScaleRate(0.5),
        Remedy::Warmup("10%".parse().unwrap()),
        Remedy::Cooldown("20%".parse().unwrap()),
        Remedy::Clip(1.0),
        Remedy::Updates(30),
        Remedy::WeightDecay(1e-3),
    ];
    let clock = Clock { updates: 40, updates_per_epoch: 10 };
    for run in 0..changed.runs.len() {
        let before = changed.runs[run].lr.resolve(clock).unwrap().range().1;
        assert!(Remedy::ScaleRate(0.5).apply(&mut changed, run), "{}", changed.runs[run].name);
        let after = changed.runs[run].lr.resolve(clock).unwrap().range().1;
        assert!((after / before - 0.5).abs() < 1e-9, "{}: {before} to {after}", changed.runs[run].name);
        for remedy in &remedies {
            remedy.apply(&mut changed, run);
            assert!(!remedy.label().is_empty());
        }
    }
    Experiment::parse(&changed.to_toml(), "remedied").unwrap();
    assert!(!Remedy::ScaleRate(0.5).apply(&mut changed, 999));
}

/// One of every shipped kind of schedule.
const SCHEDULES: [&str; 19] = [
    r#"{ kind = "constant", peak = PEAK }"#,
    r#"{ kind = "step", peak = PEAK, every = "34%", gamma = 0.3 }"#,
    r#"{ kind = "multistep", peak = PEAK, milestones = ["50%", "75%"], gamma = 0.1 }"#,
    r#"{ kind = "exponential", peak = PEAK, gamma = 0.99 }"#,
    r#"{ kind = "linear", peak = PEAK, from = 0.3, to = 1.0, over = "30%" }"#,
    r#"{ kind = "polynomial", peak = PEAK, power = 1.0 }"#,
    r#"{ kind = "cosine", peak = PEAK }"#,
    r#"{ kind = "cosine", peak = PEAK, warmup = { over = "10%" } }"#,
    r#"{ kind = "cosine_restarts", peak = PEAK, first = "25%" }"#,
    r#"{ kind = "one_cycle", peak = PEAK }"#,
    r#"{ kind = "cyclic", floor = 0.001, peak = PEAK, up = "10%" }"#,
    r#"{ kind = "inverse_sqrt", peak = PEAK, timescale = "10%", warmup = { over = "10%" } }"#,
    r#"{ kind = "wsd", peak = PEAK, decay = "20%" }"#,
    r#"{ kind = "rex", peak = PEAK }"#,
    r#"{ kind = "points", points = [["0", 0.001], ["30%", PEAK], ["100%", 0.0]] }"#,
    r#"{ kind = "table", values = [0.005, 0.01, PEAK] }"#,
    r#"{ kind = "sequence", parts = [{ for = "40%", kind = "constant", peak = PEAK }, { kind = "cosine", peak = PEAK }] }"#,
    r#"{ kind = "product", of = [{ kind = "constant", peak = PEAK }, { kind = "cosine", peak = 1.0 }] }"#,
    r#"{ kind = "constant", peak = PEAK, cooldown = { over = "30%" } }"#,
];

fn experiment_of(data: &str, more: &str, updates: u64, hidden: &str, schedules: &[String]) -> Experiment {
    let mut text = format!(
        "anneal = 1\nname = \"{data}\"\n[data]\nname = \"{data}\"\nbatch_size = 32\nvalidation = 0.2\n{more}\n\
         [model]\nkind = \"mlp\"\nhidden = [{hidden}]\nactivation = \"relu\"\n[train]\nupdates = \"{updates}\"\nseed = 0\n"
    );
    for (index, schedule) in schedules.iter().enumerate() {
        let _ = write!(
            text,
            "[[run]]\nname = \"{index}\"\noptimizer = {{ kind = \"sgd\", momentum = 0.9 }}\nlr = {schedule}\n"
        );
    }
    Experiment::parse(&text, data).unwrap()
}

/// Trains to the end and watches every lane.
fn diagnosed(cohort: &mut Cohort) -> Vec<(String, Vec<Finding>)> {
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let experiment = cohort.revision().experiment.clone();
    let task = cohort.task();
    let diagnose = |lane: &anneal_studio::train::lane::Lane| {
        let at = lane.id.run.0 as usize;
        let context = Context::of(task, &experiment, at, initial_norm(task)).unwrap();
        let run = &experiment.runs[at];
        let mut watch = Watch::new(context);
        watch.read(&lane.log, 0);
        (format!("{} {}", experiment.name, run.name), watch.findings().to_vec())
    };
    cohort.lanes().iter().map(diagnose).collect()
}

#[test]
#[cfg_attr(debug_assertions, ignore = "trains 608 runs: run it with --release")]
fn healthy_runs_of_every_schedule_raise_nothing() {
    let mut runs = 0;
    let mut alarms = Vec::new();
    for (data, more, updates, hidden, peak) in [
        ("digits", "", 400, "64", "0.1"),
        ("fashion14", "limit = 2000", 400, "64", "0.03"),
        ("mnist1d", "", 600, "128, 128", "0.05"),
        ("moons", "", 300, "32, 32", "0.1"),
        ("wine_quality", "", 300, "32", "0.02"),
        ("blobs", "", 200, "16", "0.05"),
        ("spirals", "", 1000, "64, 64", "0.1"),
        ("circles", "", 300, "32, 32", "0.1"),
    ] {
        let schedules = SCHEDULES.map(|schedule| schedule.with("PEAK", peak));
        let mut experiment = experiment_of(data, more, updates, hidden, &schedules);
        if data == "wine_quality"
            && Cohort::new(super::revision_of(experiment.clone(), 0), super::pool(2)).is_err()
        {
            experiment.train.loss = Some(anneal_studio::experiment::Loss::Mse);
        }
        experiment.train.replicas = 4;
        for (name, findings) in diagnosed(&mut cohort(experiment)) {
            runs += 1;
            alarms.extend(
                findings
                    .iter()
                    .map(|finding| format!("{name}: {} {:?}", finding.message(), finding.evidence)),
            );
        }
    }
    eprintln!("{runs} healthy runs, {} alarms", alarms.len());
    assert_eq!(runs, 608);
    assert!(alarms.is_empty(), "{} alarms:\n{}", alarms.len(), alarms.join("\n"));
}

/// A fork follows its origin's schedule, then its own: neither is an ignored one or a wrong resume of the other.
#[test]
fn a_fork_that_trains_from_the_beginning_raises_nothing() {
    let schedules = [r#"{ kind = "constant", peak = 0.05 }"#, r#"{ kind = "cosine", peak = 0.1 }"#];
    let mut experiment = experiment_of("digits", "", 400, "32", &schedules.map(str::to_owned));
    for (of, at) in [(0, "50%"), (1, "75%")] {
        let mut fork = experiment.runs[1 - of].clone();
        fork.name = format!("fork of {of}");
        fork.fork = Some(Fork { of: of.to_string(), at: at.parse().unwrap() });
        experiment.runs.push(fork);
    }
    for (name, findings) in diagnosed(&mut cohort(experiment)) {
        assert_eq!(findings, [], "{name}");
    }
}

/// Failures of real trainings, each with what must be among its findings.
#[test]
#[cfg_attr(debug_assertions, ignore = "trains real runs: run it with --release")]
fn real_trainings_that_fail_are_told_why() {
    let one = |schedule: &str| vec![schedule.to_owned()];
    let digits = |schedule: &str, updates| experiment_of("digits", "", updates, "64", &one(schedule));
    let mut cases = vec![
        (Kind::SilentSlowdown, digits(r#"{ kind = "constant", peak = 1e-5 }"#, 430)),
        (Kind::Divergence, digits(r#"{ kind = "constant", peak = 10.0 }"#, 430)),
    ];
    // Which of them die is chance, and another on another processor; that most do is not.
    let mut stuck = digits(r#"{ kind = "constant", peak = 2.0 }"#, 600);
    stuck.train.replicas = 8;
    cases.push((Kind::StuckAtChance, stuck));
    let mut underflow = digits(r#"{ kind = "constant", peak = 0.0003 }"#, 400);
    underflow.train.weights = WeightFormat::Bf16;
    cases.push((Kind::PrecisionUnderflow, underflow));
    let memorised = experiment_of(
        "fashion14",
        "limit = 1000\nlabel_noise = 0.3",
        3000,
        "256",
        &one(r#"{ kind = "constant", peak = 0.03 }"#),
    );
    cases.push((Kind::OverfittingGap, memorised));
    let text =
        experiment_of("fashion14", "limit = 1000", 1200, "64", &one(r#"{ kind = "constant", peak = 0.05 }"#))
            .to_toml()
            + "plateau = { metric = \"val_loss\", factor = 0.3, patience = 0 }\n";
    cases.push((Kind::PlateauThrash, Experiment::parse(&text, "thrash").unwrap()));
    let mut wrong = Vec::new();
    for (kind, experiment) in cases {
        let diagnosed = diagnosed(&mut cohort(experiment));
        for (name, findings) in &diagnosed {
            eprintln!("{kind:?}: {name}: {:?}", findings.iter().map(Finding::message).collect::<Vec<_>>());
        }
        if !diagnosed.iter().any(|(_, findings)| kinds(findings).contains(&kind)) {
            wrong.push(kind);
        }
    }
    assert_eq!(wrong, []);
}

/// What rounding the stored weights costs in accuracy, beside what is told of it: a loss that matters is told, and
/// hardly ever is a rate suspected under which training is as good as in full precision.
#[test]
#[cfg_attr(debug_assertions, ignore = "trains 384 lanes: run it with --release")]
fn lost_updates_are_told_where_they_cost_accuracy() {
    let rates = [1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003];
    let (mut told, mut missed, mut false_alarms, mut runs) = (0, 0, 0, 0);
    for (data, more, updates, hidden, scale) in [
        ("digits", "", 800, "64", 0.3),
        ("fashion14", "limit = 2000", 600, "64", 0.1),
        ("mnist1d", "", 800, "128, 128", 0.1),
        ("moons", "", 400, "32, 32", 0.3),
    ] {
        for (optimizer, scale) in
            [("kind = \"sgd\", momentum = 0.9", scale), ("kind = \"adamw\"", 0.1 * scale)]
        {
            let schedules = rates.map(|rate| format!("{{ kind = \"cosine\", peak = {} }}", rate * scale));
            let text = experiment_of(data, more, updates, hidden, &schedules).to_toml();
            let text = text.with("kind = \"sgd\", momentum = 0.9", optimizer);
            let mut experiment = Experiment::parse(&text, "rounding").unwrap();
            experiment.train.replicas = 2;
            let mut trained = |format| {
                experiment.train.weights = format;
                let mut cohort = cohort(experiment.clone());
                let found = diagnosed(&mut cohort);
                let is_told = found.iter().map(|(_, found)| kinds(found).contains(&Kind::PrecisionUnderflow));
                let accuracy = cohort
                    .lanes()
                    .iter()
                    .map(|lane| lane.log.validations().last().unwrap().accuracy.unwrap());
                let both: Vec<(f32, bool)> = accuracy.zip(is_told).collect();
                both.chunks(2).map(|two| ((two[0].0 + two[1].0) / 2.0, two[0].1 || two[1].1)).collect()
            };
            let exact: Vec<(f32, bool)> = trained(WeightFormat::F32);
            assert!(exact.iter().all(|(_, told)| !told));
            let best = exact.iter().map(|(accuracy, _)| *accuracy).fold(0.0, f32::max);
            for format in [WeightFormat::Bf16, WeightFormat::F16] {
                for ((rate, (before, _)), (after, is_told)) in rates.iter().zip(&exact).zip(trained(format)) {
                    let lost = before - after;
                    runs += 1;
                    let verdict = match (lost > 0.03, is_told) {
                        (true, true) => &mut told,
                        (true, false) => &mut missed,
                        (false, true) if lost < 0.01 && *before > 0.9 * best => &mut false_alarms,
                        _ => continue,
                    };
                    *verdict += 1;
                    if !(is_told && lost > 0.03) {
                        eprintln!(
                            "{data}, {optimizer}, {format:?}, {rate} x: {before:.3} -> {after:.3}, told: {is_told}"
                        );
                    }
                }
            }
        }
    }
    eprintln!("{runs} settings: {told} losses told, {missed} missed, {false_alarms} false alarms");
    assert!(told >= 20 && missed * 10 <= told, "{missed} missed, {told} told");
    assert!(false_alarms * 10 <= runs, "{false_alarms} false alarms");
}

/// The shipped experiment whose lesson is warmup: without it the diagnosis says why the run is dead.
#[test]
#[cfg_attr(debug_assertions, ignore = "trains transformers: run it with --release")]
fn a_transformer_without_warmup_is_stuck_at_the_entropy_of_its_characters() {
    let mut experiment = super::experiment("shakespeare-warmup");
    experiment.train.replicas = 2;
    let chance = cohort(experiment.clone()).task().prepared.chance_loss();
    for (name, findings) in diagnosed(&mut cohort(experiment)) {
        eprintln!("{name}: {:?}", findings.iter().map(Finding::message).collect::<Vec<_>>());
        let stuck = findings.iter().find(|finding| finding.kind == Kind::StuckAtChance);
        assert_eq!(stuck.is_some(), name.ends_with("no warmup"), "{name}: {findings:?}");
        if let Some(stuck) = stuck {
            assert!((stuck.evidence[0].against - chance).abs() < 1e-9);
            // At what it is stuck, and what broke it: far too long an update among the first.
            assert_eq!(stuck.evidence[0].against_what, "unigram entropy");
            let step = stuck.evidence.iter().find(|evidence| evidence.what.contains("longest update"));
            let step = step.unwrap_or_else(|| panic!("{:?}", stuck.evidence));
            assert!(step.update < 10 && step.value > 50.0 * step.against, "{step:?}");
            assert!(matches!(stuck.remedies[0], Remedy::Warmup(_)));
        }
    }
}
