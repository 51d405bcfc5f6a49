//! Trials: the same bits whoever trains beside them, and what becomes of a sweep that is stopped.

use std::fs;

use anneal_studio::experiment::sweep::{Objective, Range, Unit};
use anneal_studio::experiment::{Experiment, Fork, Run};
use anneal_studio::schedule::Span;
use anneal_studio::sweep::edges::at_the_edge;
use anneal_studio::sweep::front::best;
use anneal_studio::sweep::isolation::isolate;
use anneal_studio::sweep::map::{Cell, MapRequest, survey};
use anneal_studio::sweep::ready::READY;
use anneal_studio::sweep::{
    JournalError, Kept, Outcome, Running, Status, SweepError, Sweeper, Trial, Watch, journal,
};
use anneal_studio::train::TrainError;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::ids::{Revision, RunId};

use super::support::{Until, experiment, run, run_until, sweeper};

const KINDS: &str = r#"seeds = 2
[sweep.over]
"lr.kind" = ["cosine", "wsd", "linear"]
"lr.peak" = { from = 1e-2, to = 1.0, scale = "log", points = 4 }
"lr.warmup.over" = { from = "0%", to = "30%", points = 2 }
"data.batch_size" = [16, 32]
"#;

const PRUNED: &str = r#"search = "random"
trials = 70
seeds = 2
prune = { kind = "successive_halving" }
[sweep.over]
"lr.peak" = { from = 1e-3, to = 1.0, scale = "log" }
"optimizer.momentum" = { from = 0.0, to = 0.95 }
"#;

#[test]
fn a_trial_has_the_same_bits_alone_in_any_cohort_and_on_any_number_of_threads() {
    let reference = run(KINDS, 1, 1).trials;
    assert_eq!(reference.len(), 48);
    assert!(reference.iter().all(|trial| trial.objectives[0].is_some()));
    for (threads, lanes) in [(1, 1000), (2, 7), (3, 64)] {
        assert_eq!(run(KINDS, threads, lanes).trials, reference, "{threads} threads, {lanes} lanes");
    }
}

#[test]
fn who_is_pruned_depends_on_neither_threads_nor_lanes() {
    let reference = run(PRUNED, 1, 1);
    assert!(reference.trials.iter().filter(|trial| trial.status == Status::Pruned).count() > 30);
    let again = run(PRUNED, 3, 500);
    assert_eq!(again.trials, reference.trials);
    assert_eq!(again.audit, reference.audit);
}

#[test]
fn a_trial_is_the_run_that_the_file_would_train_with_its_values() {
    let swept = run(KINDS, 2, 64).trials;
    let trial = &swept[29];
    let experiment = experiment(KINDS);
    let trained = sweeper(&experiment, 1).space().experiment(&trial.values).unwrap();
    let file = Experiment::parse(&trained.to_toml(), "alone.toml").unwrap();
    let mut alone = Experiment { runs: file.runs.clone(), ..file };
    alone.train.replicas = 2;
    let revision = Revision { generation: 0, experiment: alone, ids: vec![RunId(0)] };
    let pool = std::sync::Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let mut cohort = Cohort::new(revision.into(), pool).unwrap();
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    let losses: Vec<Option<f64>> =
        cohort.lanes().iter().map(|lane| lane.log.rows.last()?.val_loss.map(f64::from)).collect();
    let seeds: Vec<Option<f64>> = trial.seeds.iter().map(|seed| seed[0]).collect();
    assert_eq!(seeds, losses);
    // Twenty stretches of the sixty updates have three each.
    let stretch = |lane: &anneal_studio::train::lane::Lane, at: usize| {
        let rows = &lane.log.rows[3 * at..3 * at + 3];
        rows.iter().map(|row| f64::from(row.train_loss)).sum::<f64>() / 3.0
    };
    let mean = |at: usize| cohort.lanes().iter().map(|lane| stretch(lane, at)).sum::<f64>() / 2.0;
    let along: Vec<(u64, f32)> = (0..20).map(|at| (at as u64 + 1, mean(at) as f32)).collect();
    assert_eq!(trial.losses, along);
    assert_eq!(trial.updates, cohort.update());
}

