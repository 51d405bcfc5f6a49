//! The map and the sweep panel, over trainings that really happen beside the stand-in's.

use std::time::Duration;

use anneal_studio::experiment::Experiment;
use anneal_studio::experiment::sweep::Objective;
use anneal_studio::experiment::vary::Base;
use anneal_studio::library::{Detail, Filter, Index, Kind};
use anneal_studio::sweep::{Running, Status, Trial};
use anneal_studio::ui::panels::snapshots::cooldowns;
use anneal_studio::ui::panels::{find, map, named, sweep};

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, clock, open};
use crate::sweeps::support;

pub const SWEEP: &str = "seeds = 2\n[sweep.over]\n\"lr.kind\" = [\"cosine\", \"wsd\", \"linear\"]\n\
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

/// A studio whose Sweep panel has run the file's sweep.
fn swept() -> Studio {
    let mut studio = studio();
    studio.panel("Sweep");
    studio.click("Run the file's sweep");
    wait(&mut studio, |studio| {
        let state = studio.harness.state().studio().panels.peek::<sweep::State>().expect("shown");
        state.progress().is_none()
    });
    studio
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

    // Another number does, once somebody looks.
    let cells = |studio: &Studio| -> Vec<Option<f64>> {
        map_state(studio).shown.iter().map(|shown| shown.as_ref()?.cell.objective).collect()
    };
    let old = cells(&studio);
    studio.panel("Results");
    let selected = studio.harness.state().studio().view.selected;
    studio.harness.state_mut().studio_mut().document.edit_run(selected, |run| {
        run.optimizer = run.optimizer.clone().with("momentum", 0.5);
    });
    studio.harness.run_steps(20);
    assert!(!map_state(&studio).is_busy() && cells(&studio) == old, "nobody looks, so nothing trains");
    studio.panel("Map");
    wait(&mut studio, |studio| {
        let state = map_state(studio);
        assert!(state.shown.iter().all(Option::is_some), "the old map stays until the new one covers it");
        !state.is_busy() && state.done == 256 && cells(studio) != old
    });
}

#[test]
fn a_click_on_a_numbers_name_draws_the_map_along_it() {
    let mut studio = studio();
    // The inspector's is left of the map's own.
    let peak = |studio: &Studio| {
        let labels = studio.harness.query_all_by_role_and_label(Role::Label, "Peak");
        labels.map(|label| label.rect().center()).min_by(|a, b| a.x.total_cmp(&b.x)).expect("a number")
    };
    let place = peak(&studio);
    studio.drag(place, place, 1, |_| ());
    studio.click("Map upwards");
    wait(&mut studio, |studio| {
        studio.harness.state().studio().panels.peek::<map::State>().is_some_and(|it| it.done > 0)
    });
    let axes = |studio: &Studio| map_state(studio).axes.clone().unwrap().map(|axis| axis.path);
    assert_eq!(axes(&studio)[1], "lr.peak");
    assert_ne!(axes(&studio)[0], "lr.peak");
    let before = axes(&studio)[0].clone();
    let place = peak(&studio);
    studio.drag(place, place, 1, |_| ());
    studio.click("Map across");
    studio.harness.run_steps(3);
    assert_eq!(axes(&studio), ["lr.peak".to_owned(), before], "the two ways change places");

    // Any objective, as far as somebody wants it to come.
    let state = studio.harness.state_mut().studio_mut().panels.of::<map::State>();
    state.objective = Objective::UpdatesToLoss(0.4);
    state.changed();
    wait(&mut studio, |studio| !map_state(studio).is_busy());
    let reached = map_state(&studio).shown.iter().flatten().filter_map(|shown| shown.cell.objective);
    assert!(reached.clone().count() > 0 && reached.clone().all(|updates| (1.0..=60.0).contains(&updates)));
    let state = studio.harness.state_mut().studio_mut().panels.of::<map::State>();
    state.objective = Objective::Cost;
    state.changed();
    wait(&mut studio, |studio| !map_state(studio).is_busy());
    assert!(map_state(&studio).error.is_none());
    let costs = map_state(&studio).shown.iter().flatten().filter_map(|shown| shown.cell.objective);
    assert!(costs.clone().count() > 0 && costs.clone().all(|cost| cost > 0.0));
}

