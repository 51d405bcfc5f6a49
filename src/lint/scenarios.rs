//! Scenarios: what phases of the data, wrong labels, weights to begin with, teams, 16 bits and attacks make of a schedule.

use super::{Remedy, Severity, Subject, Time, Warning};
use crate::data::SampleOrder;
use crate::experiment::phase::begins;
use crate::experiment::start::Head;
use crate::experiment::team::{Federated, Parallel, ServerKind};
use crate::experiment::{BatchSize, Experiment, LossScale, Team, WeightFormat};
use crate::schedule::{Curve, Kind, Span};

/// A rate below this share of the peak trains next to nothing of what comes new,
const GONE: f64 = 0.01;
/// and below this one little.
const LOW: f64 = 0.1;
/// Wrong labels below this share are not worth a word.
const NOISY: f64 = 0.1;
/// Rounds of so many updates under this skew let clients drift.
const LONG: f64 = 10.0;
const SKEWED: f64 = 0.3;
/// So many workers make a batch that a scaled rate has to be warmed up for.
const MANY: usize = 8;
/// The updates of a phase at which the curve is looked at.
const LOOKS: u64 = 200;
/// A server that steps by its rate should not take one this long.
const SERVER: f64 = 0.3;

fn warn(code: &'static str, message: String) -> Warning {
    Warning::new(Severity::Warning, code, message)
}

fn hint(code: &'static str, message: String) -> Warning {
    Warning::new(Severity::Hint, code, message)
}

/// What is about the experiment and not one of its runs.
pub(super) fn whole(experiment: &Experiment, time: &Time) -> Vec<Warning> {
    let train = &experiment.train;
    let mut warnings = Vec::new();
    if let Some(stop) = &train.stop
        && let Some(epochs) = epochs(experiment, time)
        && stop.patience as f64 + 1.0 >= epochs
    {
        let message = format!(
            "early stopping waits for {} epochs in a row, and the run has {epochs:.0}: it never stops",
            stop.patience
        );
        let value = format!("{:.0}", (epochs / 5.0).floor().max(1.0));
        warnings.push(warn("stop-never", message).set("train.stop.patience", value));
    }
    match &experiment.team {
        Some(Team::Parallel(it)) => parallel(it, time, &mut warnings),
        Some(Team::Federated(it)) => federated(it, time, &mut warnings),
        None => {}
    }
    match train.loss_scale {
        None if train.gradients == WeightFormat::F16 => {
            let message = "gradients are stored in f16 without a loss scale: what is below 3e-8 becomes 0";
            warnings.push(warn("no-loss-scale", message.to_owned()).set("train.loss_scale", "\"dynamic\""));
        }
        Some(LossScale::Dynamic(rule))
            if rule.interval as f64 >= time.total() && knows_length(experiment, time) =>
        {
            let message = format!(
                "the loss scale grows after {} updates without overflow, and the run has {:.0}: what it falls by, it never \
                 gets back",
                rule.interval,
                time.total()
            );
            let value = format!("{{ interval = {:.0} }}", (time.total() / 10.0).ceil());
            warnings.push(hint("loss-scale-never-grows", message).set("train.loss_scale", value));
        }
        _ => {}
    }
    if let Some(attack) = train.attack.filter(|attack| attack.eps >= 1.0) {
        let message = format!(
            "an attack within {} changes inputs by as much as they differ from each other: nothing can be robust against it",
            attack.eps
        );
        warnings.push(hint("attack-hides-inputs", message).set("train.attack.eps", "0.1"));
    }
    warnings
}

/// The run's length in epochs, as far as it is known.
fn epochs(experiment: &Experiment, time: &Time) -> Option<f64> {
    match (time.unknown, experiment.train.updates) {
        (None, _) => Some(time.total() / time.clock.updates_per_epoch.max(1) as f64),
        (Some(_), Span::Epochs(epochs)) => Some(epochs),
        _ => None,
    }
}