#[test]
fn a_sweep_that_is_stopped_goes_on_and_ends_the_same() {
    let searches = [
        KINDS.to_owned(),
        PRUNED.to_owned(),
        PRUNED.replace("successive_halving", "median").replace("random", "tpe"),
        PRUNED.replace("successive_halving", "hyperband").replace("random", "sobol"),
        PRUNED.replace("successive_halving", "forecast"),
        PRUNED.replace("prune = { kind = \"successive_halving\" }\n", "").replace("random", "cma_es"),
    ];
    for search in searches {
        let whole = tempfile::tempdir().unwrap();
        run_until(&search, whole.path(), usize::MAX).unwrap_or_else(|error| panic!("{search}: {error}"));
        let torn = tempfile::tempdir().unwrap();
        for trials in [3, 20, 40] {
            let stopped = run_until(&search, torn.path(), trials);
            assert!(matches!(stopped, Err(SweepError::Train(_))), "{search}");
            // As a kill leaves it: the last line half written.
            let path = torn.path().join("journal.jsonl");
            let journal = fs::read(&path).unwrap();
            fs::write(&path, &journal[..journal.len() - 5]).unwrap();
        }
        run_until(&search, torn.path(), usize::MAX).unwrap_or_else(|error| panic!("{search}: {error}"));
        for file in ["trials.jsonl", "optuna.journal"] {
            let read = |folder: &tempfile::TempDir| fs::read_to_string(folder.path().join(file)).unwrap();
            assert_eq!(read(&torn), read(&whole), "{file} of {search}");
        }
    }
}

#[test]
fn a_folder_of_another_sweep_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run_until(KINDS, folder.path(), 2).unwrap_err();
    let error = run_until(&KINDS.replace("seeds = 2", "seeds = 3"), folder.path(), 9).unwrap_err();
    assert!(matches!(error, SweepError::Journal(JournalError::Other { .. })), "{error}");
    assert!(error.to_string().contains("seeds = 2"), "{error}");
}

#[test]
fn a_run_that_diverges_is_told_from_one_that_is_bad() {
    let sweep = "[sweep.over]\n\"lr.peak\" = [0.1, 1e30]\n\"model.activation\" = [\"relu\"]\n";
    let trials = run(sweep, 1, 8).trials;
    assert_eq!(
        trials.iter().map(|trial| trial.status).collect::<Vec<_>>(),
        [Status::Complete, Status::Diverged]
    );
    assert_eq!(trials[1].as_json()["objective"], serde_json::Value::Null);
    assert!(trials[1].updates < 60 && trials[1].updates > 0, "{}", trials[1].updates);
}

#[test]
fn values_that_cannot_be_together_are_one_failed_trial_and_no_more() {
    let sweep = "[sweep.over]\n\"data.batch_size\" = [16, 500]\n\"train.accumulate\" = [1, 2]\n";
    let trials = run(sweep, 1, 8).trials;
    assert_eq!(
        trials.iter().map(|trial| trial.status).collect::<Vec<_>>(),
        [Status::Complete, Status::Complete, Status::Complete, Status::Failed]
    );
}

