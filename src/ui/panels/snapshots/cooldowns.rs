//! The cooldown bench: from a snapshot of the selected run, or a moment that is trained for it, cooldowns of many shapes
//! and lengths branch at once; a click makes a fork of one.

use std::num::NonZero;
use std::sync::Arc;

use eframe::egui::{Color32, Label, ScrollArea, TextWrapMode, Ui};

use crate::engine::Snapshot;
use crate::experiment::Experiment;
use crate::jobs::{Answers, Job, Lost};
use crate::schedule::Clock;
use crate::sweep::cooldowns::{self, Bench, Branch, Origin};
use crate::train::TrainError;
use crate::train::ids::{LaneId, RunId, SnapshotId};
use crate::train::task::prepare;
use crate::ui::format;
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, Spot, Stroked, Touch};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{combo, primary, prose, row, waiting};

const HOW: &str = "From one moment of the run its rate is held and then cooled to nothing, by each shape over each length, so that all end where the run ends. They train side by side, from that moment on only.";
/// Branches in the list of the best.
const SHOWN: usize = 8;

enum Answer {
    Now(Bench),
    End(Result<Bench, String>),
}

/// What was branched of which run, as it was then.
struct Shown {
    run: RunId,
    experiment: Experiment,
    bench: Bench,
}

/// What the bench keeps between frames.
#[derive(Default)]
pub struct State {
    /// The snapshot that was chosen by hand.
    chosen: Option<SnapshotId>,
    shown: Option<Shown>,
    job: Option<Job<Answer>>,
    error: Option<String>,
    /// The branch that was pointed at last.
    marked: Option<usize>,
}

impl State {
    fn listen(&mut self) {
        while let Some(answer) = self.job.as_ref().and_then(Job::poll) {
            match answer {
                Ok(Answer::Now(bench)) => self.put(bench),
                Ok(Answer::End(ended)) => {
                    self.job = None;
                    match ended {
                        Ok(bench) => self.put(bench),
                        Err(why) => self.error = Some(why),
                    }
                }
                Err(Lost) => self.job = None,
            }
        }
    }

    fn put(&mut self, bench: Bench) {
        if let Some(shown) = &mut self.shown {
            shown.bench = bench;
        }
    }

    /// What came of it so far.
    pub fn bench(&self) -> Option<&Bench> {
        self.shown.as_ref().map(|shown| &shown.bench)
    }

    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }
}

/// Takes in what has come; whether more is on its way.
pub fn poll(studio: &mut Studio, _: bool) -> bool {
    let state = studio.panels.of::<State>();
    state.listen();
    state.is_busy()
}

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let origins = origins(studio);
    choose(ui, studio, &origins);
    let state = studio.panels.of::<State>();
    if let Some(share) = state.job.as_ref().map(|job| job.progress().share()) {
        if waiting(ui, "Cooling", share) {
            state.job = None;
        }
    } else if ui.add(primary(ui, "Branch cooldowns")).on_hover_text(HOW).clicked() {
        let ctx = ui.ctx().clone();
        begin(studio, move || ctx.request_repaint());
    }
    ui.add_space(metrics::S);
    let state = studio.panels.of::<State>();
    if let Some(error) = &state.error {
        ui.colored_label(theme::tokens(ui).danger, format::sentence(error));
    }
    let Some(shown) = state.shown.take() else {
        prose(ui, HOW);
        return;
    };
    let is_of_this = shown.run == studio.view.selected && is_same(studio, &shown);
    if is_of_this {
        ScrollArea::vertical().id_salt("cooldowns").auto_shrink([false, false]).show(ui, |ui| {
            ui.set_max_width(ui.available_width() - metrics::S);
            if let Some(branch) = results(ui, studio, &shown.bench) {
                load(studio, &shown, &branch);
            }
        });
    } else {
        prose(ui, HOW);
    }
    studio.panels.of::<State>().shown = Some(shown);
}

/// Whether the run, and what it trains on, are still what they were.
fn is_same(studio: &Studio, shown: &Shown) -> bool {
    let (now, was) = (studio.document.experiment(), &shown.experiment);
    let run = studio.document.run(shown.run);
    run.is_some_and(|run| was.runs.contains(run))
        && now.data == was.data
        && now.model == was.model
        && now.train == was.train
}

/// The snapshots of the selected run, after which something is left to cool.
fn origins(studio: &Studio) -> Vec<Snapshot> {
    let lane = LaneId { run: studio.view.selected, replica: 0 };
    let updates = studio.clock().updates;
    let of_run = studio.frame.snapshots.iter().filter(|snapshot| snapshot.lane() == lane && !snapshot.left);
    of_run.filter(|snapshot| (1..updates).contains(&snapshot.update())).cloned().collect()
}