#[test]
fn the_sweep_of_the_file_runs_and_a_row_of_the_isolation_plot_loads_its_trial() {
    let mut studio = swept();
    assert!(studio.says("12 trials of “one”") && studio.says("Circles are seeds"));
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
fn a_population_is_bred_in_the_panel_and_its_winners_lineage_is_loaded_as_a_schedule() {
    let experiment = support::experiment(
        "search = \"pbt\"\ntrials = 6\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 1.0, scale = \"log\" }\n",
    );
    let mut studio = open(experiment.clone(), None, 30, (1600.0, 1000.0));
    studio.panel("Sweep");
    studio.click("Breed the file's population");
    wait(&mut studio, |studio| {
        let state = studio.harness.state().studio().panels.peek::<sweep::State>().expect("shown");
        state.progress().is_none()
    });
    assert!(studio.says("6 members of “one”") && studio.says("rained alone from scratch under 5 seeds"));
    let trials_of = |studio: &Studio| {
        let state = studio.harness.state().studio();
        state.panels.peek::<sweep::State>().unwrap().loaded.as_ref().unwrap().trials.clone()
    };
    let trials = trials_of(&studio);
    let loss = |trial: &&Trial| trial.objectives[0].unwrap_or(f64::INFINITY);
    let best = trials.iter().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap().clone();
    assert!(studio.says(&format!("Member {}", best.trial)), "the winner is shown");
    studio.click("Load");
    let lineage = best.lineage.as_deref().expect("a member has a lineage");
    let rates = lineage.along(&experiment.runs[0].lr, best.updates).unwrap();
    let run_of = |studio: &Studio| {
        let state = studio.harness.state().studio();
        state.document.run(state.view.selected).unwrap().clone()
    };
    assert_eq!(run_of(&studio).lr, anneal_studio::sweep::herd::listed(rates.clone()));
    assert_eq!((rates.len(), run_of(&studio).name.as_str()), (60, "one"));

    // The folder of a population says the same of it.
    let folder = tempfile::tempdir().unwrap();
    let sweep = experiment.sweep.clone().unwrap();
    let pool = std::sync::Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let breeder = anneal_studio::sweep::breeder::Breeder::new(&experiment, &sweep, pool).unwrap();
    let mut journal =
        anneal_studio::sweep::Journal::create(folder.path(), &breeder.header(), &sweep).unwrap();
    let kept = anneal_studio::sweep::Kept::default();
    let watch = &mut support::Until(usize::MAX);
    breeder.breed(&mut breeder.here(), Some(&mut journal), kept, watch).unwrap();
    drop(journal);
    studio.harness.state_mut().studio_mut().panels.of::<sweep::State>().folder =
        folder.path().display().to_string();
    studio.click("Open");
    assert_eq!(trials_of(&studio), trials);
}

#[test]
fn cooldowns_branch_from_a_moment_of_the_run_and_a_click_makes_a_fork_of_one() {
    let mut studio = studio();
    studio.panel("Snapshots");
    studio.click("Cooldowns");
    studio.click("Branch cooldowns");
    let state = |studio: &Studio| {
        studio
            .harness
            .state()
            .studio()
            .panels
            .peek::<cooldowns::State>()
            .map(|state| (state.is_busy(), state.bench().cloned().unwrap_or_default()))
    };
    wait(&mut studio, |studio| state(studio).is_some_and(|(is_busy, _)| !is_busy));
    let (_, bench) = state(&studio).unwrap();
    let best = bench.branches[bench.best().unwrap()].clone();
    assert!(studio.says(&format!("{} cooldowns from update {}", bench.branches.len(), bench.at)));
    let runs = studio.document().runs().count();
    let row = format!("{}   ", anneal_studio::ui::format::significant(best.loss.unwrap(), 4));
    studio.harness.get_by_label_contains(&row).click();
    studio.harness.run_steps(3);
    let document = studio.document();
    assert_eq!(document.runs().count(), runs + 1);
    let run = document.run(studio.harness.state().studio().view.selected).unwrap();
    assert_eq!((&run.lr, run.name.starts_with("one, ")), (&best.schedule(bench.rate), true));
    let fork = run.fork.clone().unwrap();
    assert_eq!((fork.of.as_str(), fork.at), ("one", anneal_studio::schedule::Span::Updates(bench.at as f64)));
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

fn sweep_state(studio: &mut Studio) -> &mut sweep::State {
    studio.harness.state_mut().studio_mut().panels.of::<sweep::State>()
}

/// Turns to each of the sweep's views, one after another.
fn every_view(studio: &mut Studio, mut each: impl FnMut(&mut Studio, &str)) {
    let views = find(named("sweep").unwrap()).views;
    assert!(views.len() >= 8);
    for (at, view) in views.iter().enumerate() {
        sweep_state(studio).view = at;
        studio.harness.run_steps(3);
        each(studio, view);
    }
}

#[test]
fn every_view_of_a_sweep_shows_whatever_there_is_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let two = SWEEP.replace("seeds = 2", "seeds = 2\nobjective = [\"final_val_accuracy\", \"cost\"]");
    support::run_until(&two, folder.path(), usize::MAX).unwrap();
    let mut studio = studio();
    studio.panel("Sweep");
    sweep_state(&mut studio).folder = folder.path().to_string_lossy().into_owned();
    studio.click("Open");
    every_view(&mut studio, |studio, view| assert!(studio.says("Best trials"), "{view}"));
    // Nothing at all, one alone, all diverged, values at the ends of what numbers can be.
    let whole = sweep_state(&mut studio).loaded.as_ref().unwrap().trials.clone();
    let diverged = |trial: &Trial| Trial {
        status: Status::Diverged,
        objectives: vec![None, None],
        losses: Vec::new(),
        ..trial.clone()
    };
    let extreme = |trial: &Trial| Trial {
        objectives: vec![Some(if trial.trial.is_multiple_of(2) { 1e300 } else { -1e300 }), Some(0.0)],
        losses: vec![(1, f32::MAX), (20, -1.0)],
        ..trial.clone()
    };
    let hostile: [Vec<Trial>; 4] = [
        Vec::new(),
        whole[..1].to_vec(),
        whole.iter().map(diverged).collect(),
        whole.iter().map(extreme).collect(),
    ];
    for trials in hostile {
        sweep_state(&mut studio).show_trials(trials);
        every_view(&mut studio, |studio, view| assert!(studio.says("Best trials"), "{view}"));
    }
}

#[test]
fn a_point_of_a_view_shows_its_trial_and_a_press_loads_it() {
    let folder = tempfile::tempdir().unwrap();
    let one = "search = \"random\"\ntrials = 1\n[sweep.over]\n\"lr.peak\" = { from = 1e-2, to = 1.0, scale = \"log\" }\n";
    support::run_until(one, folder.path(), usize::MAX).unwrap();
    let mut studio = studio();
    studio.panel("Sweep");
    sweep_state(&mut studio).folder = folder.path().to_string_lossy().into_owned();
    studio.click("Open");
    let views = find(named("sweep").unwrap()).views;
    sweep_state(&mut studio).view = views.iter().position(|view| *view == "Slices").unwrap();
    studio.harness.run_steps(3);
    assert!(studio.says("Trial 0"));
    let trial = sweep_state(&mut studio).loaded.as_ref().unwrap().trials[0].clone();
    let peak = trial.values[0].1.as_float().unwrap();
    assert!((value(&studio, "lr.peak").unwrap() - peak).abs() > 1e-9);
    // One point alone stands in the middle of its height; across it is where its number is.
    let rect = studio.rect("lr.peak plot");
    let inner = rect.shrink2(eframe::egui::vec2(0.0, 16.0));
    let (left, right) = (rect.left() + 52.0, rect.right() - 4.0);
    let share = ((peak.log10() + 2.0) / 2.0) * (2.0 / 2.24) + 0.12 / 2.24;
    let place = eframe::egui::pos2(left + share as f32 * (right - left), inner.center().y);
    studio.drag(place, place, 1, |_| ());
    assert_eq!(value(&studio, "lr.peak"), Some(peak));
}

#[test]
fn an_interval_on_a_ruler_fades_the_trials_outside_until_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let four = "[sweep.over]\n\"lr.peak\" = { from = 1e-2, to = 1.0, scale = \"log\", points = 4 }\n\"lr.kind\" = [\"cosine\", \"linear\"]\n";
    support::run_until(four, folder.path(), usize::MAX).unwrap();
    let mut studio = studio();
    studio.panel("Sweep");
    sweep_state(&mut studio).folder = folder.path().to_string_lossy().into_owned();
    studio.click("Open");
    let views = find(named("sweep").unwrap()).views;
    let view = |name| views.iter().position(|view| *view == name).unwrap();
    sweep_state(&mut studio).view = view("Parallel coordinates");
    studio.harness.run_steps(3);
    assert!(!studio.says("the others are faded"));
    // The upper half of the peaks, by dragging.
    let ruler = studio.rect("Interval of lr.peak");
    let top = ruler.center_top() + eframe::egui::vec2(0.0, 4.0);
    studio.drag(ruler.center(), top, 4, |_| ());
    assert!(studio.says("4 of 8 trials are within"));
    // One kind of the two, by keys: the middle half of the ruler holds both, its upper end pulled down one of them.
    studio.harness.get_by_label("Interval of lr.kind").focus();
    studio.harness.run_steps(2);
    studio.press(Modifiers::NONE, Key::ArrowUp);
    assert!(studio.says("4 of 8 trials are within"));
    studio.press(Modifiers::SHIFT, Key::ArrowDown);
    assert!(studio.says("2 of 8 trials are within"));
    // The other views know of it.
    sweep_state(&mut studio).view = view("Slices");
    studio.harness.run_steps(3);
    assert!(studio.says("2 of 8 trials are within"));
    sweep_state(&mut studio).view = view("Parallel coordinates");
    studio.harness.run_steps(3);
    studio.harness.get_by_label("Interval of lr.kind").focus();
    studio.harness.run_steps(2);
    studio.press(Modifiers::NONE, Key::Delete);
    assert!(studio.says("4 of 8 trials are within"));
    studio.click("Show all");
    assert!(!studio.says("the others are faded"));
}