#[test]
fn a_value_that_cannot_be_trained_is_found_before_anything_is() {
    for (axis, words) in [
        ("\"data.batch_size\" = [16, 1000000]", "data.batch_size = 1000000 cannot be trained"),
        ("\"data.batch_size\" = { from = 16, to = 4000, points = 3 }", "data.batch_size = 4000"),
        ("\"lr.kind\" = [\"cosine\", \"wsd\"]\n\"train.accumulate\" = [1, 100]", "train.accumulate = 100"),
    ] {
        let experiment = experiment(&format!("[sweep.over]\n{axis}\n"));
        let pool = std::sync::Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
        let sweep = experiment.sweep.as_ref().unwrap();
        let error = Sweeper::new(&experiment, sweep, "moons.toml".as_ref(), pool).err().expect(axis);
        let error = error.to_string();
        assert!(error.contains(words) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn pruning_is_audited_and_says_what_it_saved() {
    let outcome = run(PRUNED, 2, 64);
    let audit = outcome.audit.unwrap();
    assert!(audit.pruned > 30 && audit.audited >= 4, "{audit:?}");
    assert!(audit.share_saved > 0.3 && audit.share_saved < 1.0, "{audit:?}");
    // What it says of the winners is what training without pruning finds.
    let whole = run(&PRUNED.replace("prune = { kind = \"successive_halving\" }\n", ""), 2, 64).trials;
    let objectives = experiment(PRUNED).sweep.unwrap().objectives;
    let kept = best(&outcome.trials, &objectives).unwrap().badness(&objectives);
    assert!(audit.winners_killed.iter().all(|&trial| whole[trial].badness(&objectives) < kept));
    let audited_best = whole.iter().filter(|trial| Some(trial.badness(&objectives)) == audit.best_audited);
    assert_eq!(audited_best.count(), 1);
}

#[test]
fn a_folder_knows_its_audit() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run_until(PRUNED, folder.path(), usize::MAX).unwrap();
    let opened = journal::open(folder.path()).unwrap();
    assert_eq!(opened.trials, outcome.trials);
    assert_eq!(opened.audit, outcome.audit);
    let torn = tempfile::tempdir().unwrap();
    run_until(PRUNED, torn.path(), 40).unwrap_err();
    assert!(journal::open(torn.path()).unwrap().audit.is_none(), "one that did not come so far knows none");
}

/// Hears how far a sweep and its audit are.
#[derive(Default)]
struct Shares {
    swept: Vec<f64>,
    audited: Vec<f64>,
    sample: Option<usize>,
}

impl Watch for Shares {
    fn trial(&mut self, _: &Trial, _: Option<&str>) -> Result<(), TrainError> {
        Ok(())
    }

    fn progress(&mut self, share: f64) -> Result<(), TrainError> {
        let shares = if self.sample.is_some() { &mut self.audited } else { &mut self.swept };
        shares.push(share);
        Ok(())
    }

    fn audits(&mut self, trials: usize) {
        self.sample = Some(trials);
    }
}

#[test]
fn an_audit_says_how_far_it_is() {
    // Long enough to be told of on the way.
    let experiment =
        experiment(&PRUNED.replace("[sweep.over]", "[sweep.over]\n\"train.updates\" = [\"2000\"]"));
    let mut heard = Shares::default();
    let outcome = sweeper(&experiment, 2).run(None, Kept::default(), &mut heard).unwrap();
    assert_eq!(heard.sample, Some(outcome.audit.unwrap().audited));
    assert_eq!(heard.swept.last(), Some(&1.0));
    assert!(heard.audited[0] < 0.5 && heard.audited.len() > 4, "{:?}", heard.audited);
    assert!(heard.audited.is_sorted());
}

#[test]
fn the_isolation_plot_compares_each_kind_at_its_own_best() {
    let experiment = experiment(KINDS);
    let trials = run(KINDS, 2, 64).trials;
    let sweep = experiment.sweep.unwrap();
    let isolated = isolate(&sweep, &trials, "lr.kind").unwrap();
    assert_eq!(isolated.len(), 3);
    for one in &isolated {
        let with = |trial: &&Trial| trial.values[0].1.as_str() == Some(&one.label);
        let best =
            trials.iter().filter(with).filter_map(|trial| trial.objectives[0]).fold(f64::INFINITY, f64::min);
        assert_eq!(one.objective, Some(best));
        assert_eq!((one.trials, one.seeds.len()), (16, 2));
    }
    assert!(isolated.windows(2).all(|pair| pair[0].objective <= pair[1].objective));
    assert!(isolate(&sweep, &trials, "lr.pek").is_none());
}

#[test]
fn a_winner_at_the_edge_of_the_space_says_so() {
    let sweep = "[sweep.over]\n\"lr.peak\" = { from = 1e-5, to = 1e-3, scale = \"log\", points = 3 }\n\
                 \"lr.warmup.over\" = { from = \"0%\", to = \"30%\", points = 2 }\n";
    let experiment = experiment(sweep);
    let trials = run(sweep, 1, 64).trials;
    let sweep = experiment.sweep.unwrap();
    let best = best(&trials, &sweep.objectives).unwrap();
    assert!(
        at_the_edge(&sweep, best)
            .contains(&"the upper edge of the space wins, lr.peak = 0.001: widen it".to_owned())
    );
    // No warmup is shorter than none.
    let values = vec![("lr.warmup.over".to_owned(), "0%".into())];
    assert!(at_the_edge(&sweep, &Trial { values, ..best.clone() }).is_empty());
}

#[test]
fn kinds_leave_out_what_they_do_not_have() {
    let sweep =
        "[sweep.over]\n\"lr.kind\" = [\"cosine\", \"wsd\"]\n\"lr.decay\" = [\"10%\", \"20%\", \"40%\"]\n";
    let trials = run(sweep, 1, 64).trials;
    let values: Vec<usize> = trials.iter().map(|trial| trial.values.len()).collect();
    assert_eq!(values, [1, 2, 2, 2], "a cosine has no decay, so it is one trial");
}

#[test]
fn two_objectives_have_a_front() {
    let sweep = "objective = [\"final_val_accuracy\", \"cost\"]\n[sweep.over]\n\
                 \"train.updates\" = { from = 10, to = 60, points = 4 }\n\"lr.peak\" = [0.01, 0.1]\n";
    let experiment = experiment(sweep);
    let trials = run(sweep, 1, 64).trials;
    let front = anneal_studio::sweep::front::front(&trials, &experiment.sweep.unwrap().objectives);
    assert!(!front.is_empty() && front.len() < trials.len());
    assert!(front.windows(2).all(|pair| pair[0].objectives[1] > pair[1].objectives[1]));
    assert!(trials[0].as_json()["objective"].is_array());
}

#[test]
fn three_objectives_have_a_front_in_which_none_is_beaten_in_all() {
    let sweep = "objective = [\"final_val_loss\", \"final_val_accuracy\", \"cost\"]\n[sweep.over]\n\
                 \"train.updates\" = { from = 10, to = 60, points = 4 }\n\"lr.peak\" = [0.01, 0.1, 0.5]\n";
    let experiment = experiment(sweep);
    let trials = run(sweep, 1, 64).trials;
    let front = anneal_studio::sweep::front::front(&trials, &experiment.sweep.unwrap().objectives);
    let bad = |trial: &Trial| {
        let [loss, accuracy, cost] = trial.objectives[..] else { panic!("three objectives") };
        [loss.unwrap(), -accuracy.unwrap(), cost.unwrap()]
    };
    let beats = |a: &Trial, b: &Trial| bad(a) != bad(b) && bad(a).iter().zip(bad(b)).all(|(a, b)| *a <= b);
    assert!(front.len() > 2 && front.len() < trials.len(), "{}", front.len());
    assert!(front.iter().all(|one| !trials.iter().any(|other| beats(other, one))));
    assert_eq!(trials[0].as_json()["objective"].as_array().unwrap().len(), 3);
}

/// Hears of trials while they are trained.
#[derive(Default)]
struct Live(Vec<Running>);

impl Watch for Live {
    fn trial(&mut self, _: &Trial, _: Option<&str>) -> Result<(), TrainError> {
        Ok(())
    }

    fn progress(&mut self, _: f64) -> Result<(), TrainError> {
        Ok(())
    }

    fn running(&mut self, running: &[Running]) {
        self.0.extend(running.iter().cloned());
    }
}

#[test]
fn trials_show_their_losses_while_they_are_trained() {
    let sweep = "[sweep.over]\n\"lr.peak\" = [0.1, 0.2]\n\"train.updates\" = [\"1000\"]\n";
    let experiment = experiment(sweep);
    let mut live = Live::default();
    let done = sweeper(&experiment, 1).run(None, Kept::default(), &mut live).unwrap().trials;
    let partial = live.0.iter().filter(|one| !one.losses.is_empty() && one.losses.len() < 20);
    assert!(partial.clone().count() >= 4, "{:?}", live.0);
    for one in partial {
        let whole = &done[one.trial];
        assert_eq!(one.values, whole.values);
        // The last stretch that was begun is not over.
        let sure = one.losses.len() - 1;
        assert_eq!(one.losses[..sure], whole.losses[..sure]);
    }
}

#[test]
fn a_journal_without_losses_along_the_way_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    run_until(PRUNED, folder.path(), 20).unwrap_err();
    let path = folder.path().join("journal.jsonl");
    let journal = fs::read_to_string(&path).unwrap();
    let old: Vec<String> = journal
        .lines()
        .map(|line| match line.find(",\"losses\":") {
            Some(at) => format!("{}}}", &line[..at]),
            None => line.to_owned(),
        })
        .collect();
    assert!(old.iter().any(|line| line.len() < 300) && old.len() > 10);
    fs::write(&path, old.join("\n") + "\n").unwrap();
    let again = run_until(PRUNED, folder.path(), usize::MAX).unwrap();
    assert_eq!(again.trials.len(), 70);
}

#[test]
fn a_question_about_a_run_is_a_sweep_that_can_be_written_down_and_trained() {
    let clock = sweeper(&experiment(KINDS), 1).clock();
    for ready in &READY {
        let asked = experiment("[sweep.over]\n\"lr.peak\" = [0.1]\n");
        let (experiment, sweep) = (ready.make)(&asked, &asked.runs[0], clock).unwrap();
        assert_eq!(
            Experiment::parse(&experiment.to_toml(), "asked.toml").unwrap(),
            experiment,
            "{}",
            ready.title
        );
        let trials =
            sweeper(&experiment, 2).run(None, Kept::default(), &mut Until(usize::MAX)).unwrap().trials;
        assert!(trials.iter().all(|trial| trial.status == Status::Complete), "{}", ready.title);
        let isolated = isolate(&sweep, &trials, ready.isolate).unwrap();
        assert!(isolated.len() >= 4 && isolated.iter().all(|one| one.seeds.len() == 3), "{}", ready.title);
    }
    let forked = Run {
        fork: Some(Fork { of: "two".into(), at: Span::Updates(9.0) }),
        ..experiment(KINDS).runs[0].clone()
    };
    assert!(READY.iter().all(|ready| (ready.make)(&experiment(KINDS), &forked, clock).is_none()));
}

#[test]
fn cooldowns_share_one_past_until_they_begin() {
    let clock = sweeper(&experiment(KINDS), 1).clock();
    let asked = experiment("[sweep.over]\n\"lr.peak\" = [0.1]\n");
    let ready = READY.iter().find(|ready| ready.isolate == "lr.cooldown.over").unwrap();
    let (experiment, _) = (ready.make)(&asked, &asked.runs[0], clock).unwrap();
    let trials = sweeper(&experiment, 2).run(None, Kept::default(), &mut Until(usize::MAX)).unwrap().trials;
    // The longest begins after 24 of the 60 updates, of which a stretch has 3.
    let past = |trial: &Trial| trial.losses[..8].to_vec();
    assert!(trials.iter().all(|trial| past(trial) == past(&trials[0])));
    let ends: std::collections::BTreeSet<String> =
        trials.iter().map(|trial| format!("{:?}", trial.objectives)).collect();
    assert!(ends.len() > 40, "and part from there on: {} ends", ends.len());
}

#[test]
fn a_map_may_reach_further_than_what_can_be_trained() {
    let range = |from: f64, to: f64, unit: Unit| Range { from, to, unit, log: false, points: None };
    let axes =
        [("lr.peak", range(0.01, 0.1, Unit::Number)), ("data.batch_size", range(16.0, 4000.0, Unit::Whole))];
    let request = MapRequest {
        run: "one".to_owned(),
        axes: axes.map(|(path, range)| (path.to_owned(), range)),
        side: 2,
        seeds: 1,
        objective: Objective::FinalValLoss,
    };
    let mut cells: Vec<Cell> = Vec::new();
    let mut each = |cell: Option<Cell>| {
        cells.extend(cell);
        Ok(())
    };
    let asked = experiment("[sweep.over]\n\"lr.peak\" = [0.1]\n");
    survey(&asked, "moons.toml".as_ref(), &request, None, None, &mut each).unwrap();
    assert_eq!(cells.len(), 4);
    assert!(cells.iter().all(|cell| cell.objective.is_some() == (cell.at[1] == 0)), "{cells:?}");
}

/// Three kinds over many peaks, on a task whose best decay to the end: they look bad until then.
const LATE: &str = r#"anneal = 1
name = "characters"
data = { name = "shakespeare", batch_size = 16, validation = 0.2 }
model = { kind = "mlp", hidden = [32], activation = "tanh", context = 8, embedding = 8 }
train = { updates = "500", seed = 2 }
[[run]]
name = "one"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1, warmup = { over = "5%" } }
[sweep]
prune = { kind = "none" }
[sweep.over]
"lr.kind" = ["wsd", "cosine", "linear"]
"lr.peak" = { from = 0.01, to = 1.0, scale = "log", points = 24 }
"#;