/// The one to branch from: the chosen one, or the last at which the run still trains at its highest rate.
fn origin<'s>(studio: &Studio, origins: &'s [Snapshot]) -> Option<&'s Snapshot> {
    let chosen = studio.panels.peek::<State>().and_then(|state| state.chosen);
    let by_hand = origins.iter().find(|snapshot| Some(snapshot.id) == chosen);
    let until = stable_until(studio);
    by_hand.or_else(|| origins.iter().rev().find(|snapshot| snapshot.update() <= until))
}

fn stable_until(studio: &Studio) -> u64 {
    let run = studio.document.run(studio.view.selected);
    run.map_or(0, |run| cooldowns::stable_until(run, studio.clock()))
}

/// Where to branch.
fn choose(ui: &mut Ui, studio: &mut Studio, origins: &[Snapshot]) {
    let chosen = origin(studio, origins).map(|snapshot| (snapshot.id, snapshot.update()));
    let words = |update: u64| format!("update {}", format::count(update));
    let text = match chosen {
        Some((_, update)) => format!("the snapshot of {}", words(update)),
        None => format!("{}, trained for this", words(stable_until(studio))),
    };
    row(
        ui,
        "From",
        "A snapshot of the run while its rate is stable. Without one the run is trained so far.",
        |ui, id| {
            let combo = combo("cooldowns from").selected_text(text).width(ui.available_width());
            let shown = combo.show_ui(ui, |ui| {
                for snapshot in origins {
                    let is_chosen = chosen.is_some_and(|(id, _)| id == snapshot.id);
                    if ui.selectable_label(is_chosen, words(snapshot.update())).clicked() {
                        studio.panels.of::<State>().chosen = Some(snapshot.id);
                    }
                }
            });
            shown.response.labelled_by(id);
        },
    );
}

/// Branches them in the background.
pub fn begin(studio: &mut Studio, wake: impl Fn() + Send + Sync + 'static) {
    let origins = origins(studio);
    let from = match origin(studio, &origins) {
        Some(snapshot) => Origin::Saved(Arc::clone(&snapshot.saved)),
        None => Origin::Stable,
    };
    let run = studio.view.selected;
    let Some(name) = studio.document.run(run).map(|run| run.name.clone()) else { return };
    let experiment = studio.document.experiment().clone();
    let prepared = studio.frame.prepared.clone();
    let work = {
        let experiment = experiment.clone();
        move |answers: &Answers<Answer>| {
            let mut last = Bench::default();
            let mut each = |bench: &Bench, share: f64| {
                if *bench != last {
                    last = bench.clone();
                    answers.give(Answer::Now(last.clone()));
                }
                let reported = answers.progress().report((share * 1e4) as u64, 10_000);
                reported.map_err(|_| TrainError::Cancelled)
            };
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            let branched = prepared.map_or_else(|| prepare(&experiment), Ok).and_then(|prepared| {
                let pool = Arc::new(crate::train::pool(Some(cores))?);
                Ok(cooldowns::branch(&experiment, &name, from, (&prepared, &pool), &mut each))
            });
            Answer::End(match branched {
                Ok(ended) => ended.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            })
        }
    };
    let state = studio.panels.of::<State>();
    (state.error, state.marked) = (None, None);
    match Job::spawn("cooldowns", wake, work) {
        Ok(job) => {
            state.job = Some(job);
            state.shown = Some(Shown { run, experiment, bench: Bench::default() });
        }
        Err(error) => state.error = Some(format!("no thread for cooldowns: {error}")),
    }
}

/// The losses by shape and length; the branch that is to be loaded.
fn results(ui: &mut Ui, studio: &mut Studio, bench: &Bench) -> Option<Branch> {
    if bench.branches.iter().all(|branch| branch.loss.is_none()) {
        ui.label(theme::caption(ui, "Nothing has cooled yet."));
        return None;
    }
    let clock = studio.clock();
    let state = studio.panels.of::<State>();
    let marked = state.marked.filter(|marked| *marked < bench.branches.len()).or_else(|| bench.best());
    about(ui, bench, state.is_busy());
    legend(ui, bench);
    let mut touch = plot(ui, bench, marked, clock);
    ui.add_space(metrics::S);
    ui.label(theme::title(ui, "Best cooldowns"));
    ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
    let mut ranked: Vec<usize> = (0..bench.branches.len()).collect();
    ranked.retain(|at| bench.branches[*at].loss.is_some());
    ranked.sort_by(|&a, &b| loss(&bench.branches[a]).total_cmp(&loss(&bench.branches[b])));
    for at in ranked.into_iter().take(SHOWN) {
        let branch = &bench.branches[at];
        let text = format!("{}   {}", format::significant(loss(branch), 4), words(branch, clock));
        let response = ui.selectable_label(Some(at) == marked, text);
        let response = response.on_hover_text("Click: a fork of the run with this cooldown.");
        if response.hovered() || response.clicked() {
            touch = Touch { over: Some(at), pressed: response.clicked() };
        }
    }
    let state = studio.panels.of::<State>();
    if touch.over.is_some() && touch.over != state.marked {
        state.marked = touch.over;
        ui.ctx().request_repaint();
    }
    touch.over.filter(|_| touch.pressed).and_then(|at| bench.branches.get(at)).cloned()
}

