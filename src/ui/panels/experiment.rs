//! What all runs share: the data, the model, the length and the seed.

use eframe::egui::Ui;

use crate::data::Prepared;
use crate::experiment::{Experiment, Loss, Metric, Source, Stop, Train};
use crate::schedule::Clock;
use crate::ui::format;
use crate::ui::studio::Studio;
use crate::ui::theme;
use crate::ui::widgets::{Amount, amount, check, choice, count, row, whole};

use super::map::mapped;
use super::schedule::{Units, span_row};
use super::{attack, data, lint, model, precision, rule, suited, team};

pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let mut next = Experiment { runs: Vec::new(), ..studio.document.experiment().clone() };
    let before = next.clone();
    let clock = studio.clock();
    ui.label(theme::caption(ui, "Shared by all runs. A change here trains them from scratch."));
    lint::of_experiment(ui, studio);
    let prepared = studio.frame.prepared.clone();
    let other = data::show(ui, &mut next, prepared.as_deref().and_then(Prepared::table));
    rule(ui);
    model::show(ui, &mut next);
    if studio.frame.status.parameters > 0 {
        let count = format::count(studio.frame.status.parameters as u64);
        row(ui, "Weights", "Learnable numbers of one run.", |ui, _| ui.label(theme::value(ui, count)));
    }
    rule(ui);
    let answers_decide = matches!(next.data.source, Source::File { .. });
    train(ui, &mut next.train, clock, answers_decide);
    if next.data.source != Source::None {
        let numbers = prepared.as_deref().is_some_and(Prepared::is_regression);
        stopping(ui, &mut next.train.stop, numbers);
    }
    attack::show(ui, &mut next);
    team::show(ui, &mut next, clock);
    if next != before {
        studio.document.edit(|experiment| {
            let runs = std::mem::take(&mut experiment.runs);
            *experiment = Experiment { runs, ..next };
        });
    }
    if let Some(source) = other {
        let mut said = String::new();
        studio.document.edit(|experiment| said = suited::choose(experiment, source));
        studio.toasts.done(said);
    }
}

fn train(ui: &mut Ui, train: &mut Train, clock: Clock, answers_decide: bool) {
    let mut length = Some(train.updates);
    if span_row(ui, "Length", "How long every run trains.", &mut length, Units::Absolute, long(clock))
        && let Some(length) = length
    {
        train.updates = length;
    }
    whole(
        ui,
        &Amount::whole("Seed", "Every random draw comes from it.", 0.0..=99.0).limits(0.0..=1e15),
        &mut train.seed,
    );
    let spec = Amount::whole("Replicas", "Each run under so many seeds.", 1.0..=16.0).limits(1.0..=256.0);
    count(ui, &spec, &mut train.replicas);
    let help = "Batches whose mean gradient makes one update.";
    count(ui, &Amount::whole("Accumulate", help, 1.0..=16.0).limits(1.0..=1024.0), &mut train.accumulate);
    let losses = [
        ("As the answers are", None),
        ("Cross-entropy", Some(Loss::CrossEntropy)),
        ("Squared error", Some(Loss::Mse)),
    ];
    // Only a table's answers are not known before they are read.
    let known = usize::from(!answers_decide);
    choice(ui, "Loss", "What training makes small.", &mut train.loss, &losses[known..]);
    precision::show(ui, train);
    let mut clips = train.clip_norm.is_some();
    if check(ui, "Clip the gradient", "Shorten gradients that are longer than this.", &mut clips) {
        train.clip_norm = clips.then_some(1.0);
    }
    if let Some(norm) = &mut train.clip_norm {
        let spec = Amount {
            range: 0.01..=10.0,
            limits: 1e-9..=1e9,
            ..Amount::rate("Norm", "The longest gradient an update uses.")
        };
        mapped(ui, "train.clip_norm", |ui| amount(ui, &spec, norm));
    }
}

/// When runs end before their length.
fn stopping(ui: &mut Ui, stop: &mut Option<Stop>, numbers: bool) {
    let mut stops = stop.is_some();
    let help = "End a run once a metric has not improved for a while.";
    if check(ui, "Stop early", help, &mut stops) {
        *stop = stops.then(Stop::default);
    }
    let Some(rule) = stop else { return };
    let watched = [
        ("Validation loss", Metric::ValLoss),
        ("Training loss", Metric::TrainLoss),
        ("Validation accuracy", Metric::ValAccuracy),
    ];
    let known = watched.len() - usize::from(numbers);
    choice(ui, "Watches", "What has to improve.", &mut rule.metric, &watched[..known]);
    let help = "Epochs in a row without improvement after which a run ends.";
    whole(ui, &Amount::whole("Patience", help, 1.0..=50.0).limits(1.0..=1e6), &mut rule.patience);
    let help = "What an improvement has to exceed.";
    amount(ui, &Amount::number("Least gain", help, 0.0..=0.1).limits(0.0..=1e9), &mut rule.min_delta);
    let help = "A run that stops goes back to its weights after the best epoch.";
    check(ui, "Best weights", help, &mut rule.restore_best);
}

/// A run may get longer than it is: the slider of its length reaches five times as far.
fn long(clock: Clock) -> Clock {
    Clock { updates: clock.updates.saturating_mul(5), ..clock }
}
