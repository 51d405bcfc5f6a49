//! The forecast panel, over trainings that really happen beside the stand-in's.

use anneal_studio::experiment::Run;
use anneal_studio::files::Places;
use anneal_studio::forecast::{Course, Law};
use anneal_studio::train::ids::RunId;
use anneal_studio::ui::Document;
use anneal_studio::ui::panels::forecast;
use anneal_studio::ui::plot::Ghost;

use super::stand_in::{self, Studio, UPDATES};
use super::sweeps::{SWEEP, studio, wait};
use crate::sweeps::support;

fn state(studio: &Studio) -> &forecast::State {
    studio.harness.state().studio().panels.peek().expect("the panel was polled")
}

/// The ghost's run and its loss at the end.
fn ghost(studio: &Studio) -> Option<(RunId, f64)> {
    let ghost = studio.harness.state().studio().panels.peek::<Ghost>()?;
    let (run, forecast) = ghost.of.as_ref()?;
    Some((*run, *forecast.losses.last()?))
}

#[test]
fn a_ghost_follows_the_schedule_and_the_run_bends_to_the_best_shape() {
    let mut studio = studio();
    studio.panel("Forecast");
    assert!(ghost(&studio).is_none(), "nothing is fitted before it is asked for");
    studio.click("Train three runs and fit");
    wait(&mut studio, |studio| state(studio).progress().is_none());
    assert_eq!(state(&studio).error, None);
    assert!(studio.says("Fitted to") && studio.says("What the runs come to"));
    let (run, before) = ghost(&studio).expect("the selected run's");
    assert_eq!(run, studio.harness.state().studio().view.selected);

    let peak = |studio: &Studio| {
        let studio = studio.harness.state().studio();
        studio.curve(studio.view.selected).unwrap().range().1
    };
    let high = peak(&studio);
    studio.harness.state_mut().studio_mut().document.edit_run(run, |run| {
        run.lr.kind.set("peak", anneal_studio::schedule::kind::Value::Number(0.3 * high));
    });
    studio.harness.run_steps(2);
    let (_, after) = ghost(&studio).unwrap();
    assert!((after - before).abs() > 1e-6, "another schedule has another forecast");
    let listed = state(&studio).ends.iter().find(|(id, _)| *id == run).unwrap().1.0;
    assert!((listed - after).abs() < 1e-12, "the table says what is drawn");

    studio.click("Bend to the forecast's best shape");
    studio.harness.run_steps(2);
    let bent = studio.document().run(run).unwrap().lr.kind.name();
    assert_eq!(bent, "points");
    assert!(ghost(&studio).unwrap().1 <= after + 1e-3, "no worse by the law itself");
    assert!((peak(&studio) / (0.3 * high) - 1.0).abs() < 1e-9, "the peak stays");

    // Of another optimizer the law says nothing.
    studio.harness.state_mut().studio_mut().document.edit_run(run, |run| {
        run.optimizer = run.optimizer.clone().with("momentum", 0.5);
    });
    studio.harness.run_steps(2);
    assert!(ghost(&studio).is_none());
    assert!(studio.says("The law was fitted to another optimizer, model or data"));
}

const LAW: Law = Law { l0: 1.9, a: 0.9, alpha: 0.5, b: 2.0, c: 40.0, beta: 0.6, gamma: 0.4 };

/// A log as another program writes it, of a law that is known.
fn log(folder: &std::path::Path, name: &str, rate: impl Fn(u64) -> f64) {
    let course = Course::new(2000, &rate);
    let updates: Vec<u64> = (1..=80).map(|at| at * 25).collect();
    let losses = LAW.losses(&course, &updates);
    let rows: Vec<String> = updates
        .iter()
        .zip(losses)
        .map(|(update, loss)| format!("{},{},{loss}", update - 1, rate(update - 1)))
        .collect();
    std::fs::write(folder.join(name), format!("step,lr,val_loss\n{}\n", rows.join("\n"))).unwrap();
}