/// Whether the run's length in updates is the real one.
fn knows_length(experiment: &Experiment, time: &Time) -> bool {
    time.unknown.is_none() || matches!(experiment.train.updates, Span::Updates(_))
}

fn parallel(team: &Parallel, time: &Time, warnings: &mut Vec<Warning>) {
    if let Some(fault) = team.fault {
        let message = format!(
            "worker {} has a fault, to be seen: the workers part, and their losses hardly tell",
            fault.worker
        );
        let remedy = Remedy::Remove { field: "parallel.fault".to_owned() };
        warnings.push(hint("planted-fault", message).with(remedy));
    }
    let every = Span::Updates(team.every as f64);
    if team.every > 1 && time.updates(every).is_some_and(|every| every >= time.total()) {
        let message =
            format!("the workers are averaged every {} updates: the run is over before it", team.every);
        warnings.push(warn("round-longer-than-run", message).set("parallel.sync", "\"every 8\""));
    }
    if team.workers > 1 {
        let message = format!(
            "accelerate steps a prepared scheduler once a worker: over {0} workers this schedule would be over after a \
             {0}th of the run there",
            team.workers
        );
        warnings.push(hint("scheduler-steps-per-worker", message));
    }
}

fn federated(team: &Federated, time: &Time, warnings: &mut Vec<Warning>) {
    if time.updates(team.local).is_some_and(|local| local >= time.total()) {
        let message =
            format!("a round takes {}, which is the whole run: clients are averaged once", team.local);
        warnings.push(warn("round-longer-than-run", message).set("federated.local", "\"10\""));
    }
    // The first step of such a server is as long as its rate in every weight, whatever clients learned.
    let peak = team.server.lr.resolve(time.clock).map_or(0.0, |curve| curve.range().1);
    if team.server.optimizer != ServerKind::Sgd && peak >= SERVER {
        let message = format!(
            "the server's steps are about as long as its rate in every weight, and that is {peak}: far beyond what clients \
             learn in a round"
        );
        warnings.push(warn("server-rate-too-high", message).set("federated.server.lr", "0.01"));
    }
}

/// What is about a run.
pub(super) fn lint(subject: &Subject) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if subject.knows_curve() {
        phases(subject, &mut warnings);
        labels(subject, &mut warnings);
        teams(subject, &mut warnings);
    }
    let starts_new = subject.experiment.start.as_ref().is_some_and(|start| start.head == Head::New);
    if starts_new && subject.run.is_uniform() {
        let message = "the head is new and all layers learn at one rate: its first gradients, which mean nothing yet, reach \
                       the layers that were learned; a [[run.group]] can freeze them for a while";
        warnings.push(hint("new-head-shakes-body", message.to_owned()));
    }
    warnings
}

fn phases(subject: &Subject, warnings: &mut Vec<Warning>) {
    let (time, all) = (subject.time, &subject.experiment.data.phases);
    let is_known = all.iter().filter_map(|phase| phase.length).all(|length| time.updates(length).is_some());
    let peak = subject.curve.range().1;
    if !is_known || peak == 0.0 {
        return;
    }
    // A rate that was chosen for the phase is meant.
    let follows = matches!(&subject.run.lr.kind, Kind::Sequence(it) if it.parts.iter().any(|part| part.phase.is_some()));
    let starts = begins(all, time.clock);
    let ends = starts.iter().skip(1).copied().chain([time.clock.updates]);
    for ((phase, from), to) in all.iter().zip(&starts).zip(ends) {
        let highest = highest_of(&subject.curve, *from, to);
        let told = |rate: f64| format!("{:.0} % of its peak", 100.0 * rate / peak);
        let name = &phase.name;
        if *from > 0 && highest < GONE * peak && !follows {
            let message = format!(
                "the rate has gone when the phase \"{name}\" begins, at update {from}: it is at most {highest:.1e} there, and \
                 little of it will be learned; a part of a sequence with for = \"phase:NAME\" begins a phase anew"
            );
            warnings.push(warn("no-rate-for-a-phase", message));
        }
        if phase.order == SampleOrder::EasyFirst {
            // The last of five stages is the first with all samples.
            let hard = from + (to - from) * 4 / 5;
            let rate = highest_of(&subject.curve, hard, to);
            if rate < LOW * peak {
                let message = format!(
                    "the hardest samples of the phase \"{name}\" come from update {hard} on, when the rate has fallen to {}",
                    told(rate)
                );
                warnings.push(hint("curriculum-after-the-rate", message));
            }
        }
        if phase.poison.is_some() && highest > 0.5 * peak {
            let message = format!(
                "in the poisoned phase \"{name}\" the rate is at {}: what it lets in follows the rate, and a part of a \
                 sequence with for = \"phase:{name}\" can lower it there",
                told(highest)
            );
            warnings.push(hint("full-rate-into-poison", message));
        }
    }
}