#[test]
fn trials_that_differ_in_a_seed_alone_are_one_until_they_are_taken_apart() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = "[sweep.over]\n\"lr.peak\" = [0.05, 0.1]\n\"train.seed\" = [0, 1, 2]\n";
    support::run_until(seeds, folder.path(), usize::MAX).unwrap();
    let mut studio = studio();
    studio.panel("Sweep");
    sweep_state(&mut studio).folder = folder.path().to_string_lossy().into_owned();
    studio.click("Open");
    assert!(!studio.says("train.seed 1"), "the mean of its seeds is a trial of no seed");
    studio.click("Put seeds together");
    assert!(studio.says("train.seed 1"));
}

#[test]
fn a_question_about_the_selected_run_is_answered_without_a_file() {
    let mut studio = studio();
    studio.harness.state_mut().studio_mut().document.edit(|experiment| experiment.sweep = None);
    studio.panel("Sweep");
    studio.click("Which cooldown?");
    wait(&mut studio, |studio| {
        let state = studio.harness.state().studio().panels.peek::<sweep::State>().expect("shown");
        state.progress().is_none() && state.loaded.as_ref().is_some_and(|loaded| loaded.trials.len() == 48)
    });
    studio.harness.run_steps(3);
    assert!(studio.says("48 trials of “one”") && studio.shows("Each at its own best plot"));
    assert!(studio.says("quadratic"), "a line for each shape");
    // It is in the library when somebody asks for it, and once.
    let library = tempfile::tempdir().unwrap();
    studio.harness.state_mut().studio_mut().view.library = library.path().to_string_lossy().into_owned();
    studio.harness.run_steps(2);
    studio.click("Keep in the library");
    wait(&mut studio, |studio| {
        let state = studio.harness.state().studio().panels.peek::<sweep::State>().expect("shown");
        state.loaded.as_ref().is_some_and(|loaded| loaded.is_kept)
    });
    studio.harness.run_steps(2);
    assert!(!studio.shows("Keep in the library"));
    let rows = Index::open(library.path()).unwrap().rows(&Filter::default()).unwrap();
    assert!(rows.len() >= 48 && rows.iter().all(|row| row.kind == Kind::Sweep && row.finished));
    let folder = library.path().join(&rows[0].folder);
    let detail = Detail::read(&folder, "trial 3", 0).unwrap();
    let updates: Vec<f64> = detail.train_losses.iter().map(|(update, _)| *update).collect();
    assert_eq!(updates.len(), 20, "a loss for each stretch of the run");
    assert_eq!(updates.last(), Some(&60.0), "up to its end");
}

