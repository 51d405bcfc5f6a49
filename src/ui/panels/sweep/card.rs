//! The trial that was pointed at last: its values, its schedule and its losses.

use std::collections::BTreeSet;

use eframe::egui::{Align, Color32, Label, Layout, Rect, Ui, UiBuilder, vec2};

use super::found::{Found, Pointed, short, value};
use super::state::{Loaded, State};
use super::views::{points, validated};
use crate::experiment::vary::Base;
use crate::schedule::Clock;
use crate::sweep::lineage::{Hands, Lineage};
use crate::sweep::{Status, Trial};
use crate::ui::format;
use crate::ui::plot::Ruler;
use crate::ui::plot::cloud::{Cloud, ROOM, Spot, Stroked};
use crate::ui::studio::Studio;
use crate::ui::theme::{self, metrics};
use crate::ui::widgets::secondary;

/// Places of a schedule that are drawn.
const PLACES: u64 = 200;
const SCHEDULE: &str = "Schedule";

/// Draws it; whether it is to be loaded.
pub fn show(ui: &mut Ui, studio: &mut Studio, loaded: &Loaded, found: &Found, trial: Pointed<'_>) -> bool {
    let rates = rates(studio, loaded, trial);
    let mut asked = false;
    ui.horizontal(|ui| {
        ui.label(theme::title(ui, format!("{} {}", found.noun(), trial.trial())));
        let outcome = match trial {
            Pointed::Done(trial) => outcome(trial),
            Pointed::Running(_) => "in training".to_owned(),
        };
        ui.label(theme::value(ui, outcome));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let help = match trial.lineage() {
                Some(_) => "Gives the rates that its weights were trained with to the run: a schedule like any other, to train, bend or export.",
                None => "Gives its values to the run.",
            };
            asked = ui.add(secondary("Load")).on_hover_text(help).clicked();
        });
    });
    let values: Vec<String> =
        trial.values().iter().map(|(path, value)| format!("{path} {}", short(value))).collect();
    let lineage = trial.lineage();
    let began = if lineage.is_some() { "Began at " } else { "" };
    ui.add(Label::new(theme::caption(ui, began.to_owned() + &values.join(", "))).wrap());
    if let Some((lineage, _)) = lineage {
        ui.add(Label::new(theme::caption(ui, hands(lineage))).wrap());
    }
    let tokens = theme::tokens(ui);
    let rank =
        found.trials.iter().position(|other| other.trial == trial.trial()).and_then(|at| found.ranks[at]);
    let is_narrow = ui.available_width() < metrics::TWO_PLOTS;
    let width = if is_narrow { ui.available_width() } else { (ui.available_width() - metrics::S) / 2.0 };
    let share = Ruler::between(0.0, 100.0);
    let (losses, measured) = match lineage {
        Some((lineage, updates)) => (validated(lineage, updates), "validation loss"),
        None => (points(trial.losses()), "training loss"),
    };
    let highest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let plots = [
        (SCHEDULE, "rate", Ruler::between(0.0, highest.max(f64::MIN_POSITIVE)), rates, tokens.text),
        (
            "Losses",
            measured,
            Ruler::of_values(losses.iter().map(|(_, loss)| *loss), false),
            losses,
            match trial {
                Pointed::Running(_) => tokens.text,
                Pointed::Done(_) if rank.is_some() => found.color(ui, rank),
                Pointed::Done(_) => tokens.danger,
            },
        ),
    ];
    let layout = if is_narrow { Layout::top_down(Align::Min) } else { Layout::left_to_right(Align::Min) };
    ui.with_layout(layout, |ui| {
        for (name, label, up, points, color) in plots {
            let copied = lineage.iter().filter(|_| name == SCHEDULE);
            let copied = copied.flat_map(|(it, updates)| it.hands.iter().skip(1).map(|one| (one, *updates)));
            let spots = copied.filter_map(|(hands, updates)| spot(hands, updates, &points, color)).collect();
            let (_, rect): (_, Rect) = ui.allocate_space(vec2(width, metrics::PLOT_MIN + ROOM));
            let mut inside = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::default()));
            let line = Stroked { points, band: Vec::new(), color, width: metrics::CURVE, id: None };
            let cloud = Cloud {
                name: &format!("{name} of the trial"),
                across: &share,
                up: &up,
                labels: ["% of the run", label],
                height: metrics::PLOT_MIN,
                worst_is_high: true,
                spots,
                lines: vec![line],
                marked: None,
            };
            cloud.show(&mut inside);
        }
    });
    asked
}