/// The highest rate of a stretch of updates, as far as some looks at it tell.
fn highest_of(curve: &Curve, from: u64, to: u64) -> f64 {
    let step = to.saturating_sub(from).div_ceil(LOOKS).max(1);
    let looks = (0..LOOKS).map(|look| from + look * step).take_while(|update| *update < to.max(from + 1));
    looks.map(|update| curve.at(update)).fold(0.0, f64::max)
}

/// Wrong labels, and stopping before they are learned.
fn labels(subject: &Subject, warnings: &mut Vec<Warning>) {
    let (experiment, curve) = (subject.experiment, &subject.curve);
    let (last, (low, peak)) = (curve.at(subject.time.clock.updates.saturating_sub(1)), curve.range());
    let stops = experiment.train.stop.is_some();
    if experiment.data.label_noise >= NOISY && low == peak && !stops && subject.run.controller.is_none() {
        let message = format!(
            "{:.0} % of the labels are wrong, the rate never falls and nothing stops the run: a low rate learns them by \
             heart in the end",
            100.0 * experiment.data.label_noise
        );
        warnings.push(hint("wrong-labels-to-the-end", message).set("train.stop", "{ patience = 8 }"));
    }
    let half = curve.at(subject.time.clock.updates / 2);
    if stops && last < LOW * peak && half > 0.3 * peak {
        let message = "the rate falls at the end, and the run may stop before it: what its low rates would have gained is not \
                       had then";
        warnings.push(hint("stop-before-the-decay", message.to_owned()));
    }
}

fn teams(subject: &Subject, warnings: &mut Vec<Warning>) {
    let curve = &subject.curve;
    let (first, last, peak) =
        (curve.at(0), curve.at(subject.time.clock.updates.saturating_sub(1)), curve.range().1);
    match &subject.experiment.team {
        Some(Team::Parallel(it)) if it.every == 1 && it.workers >= MANY && first > 0.9 * peak => {
            let BatchSize::Samples(batch) = subject.experiment.data.batch_size else { return };
            let message = format!(
                "{} workers make a batch of {} samples, and the rate begins at its peak: one that was scaled with the \
                 workers needs a warmup",
                it.workers,
                it.workers.saturating_mul(batch)
            );
            warnings.push(hint("workers-without-warmup", message).set("lr.warmup", "{ over = \"5%\" }"));
        }
        Some(Team::Federated(it))
            if it.skew.is_some_and(|skew| skew <= SKEWED)
                && last > 0.5 * peak
                && subject.time.updates(it.local).is_some_and(|local| local >= LONG) =>
        {
            let message = format!(
                "rounds of {} among clients that differ much (skew {}) under a rate that does not fall: their average \
                 stays where they pull each other to",
                it.local,
                it.skew.unwrap_or_default()
            );
            warnings.push(hint("clients-without-decay", message).set("lr.cooldown", "{ over = \"50%\" }"));
        }
        _ => {}
    }
}