#[test]
fn a_schedule_is_read_before_anything_is_trained() {
    let mut studio = studio();
    studio.panel("Update weights");
    assert!(studio.says("Half of what training did to “one”"));
    assert!(studio.says("nothing is forgotten"));
    let selected = studio.harness.state().studio().view.selected;
    studio.harness.state_mut().studio_mut().document.edit_run(selected, |run| {
        run.optimizer = run.optimizer.clone().with("weight_decay", 1e-4);
    });
    studio.harness.run_steps(3);
    assert!(studio.says("The timescale is longer than the run"));
    studio.click("Sum of rates");
    assert!(studio.shows("Update weights plot"));
}

fn focus(studio: &mut Studio, label: &str) {
    studio.harness.get_by_label(label).focus();
    studio.harness.run_steps(3);
}

#[test]
fn arrow_keys_go_through_the_cells_of_a_map_and_enter_loads_one() {
    let mut studio = studio();
    studio.panel("Map");
    wait(&mut studio, |studio| !map_state(studio).is_busy());
    focus(&mut studio, "Map of Warmup length over Peak");
    for key in [Key::Home, Key::ArrowRight, Key::ArrowRight, Key::ArrowUp] {
        studio.press(Modifiers::NONE, key);
    }
    assert!(studio.says("Enter: load."));
    let up = value(&studio, "lr.warmup.over").unwrap();
    let axes = map_state(&studio).axes.clone().unwrap();
    studio.press(Modifiers::NONE, Key::Enter);
    let third = axes[0].range.number(2.0 / 15.0);
    let peak = value(&studio, "lr.peak").unwrap();
    assert!((peak / third - 1.0).abs() < 0.01, "{peak} {third}");
    let step = 100.0 / 15.0 * (axes[1].range.to - axes[1].range.from) / 100.0;
    let above = value(&studio, "lr.warmup.over").unwrap() - up;
    assert!((0.4 * step..1.6 * step).contains(&above), "{above} {step}");
}