#[test]
fn three_recordings_forecast_the_next_training_of_theirs() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), "constant.csv", |_| 0.1);
    log(folder.path(), "cosine.csv", |at| 0.05 * (1.0 + (std::f64::consts::PI * at as f64 / 2000.0).cos()));
    log(folder.path(), "step.csv", |at| if at < 1200 { 0.1 } else { 0.01 });
    let mut studio = studio();
    studio.panel("Forecast");
    assert!(!studio.shows("Fit to the recordings"));
    let ctx = studio.harness.ctx.clone();
    for name in ["constant.csv", "cosine.csv", "step.csv"] {
        studio.harness.state_mut().open_recording(&ctx, &folder.path().join(name));
    }
    wait(&mut studio, |studio| studio.harness.state().studio().shelf.guests().len() == 3);
    studio.harness.run_steps(3);
    studio.click("Fit to the recordings");
    wait(&mut studio, |studio| state(studio).progress().is_none());
    assert_eq!(state(&studio).error, None);
    let selected = studio.harness.state().studio().view.selected;
    // The law is known, so the end of a schedule that nobody logged is, too.
    studio.harness.state_mut().studio_mut().document.edit_run(selected, |run| {
        run.lr.warmup = None;
        run.lr.kind.set("peak", anneal_studio::schedule::kind::Value::Number(0.08));
    });
    studio.harness.run_steps(3);
    let ends = &state(&studio).ends;
    assert_eq!(ends.len(), studio.document().runs().count(), "whatever optimizer ours have");
    let (run, end) = ghost(&studio).expect("the selected run's");
    assert_eq!(run, selected);
    let lower = Course::new(2000, |at| 0.04 * (1.0 + (std::f64::consts::PI * at as f64 / 2000.0).cos()));
    let truth = LAW.losses(&lower, &[2000])[0];
    assert!((end - truth).abs() < 0.035, "{end} and {truth}");
    let drawn =
        studio.harness.state().studio().panels.peek::<Ghost>().unwrap().of.as_ref().unwrap().1.clone();
    let ours = studio.harness.state().studio().clock().updates;
    assert_eq!(drawn.updates.last(), Some(&ours), "it is laid over our updates");
    assert!(studio.says("It speaks of the next of these trainings"));

    // The next one arrives: nobody fitted the law to it.
    assert_eq!(record(&studio), []);
    log(folder.path(), "next.csv", |at| 0.04 * (1.0 + (std::f64::consts::PI * at as f64 / 2000.0).cos()));
    studio.harness.state_mut().open_recording(&ctx, &folder.path().join("next.csv"));
    wait(&mut studio, |studio| !record(studio).is_empty());
    let kept = record(&studio);
    assert!(kept.len() == 1 && kept[0].0.contains("next") && kept[0].1.abs() < 0.035, "{kept:?}");
}

/// The runs of the record, and by how much each was missed.
fn record(studio: &Studio) -> Vec<(String, f64)> {
    let misses = studio.harness.state().studio().misses.all();
    misses.iter().map(|miss| (miss.run.clone(), miss.by())).collect()
}

#[test]
fn the_miss_of_a_run_that_arrives_is_kept_after_another_fit_and_another_start() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places { config: folder.path().join("config"), state: folder.path().join("state") };
    // The fit takes the first run itself; the next one is forecast.
    let mut experiment = support::experiment(SWEEP);
    let mut next = Run { name: "next".into(), ..experiment.runs[0].clone() };
    next.lr.kind.set("peak", anneal_studio::schedule::kind::Value::Number(0.03));
    experiment.runs.push(next);
    let mut studio = stand_in::open_kept(experiment.clone(), None, &places);
    studio.panel("Forecast");
    studio.click("Train three runs and fit");
    wait(&mut studio, |studio| state(studio).progress().is_none());
    assert_eq!(record(&studio), [], "no run has come to its end");
    // All come to their ends; that of the other optimizer is not forecast.
    let document = Document::new(experiment.clone(), None);
    *studio.log.shared.borrow_mut() = stand_in::shared(&document, UPDATES);
    studio.harness.run_steps(3);
    let kept = record(&studio);
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].0, "next");
    let arrived = &state(&studio).arrived[0];
    assert!((arrived.predicted - arrived.measured - kept[0].1).abs() < 1e-12);
    assert!(studio.says("The record") && studio.says("1 run came after a forecast"));

    // A run that was bent on its way is not what is forecast now.
    let next = arrived.run;
    studio.log.shared.borrow_mut().status.generation = u64::MAX;
    studio.harness.state_mut().studio_mut().document.edit_run(next, |run| {
        run.lr.kind.set("peak", anneal_studio::schedule::kind::Value::Number(0.05));
    });
    studio.harness.run_steps(3);
    assert_eq!(record(&studio), kept);

    studio.click("Fit again");
    wait(&mut studio, |studio| state(studio).progress().is_none());
    studio.harness.run_steps(3);
    assert_eq!(record(&studio), kept, "another fit forgets nothing");
    drop(studio);
    let studio = stand_in::open_kept(experiment, None, &places);
    assert_eq!(record(&studio), kept, "nor does another start");
}
