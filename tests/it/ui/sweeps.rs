//! The map and the sweep panel, over trainings that really happen beside the stand-in's.

use std::time::Duration;

use anneal_studio::experiment::Experiment;
use anneal_studio::experiment::vary::Base;
use anneal_studio::ui::panels::{map, sweep};

use super::stand_in::{Studio, clock, open};
use crate::sweeps::support;

const SWEEP: &str = "seeds = 2\n[sweep.over]\n\"lr.kind\" = [\"cosine\", \"wsd\", \"linear\"]\n\
                     \"lr.peak\" = { from = 1e-2, to = 1.0, scale = \"log\", points = 4 }\n";

pub fn studio() -> Studio {
    let experiment: Experiment = support::experiment(SWEEP);
    open(experiment, None, 30, (1600.0, 1000.0))
}

/// Frames until the condition holds.
pub fn wait(studio: &mut Studio, done: impl Fn(&Studio) -> bool) {
    for _ in 0..2000 {
        studio.harness.step();
        if done(studio) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it does not come");
}

fn map_state(studio: &Studio) -> &map::State {
    studio.harness.state().studio().panels.peek().expect("the panel was shown")
}

fn value(studio: &Studio, path: &str) -> Option<f64> {
    let state = studio.harness.state().studio();
    let run = state.document.run(state.view.selected)?;
    let base = Base::new(state.document.experiment(), &run.name, "x.toml".as_ref(), clock())?;
    let value = base.value(path)?;
    value.as_float().or_else(|| value.as_str()?.trim_end_matches('%').parse().ok())
}

#[test]
fn a_map_fills_from_coarse_to_fine_and_a_click_loads_a_cell() {
    let mut studio = studio();
    studio.panel("Map");
    wait(&mut studio, |studio| map_state(studio).done >= 16);
    assert!(map_state(&studio).shown.iter().all(Option::is_some), "coarse cells stand for all");
    wait(&mut studio, |studio| !map_state(studio).is_busy());
    let state = map_state(&studio);
    assert_eq!((state.done, state.shown.len()), (256, 256));
    assert!(state.error.is_none());
    let exact = |(at, shown): (usize, &Option<map::Shown>)| {
        let shown = shown.as_ref().unwrap();
        assert_eq!((shown.cell.at, shown.is_new), ([at % 16, at / 16], true));
    };
    state.shown.iter().enumerate().for_each(exact);

    let before = (value(&studio, "lr.peak").unwrap(), value(&studio, "lr.warmup.over").unwrap());
    let place = studio.place("Map of Warmup length over Peak");
    studio.drag(place, place, 1, |_| ());
    let after = (value(&studio, "lr.peak").unwrap(), value(&studio, "lr.warmup.over").unwrap());
    assert!(after.0 != before.0 && after.1 != before.1, "{before:?} {after:?}");
    wait(&mut studio, |studio| !map_state(studio).is_busy());
    assert_eq!(map_state(&studio).done, 256, "the two numbers of the map do not change the map");

    // Another number does.
    let selected = studio.harness.state().studio().view.selected;
    studio.harness.state_mut().studio_mut().document.edit_run(selected, |run| {
        run.optimizer = run.optimizer.clone().with("momentum", 0.5);
    });
    wait(&mut studio, |studio| map_state(studio).done < 256);
    assert!(
        map_state(&studio).shown.iter().all(Option::is_some),
        "the old map stays until the new one covers it"
    );
    studio.panel("Results");
    wait(&mut studio, |studio| !map_state(studio).is_busy());
    assert!(map_state(&studio).done < 256, "nobody looks, so nothing trains");
    studio.panel("Map");
    wait(&mut studio, |studio| map_state(studio).done == 256);
}

#[test]
fn the_sweep_of_the_file_runs_and_a_row_of_the_isolation_plot_loads_its_trial() {
    let mut studio = studio();
    studio.panel("Sweep");
    studio.click("Run the file's sweep");
    wait(&mut studio, |studio| {
        let state = studio.harness.state().studio().panels.peek::<sweep::State>().expect("shown");
        state.progress().is_none()
    });
    assert!(studio.says("12 trials of “one”") && studio.says("Each at its own best"));
    let state = studio.harness.state().studio();
    let trials = state.panels.peek::<sweep::State>().unwrap().loaded.as_ref().unwrap().trials.clone();
    let wsd = trials.iter().filter(|trial| trial.values[0].1.as_str() == Some("wsd"));
    let best = wsd.min_by(|a, b| a.objectives[0].partial_cmp(&b.objectives[0]).unwrap()).unwrap();
    let label = format!("wsd: {}", anneal_studio::ui::format::significant(best.objectives[0].unwrap(), 4));
    studio.click(&label);
    let state = studio.harness.state().studio();
    let run = state.document.run(state.view.selected).unwrap();
    assert_eq!((run.name.as_str(), run.lr.kind.name()), ("one", "wsd"));
    assert_eq!(value(&studio, "lr.peak"), best.values[1].1.as_float());
}

#[test]
fn the_folder_of_a_sweep_opens_and_one_without_says_why() {
    let folder = tempfile::tempdir().unwrap();
    support::run_until(SWEEP, folder.path(), usize::MAX).unwrap();
    let mut studio = studio();
    studio.panel("Sweep");
    let folder_of = |studio: &mut Studio, folder: String| {
        studio.harness.state_mut().studio_mut().panels.of::<sweep::State>().folder = folder;
        studio.click("Open");
    };
    folder_of(&mut studio, "/nowhere".to_owned());
    assert!(studio.says("/nowhere"), "the reason is shown");
    folder_of(&mut studio, folder.path().to_string_lossy().into_owned());
    assert!(studio.says("12 trials of “one”") && studio.says("Best trials"));
}