#[test]
fn arrow_keys_go_through_the_trials_of_every_view_that_shows_them_one_by_one() {
    let mut studio = swept();
    let mut walked = 0;
    every_view(&mut studio, |studio, view| {
        // The plots of the studio, and those of the card.
        let own = [
            "Learning rate plot",
            "Loss plot",
            "Momentum plot",
            "Schedule of the trial plot",
            "Losses of the trial plot",
        ];
        let figures = studio.harness.query_all_by(|node| node.role() == Role::Figure);
        let names: Vec<String> = figures.filter_map(|node| node.accesskit_node().label()).collect();
        let mut names =
            names.into_iter().filter(|name| name.ends_with(" plot") && !own.contains(&name.as_str()));
        let Some(name) = names.next() else { return };
        focus(studio, &name);
        studio.press(Modifiers::NONE, Key::Home);
        let first = sweep_state(studio).options.marked.unwrap_or_else(|| panic!("{view}: {name}"));
        studio.press(Modifiers::NONE, Key::ArrowRight);
        let next = sweep_state(studio).options.marked.unwrap();
        studio.press(Modifiers::NONE, Key::End);
        let last = sweep_state(studio).options.marked.unwrap();
        assert!(first != next && first != last, "{view}: {first} {next} {last}");
        studio.press(Modifiers::NONE, Key::Enter);
        assert!(studio.says(&format!("Trial {last} is loaded")), "{view}");
        walked += 1;
    });
    assert!(walked >= 4, "{walked}");
}