fn late(prune: &str, threads: usize) -> Outcome {
    let text = LATE.replace("\"none\"", &format!("\"{prune}\""));
    let experiment = Experiment::parse(&text, "late.toml").unwrap_or_else(|error| panic!("{error}"));
    sweeper(&experiment, threads).run(None, Kept::default(), &mut Until(usize::MAX)).unwrap()
}

#[test]
fn a_forecast_keeps_the_winners_that_a_median_kills_and_gives_up_what_is_bad() {
    let objectives = [Objective::FinalValLoss];
    let whole = late("none", 2).trials;
    let kept = |outcome: &Outcome| best(&outcome.trials, &objectives).unwrap().badness(&objectives);
    let killed = |outcome: &Outcome| {
        let pruned = outcome.trials.iter().filter(|trial| trial.status == Status::Pruned);
        pruned.filter(|trial| whole[trial.trial].badness(&objectives) < kept(outcome)).count()
    };
    let (median, forecast) = (late("median", 2), late("forecast", 2));
    assert!(killed(&median) > 0, "the median kills the best here");
    assert_eq!(killed(&forecast), 0);
    assert_eq!(kept(&forecast), best(&whole, &objectives).unwrap().badness(&objectives));
    let audit = forecast.audit.clone().unwrap();
    assert!(audit.pruned >= 8 && audit.winners_killed.is_empty(), "{audit:?}");
    let again = late("forecast", 1);
    assert_eq!((again.trials, again.audit), (forecast.trials, forecast.audit), "on any number of threads");
}