fn loss(branch: &Branch) -> f64 {
    branch.loss.unwrap_or(f64::INFINITY)
}

fn words(branch: &Branch, clock: Clock) -> String {
    let share = 100.0 * branch.over as f64 / clock.updates.max(1) as f64;
    format!("{} over the last {} updates ({share:.0} %)", branch.name(), format::count(branch.over))
}

/// What was trained, and what that saved.
fn about(ui: &mut Ui, bench: &Bench, is_busy: bool) {
    let count = bench.branches.len();
    let text = format!(
        "{count} cooldowns from update {} at a rate of {}, under the first seed: {} updates are trained in place of {}.",
        format::count(bench.at),
        format::significant(bench.rate, 3),
        format::count(bench.trained),
        format::count(bench.from_scratch),
    );
    let on_the_way = if is_busy { " The losses are those so far." } else { "" };
    ui.add(Label::new(theme::caption(ui, text + on_the_way)).wrap());
}

/// The shapes, each once, in the order of their branches.
fn shapes(bench: &Bench) -> Vec<&'static str> {
    let mut shapes: Vec<&'static str> = bench.branches.iter().map(Branch::name).collect();
    shapes.dedup();
    shapes
}

fn color(ui: &Ui, shape: usize) -> Color32 {
    theme::tokens(ui).run(shape)
}

fn legend(ui: &mut Ui, bench: &Bench) {
    ui.horizontal_wrapped(|ui| {
        for (at, shape) in shapes(bench).into_iter().enumerate() {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = metrics::XS;
                ui.colored_label(color(ui, at), "●");
                ui.label(theme::caption(ui, shape));
            });
        }
    });
}

/// A line a shape, over the lengths of the cooldown.
fn plot(ui: &mut Ui, bench: &Bench, marked: Option<usize>, clock: Clock) -> Touch {
    let share = |branch: &Branch| 100.0 * branch.over as f64 / clock.updates.max(1) as f64;
    let (mut lines, mut spots) = (Vec::new(), Vec::new());
    for (at, shape) in shapes(bench).into_iter().enumerate() {
        let color = color(ui, at);
        let of_shape = bench.branches.iter().enumerate().filter(|(_, branch)| branch.name() == shape);
        let points = of_shape.clone().filter_map(|(_, branch)| Some((share(branch), branch.loss?)));
        let (points, band) = (points.collect(), Vec::new());
        lines.push(Stroked { points, band, color, width: metrics::CURVE_FAINT, id: None });
        spots.extend(of_shape.map(|(id, branch)| Spot { id, x: share(branch), y: branch.loss, color }));
    }
    let longest = bench.branches.iter().map(share).fold(0.0, f64::max);
    let cloud = Cloud {
        name: "Cooldowns",
        across: &Ruler::between(0.0, longest),
        up: &Ruler::of_values(bench.branches.iter().filter_map(|branch| branch.loss), false),
        labels: ["length of the cooldown, % of the run", "loss at the end"],
        height: metrics::COMPARISON,
        worst_is_high: true,
        spots,
        lines,
        marked,
    };
    cloud.show(ui)
}

/// A fork of the run where the branches part, under this cooldown.
fn load(studio: &mut Studio, shown: &Shown, branch: &Branch) {
    let Some(run) = studio.document.run(shown.run).map(|run| run.name.clone()) else { return };
    studio.document.settle();
    let Some(id) = studio.document.fork(shown.run, shown.bench.at) else { return };
    studio.document.edit_run(id, |run| {
        run.lr = branch.schedule(shown.bench.rate);
        run.controller = None;
    });
    studio.document.rename(id, &format!("{run}, {} over {}", branch.name(), branch.over));
    studio.document.settle();
    studio.view.selected = id;
    studio.toasts.done(format!("A fork of “{run}” that cools: {}.", words(branch, studio.clock())));
}