/// In whose hands a member's weights were, and under which rates.
fn hands(lineage: &Lineage) -> String {
    let one = |hands: &Hands| {
        let factor = format::significant(hands.factor, 3);
        match hands.from {
            0 => format!("The run's schedule × {factor} in member {}", hands.member),
            from => {
                format!("copied by member {} at update {} and × {factor}", hands.member, format::count(from))
            }
        }
    };
    let all: Vec<String> = lineage.hands.iter().map(one).collect();
    all.join(", ") + "."
}

/// How it ended, and its seeds.
fn outcome(trial: &Trial) -> String {
    let number = |value: f64| format::significant(value, 4);
    match (value(trial), trial.status) {
        (Some(value), _) => {
            let seeds: Vec<f64> =
                trial.seeds.iter().filter_map(|seed| seed.first().copied().flatten()).collect();
            if seeds.len() < 2 {
                return number(value);
            }
            let (low, high) = seeds
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(*it), high.max(*it)));
            format!("{} ({} to {})", number(value), number(low), number(high))
        }
        (None, Status::Pruned) => format!("pruned at update {}", trial.updates),
        (None, Status::Diverged) => format!("diverged at update {}", trial.updates),
        (None, Status::Failed) => "could not be trained".to_owned(),
        (None, Status::Complete) => "no value".to_owned(),
    }
}

/// The rates of a trial's schedule by per cent of its run; looked up once for each trial that is pointed at.
fn rates(studio: &mut Studio, loaded: &Loaded, trial: Pointed<'_>) -> Vec<(f64, f64)> {
    let clock = studio.clock();
    let origin = studio.document.path().cloned().unwrap_or_default();
    let state = studio.panels.of::<State>();
    if let Some((of, rates)) = &state.rates
        && *of == trial.trial()
    {
        return rates.clone();
    }
    if let Some((lineage, _)) = trial.lineage() {
        let rates = along(loaded, lineage, clock).unwrap_or_default();
        let last = rates.len().saturating_sub(1);
        let even = (0..=PLACES as usize).map(|place| last * place / PLACES as usize);
        // A change of hands is a step: both its sides are looked up.
        let steps = lineage.hands.iter().map(|hands| usize::try_from(hands.from).unwrap_or(usize::MAX));
        let places: BTreeSet<usize> = even.chain(steps.flat_map(|to| [to.saturating_sub(1), to])).collect();
        let at = |place: usize| Some((place as f64 * 100.0 / last.max(1) as f64, *rates.get(place)?));
        let rates: Vec<(f64, f64)> = places.into_iter().filter_map(at).collect();
        state.rates = Some((trial.trial(), rates.clone()));
        return rates;
    }
    let base = Base::new(&loaded.experiment, &loaded.sweep.run, &origin, clock);
    let values: Vec<(&str, &toml::Value)> =
        trial.values().iter().map(|(path, value)| (path.as_str(), value)).collect();
    let variant = base.and_then(|base| base.with(&values).ok());
    let curve = variant.and_then(|variant| {
        let updates = variant.train.updates.updates(clock).round().max(1.0) as u64;
        let clock = Clock { updates, ..clock };
        Some((variant.runs.first()?.lr.resolve(clock).ok()?, updates))
    });
    let rates: Vec<(f64, f64)> = curve.map_or_else(Vec::new, |(curve, updates)| {
        let at = |place: u64| (updates - 1) * place / PLACES;
        (0..=PLACES).map(|place| (place as f64 * 100.0 / PLACES as f64, curve.at(at(place)))).collect()
    });
    state.rates = Some((trial.trial(), rates.clone()));
    rates
}

/// The rate of every update that a member's weights were trained with; nothing where the schedule is none.
pub fn along(loaded: &Loaded, lineage: &Lineage, clock: Clock) -> Option<Vec<f64>> {
    let run = loaded.experiment.runs.iter().find(|run| run.name == loaded.sweep.run)?;
    let clock = Clock { updates_per_epoch: lineage.updates_per_epoch, ..clock };
    let updates = loaded.experiment.train.updates.updates(clock).round().max(1.0) as u64;
    lineage.along(&run.lr, updates).ok()
}

/// Where a member took other weights, on the curve of its rates.
fn spot(hands: &Hands, updates: u64, rates: &[(f64, f64)], color: Color32) -> Option<Spot> {
    let share = hands.from as f64 * 100.0 / updates.max(1) as f64;
    let after = rates.partition_point(|(at, _)| *at < share);
    Some(Spot { id: hands.member, x: share, y: Some(rates.get(after)?.1), color })
}
