//! A small run of ours that trains under the curve of a live one, beside it.

use eframe::egui::{Label, Ui};

use crate::api::hub::lock;
use crate::api::live::Live;
use crate::experiment::Run;
use crate::schedule::kind::{Interpolation, Kind, Points};
use crate::schedule::{Schedule, Span};
use crate::telemetry::Column;
use crate::train::ids::{Mode, RunId};
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::{prose, secondary};

/// Points of a shadow's curve, beside those where the plan turns.
const POINTS: u64 = 200;
/// A run whose future is not known draws its newest rate on: its shadow follows in so many steps.
const STEPS: u64 = 20;

/// Every shadow there is.
#[derive(Default)]
struct Shadows(Vec<Shadow>);

/// A run of ours that follows a live one.
#[derive(Clone, Debug)]
struct Shadow {
    /// The live run, and ours.
    of: RunId,
    run: RunId,
    /// What the live run's rates are multiplied by.
    factor: f64,
    followed: Followed,
}

/// What of a plan a shadow has taken in: another one is to be taken in anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Followed {
    revision: u64,
    /// The training has yet to say where the newest change begins.
    is_open: bool,
    step: u64,
}

impl Followed {
    fn of(live: &Live) -> Self {
        let total = live.about.total.unwrap_or_default();
        let step = if live.about.is_planned() { 0 } else { live.update.saturating_mul(STEPS) / total.max(1) };
        let is_open = live.changes.back().is_some_and(|made| made.soon);
        Self { revision: live.revision, is_open, step }
    }
}

pub fn show(ui: &mut Ui, studio: &mut Studio, of: RunId) {
    ui.add_space(metrics::M);
    ui.label(theme::title(ui, "A shadow"));
    let shadow = studio.panels.of::<Shadows>().0.iter().find(|shadow| shadow.of == of).cloned();
    let Some(shadow) = shadow else {
        prose(
            ui,
            "A small model of ours trains under the same curve: it shows what a bend does before the other one is there.",
        );
        let help = "A copy of the selected run, under this training's curve.";
        if ui.add(secondary("Train a shadow")).on_hover_text(help).clicked()
            && let Err(why) = begin(studio, of)
        {
            studio.toasts.failed(why);
        }
        return;
    };
    let name = studio.document.run(shadow.run).map(|run| run.name.clone()).unwrap_or_default();
    let factor = format::significant(shadow.factor, 3);
    let anew = match studio.view.mode {
        Mode::Instant => "Each bend trains it anew from its first update.",
        Mode::Live => "In Instant mode each bend trains it anew from its first update.",
    };
    let text = format!("“{name}” follows its curve, times {factor}: the peak is the one of our run. {anew}");
    ui.add(Label::new(theme::caption(ui, text)).wrap());
    if ui
        .add(secondary("Let it go its own way"))
        .on_hover_text("The run stays, and follows no more.")
        .clicked()
    {
        studio.panels.of::<Shadows>().0.retain(|other| other.run != shadow.run);
    }
}

/// Adds a run of ours with a live run's curve, at the height of the selected one.
fn begin(studio: &mut Studio, of: RunId) -> Result<(), String> {
    let selected = studio.view.selected;
    let run = studio
        .document
        .run(selected)
        .cloned()
        .ok_or("Select a run of ours first: its model is the shadow's.")?;
    let highest =
        |rates: &mut dyn Iterator<Item = f64>| rates.filter(|rate| rate.is_finite()).fold(0.0, f64::max);
    let ours = studio.curve(selected).map(|curve| {
        let updates = studio.clock().updates.max(1);
        highest(&mut (0..=POINTS).map(|at| curve.at((updates - 1) * at / POINTS)))
    });
    let guest = studio.shelf.guest(of).ok_or("The training is gone.")?;
    let (points, followed) = {
        let live = lock(guest.shared().ok_or("The training is gone.")?);
        (curve(&live), Followed::of(&live))
    };
    let points = points.ok_or("The script does not say how long it trains, so its curve has no end.")?;
    let theirs = highest(&mut points.iter().map(|(_, rate)| *rate));
    let factor = ours.filter(|ours| *ours > 0.0 && theirs > 0.0).map_or(1.0, |ours| ours / theirs);
    let name = format!("shadow of {}", guest.name);
    let lr = schedule(&points, factor);
    let added = studio.document.add(Run { name, fork: None, controller: None, lr, ..run });
    studio.panels.of::<Shadows>().0.push(Shadow { of, run: added, factor, followed });
    Ok(())
}

/// Bends every shadow whose live run was bent since.
pub fn follow(studio: &mut Studio) {
    if studio.panels.peek::<Shadows>().is_none_or(|all| all.0.is_empty()) {
        return;
    }
    let mut shadows = std::mem::take(&mut studio.panels.of::<Shadows>().0);
    shadows.retain_mut(|shadow| {
        let shared = studio.shelf.guest(shadow.of).and_then(|guest| guest.shared());
        let (Some(shared), Some(_)) = (shared, studio.document.run(shadow.run)) else { return false };
        let new = {
            let live = lock(shared);
            let followed = Followed::of(&live);
            // Half a change is none: where it begins is known in a moment.
            (followed != shadow.followed && !followed.is_open).then(|| (followed, curve(&live)))
        };
        if let Some((followed, points)) = new {
            shadow.followed = followed;
            if let Some(points) = points {
                let lr = schedule(&points, shadow.factor);
                studio.document.settle();
                studio.document.edit_run(shadow.run, |run| run.lr = lr);
                studio.document.settle();
            }
        }
        true
    });
    studio.panels.of::<Shadows>().0 = shadows;
}

/// What a run's first group was and is to be given, by shares of its whole length; nothing where that is not known.
fn curve(live: &Live) -> Option<Vec<(f64, f64)>> {
    let total = live.about.total.filter(|total| *total > 1)?;
    let (plan, last) = (live.plan(), total - 1);
    let group = plan.groups().next()?;
    let given = live.recording.recording().column(Column::Lr);
    let turns = plan.turns(group).into_iter().flat_map(|turn| [turn.saturating_sub(1), turn]);
    let mut updates: Vec<u64> =
        (0..=POINTS).map(|at| last * at / POINTS).chain(turns.filter(|turn| *turn <= last)).collect();
    updates.sort_unstable();
    updates.dedup();
    let rate = |update: u64| {
        let given = given.filter(|_| update < live.update).and_then(|named| named.points.at(update));
        given.map(|sample| sample.value).or_else(|| plan.rate(group, update)).filter(|rate| rate.is_finite())
    };
    Some(
        updates
            .into_iter()
            .filter_map(|update| Some((update as f64 / total as f64, rate(update)?)))
            .collect(),
    )
}

/// The curve as a schedule of ours, whose length is the run's, whatever that is.
fn schedule(points: &[(f64, f64)], factor: f64) -> Schedule {
    let point =
        |(share, rate): &(f64, f64)| (Span::Percent(100.0 * share), format::round_to(factor * rate, 6));
    let points = points.iter().map(point).collect();
    Schedule::from(Kind::Points(Points { points, interpolation: Interpolation::Linear }))
}