#[test]
fn a_front_is_of_two_of_several_objectives_or_of_one_and_the_updates() {
    let folder = tempfile::tempdir().unwrap();
    let three = "objective = [\"final_val_loss\", \"final_val_accuracy\", \"cost\"]\n[sweep.over]\n\
                 \"train.updates\" = [\"20\", \"60\"]\n\"lr.peak\" = [0.01, 0.1]\n";
    let one = "[sweep.over]\n\"train.updates\" = [\"20\", \"60\"]\n\"lr.peak\" = [0.01, 0.1]\n";
    let same = "[sweep.over]\n\"lr.peak\" = [0.01, 0.1]\n";
    let mut studio = studio();
    studio.panel("Sweep");
    let view = find(named("sweep").unwrap()).views.iter().position(|view| *view == "Pareto front").unwrap();
    let open = |studio: &mut Studio, name: &str, sweep: &str| {
        let folder = folder.path().join(name);
        support::run_until(sweep, &folder, usize::MAX).unwrap();
        sweep_state(studio).folder = folder.to_string_lossy().into_owned();
        studio.click("Open");
        sweep_state(studio).view = view;
        studio.harness.run_steps(3);
    };
    open(&mut studio, "three", three);
    assert!(studio.shows("Pareto front plot") && studio.shows("Across"));
    sweep_state(&mut studio).options.front = [3, 2];
    studio.harness.run_steps(3);
    assert!(studio.shows("Pareto front plot") && studio.says("updates"));
    open(&mut studio, "one", one);
    assert!(studio.shows("Pareto front plot") && !studio.shows("Across"));
    open(&mut studio, "same", same);
    assert!(!studio.shows("Pareto front plot") && studio.says("so the best is the whole front"));
}

#[test]
fn an_audit_is_read_from_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let pruned = "search = \"random\"\ntrials = 70\nprune = { kind = \"successive_halving\" }\n\
                  [sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 1.0, scale = \"log\" }\n";
    let outcome = support::run_until(pruned, folder.path(), usize::MAX).unwrap();
    let mut studio = studio();
    studio.panel("Sweep");
    sweep_state(&mut studio).folder = folder.path().to_string_lossy().into_owned();
    studio.click("Open");
    let sentence = anneal_studio::ui::format::sentence(&outcome.audit.unwrap().sentence());
    assert!(studio.says(&sentence), "{sentence}");
}

#[test]
fn a_trial_in_training_has_a_card() {
    let mut studio = swept();
    let state = sweep_state(&mut studio);
    let trial = state.loaded.as_ref().unwrap().trials[0].clone();
    let running = Running { trial: 99, values: trial.values.clone(), losses: trial.losses[..3].to_vec() };
    state.loaded.as_mut().unwrap().running = vec![running];
    let trials = state.loaded.as_ref().unwrap().trials.clone();
    state.show_trials(trials);
    state.options.marked = Some(99);
    studio.harness.run_steps(3);
    assert!(studio.says("Trial 99") && studio.says("in training"));
}
