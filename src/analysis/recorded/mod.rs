//! Diagnosis of a recording: the detectors of [`super::detect`] on what another program wrote down, and jumps of its
//! rate, which mostly are a training that was resumed without its schedule.
//!
//! The detectors count rows, not updates: a program that logs every fiftieth update has averaged the others away.
//! What a recording does not say (the model's chance, its weights, the schedule that was meant) is not judged.

mod jump;

use crate::experiment::WeightFormat;
use crate::recording::Recording;
use crate::telemetry::{Column, Row};

use super::detect::{Context, Evidence, Finding, Kind, Together, Watch};
pub use jump::{Jump, jumps};

/// Something that goes wrong in a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub kind: Kind,
    /// The tick of the recording at which it is first seen.
    pub update: u64,
    /// What was seen there, why it mostly happens, and what to do.
    pub sentence: String,
}

/// Rows before which only a loss that is no number is an alarm.
const QUIET: u64 = 5;

/// What goes wrong in a recording, in the order in which it shows.
pub fn diagnose(recording: &Recording) -> Vec<Recorded> {
    let rows = rows(recording);
    let mut watch = Watch::new(context(&rows));
    for (_, row) in &rows {
        watch.update(row);
    }
    let tick = |index: u64| rows.get(index as usize).map_or(index, |(tick, _)| *tick);
    let unit = recording.tick.singular();
    let mut found: Vec<Recorded> = watch
        .findings()
        .iter()
        .map(|finding| Recorded {
            kind: finding.kind,
            update: tick(finding.first),
            sentence: sentence(finding, unit, tick),
        })
        .collect();
    found.extend(jumps(recording).into_iter().map(|jump| Recorded {
        kind: Kind::CheckpointMismatch,
        update: jump.at,
        sentence: jump.sentence(unit),
    }));
    found.sort_by_key(|found| found.update);
    found
}

/// The recording's rows that have a training loss or a validation, numbered from 0, each with its tick.
fn rows(recording: &Recording) -> Vec<(u64, Row)> {
    let series = |column| recording.column(column).map(|named| &named.points);
    let (loss, held_out) = (series(Column::TrainLoss), series(Column::ValLoss));
    let ticks = |series: Option<&crate::telemetry::Series>| -> Vec<u64> {
        series.map(|series| series.finest().map(|bucket| bucket.last_update).collect()).unwrap_or_default()
    };
    let held_out_ticks = ticks(held_out);
    let mut all = ticks(loss);
    if all.is_empty() {
        all.clone_from(&held_out_ticks);
    }
    let mut evaluations = held_out_ticks.iter().copied().peekable();
    let mut rows = Vec::with_capacity(all.len());
    let mut last = None;
    for (index, tick) in all.iter().enumerate() {
        let at = |column: Column| {
            series(column).and_then(|series| series.at(*tick)).map(|sample| sample.value as f32)
        };
        // A value that is no number anywhere in a bucket is one of its row.
        let broken = loss.is_some_and(|loss| {
            let mut buckets = Vec::new();
            loss.view(*tick..=*tick, 1, &mut buckets);
            buckets.iter().any(|bucket| bucket.last_update == *tick && bucket.nonfinite > 0)
        });
        let value = if broken { f32::NAN } else { at(Column::TrainLoss).or(last).unwrap_or(0.0) };
        last = Some(value).filter(|value| value.is_finite()).or(last);
        let mut evaluated = None;
        let next = all.get(index + 1).copied().unwrap_or(u64::MAX);
        while let Some(at) = evaluations.next_if(|at| *at < next) {
            evaluated = Some(at);
        }
        let at_evaluation = |column: Column| {
            let sample = series(column)?.at(evaluated?)?;
            Some(sample.value as f32)
        };
        let row = Row {
            update: index as u64,
            lr: series(Column::Lr).and_then(|rate| rate.at(*tick)).map_or(0.0, |sample| sample.value),
            train_loss: value,
            grad_norm: at(Column::GradNorm).unwrap_or(f32::NAN),
            update_norm: f32::NAN,
            val_loss: at_evaluation(Column::ValLoss),
            val_accuracy: at_evaluation(Column::ValAccuracy).map(share),
            ..Row::default()
        };
        rows.push((*tick, row));
    }
    rows
}

/// An accuracy as a share; some programs write percents.
fn share(accuracy: f32) -> f32 {
    if accuracy > 1.5 { accuracy / 100.0 } else { accuracy }
}

/// What is known about a training of which only its recording is known.
fn context(rows: &[(u64, Row)]) -> Context {
    let updates = rows.len() as u64;
    let top = rows.iter().map(|(_, row)| row.lr).fold(0.0, f64::max);
    let peak = rows.iter().position(|(_, row)| row.lr >= top * (1.0 - 1e-6)).unwrap_or(0) as u64;
    // A climb of the whole recording is no warmup.
    let warmup = if 2 * peak < updates { peak } else { 0 };
    Context {
        scheduled: None,
        updates,
        quiet_until: warmup.max(updates / 20).max(QUIET),
        chance: None,
        chance_name: "a first loss",
        weight_norm: 1.0,
        parameters: 0,
        weights: WeightFormat::F32,
        rounded_fairly: false,
        clip_norm: None,
        // The schedule that was meant is not known, so no rate is against it.
        controlled: true,
        adaptive: true,
        runtime_cap: None,
        phases: Vec::new(),
        curricula: Vec::new(),
        together: Together::Nobody,
    }
}

/// What was found, in the recording's own ticks.
fn sentence(finding: &Finding, unit: &str, tick: impl Fn(u64) -> u64) -> String {
    let seen = finding.evidence.first().map_or_else(String::new, |evidence| {
        let Evidence { update, what, value, against, against_what } = evidence;
        let (value, against) = (number(*value), number(*against));
        format!("at {unit} {} the {what} is {value}, against {against_what} of {against}. ", tick(*update))
    });
    let why = match finding.kind {
        // Without the updates' lengths, standing still has two causes.
        Kind::SilentSlowdown | Kind::StuckAtChance | Kind::NoSignal => {
            "The rate is too low for the time there is, or the first updates broke the model: its gradient norm tells."
        }
        kind => kind.cause(),
    };
    let how = match finding.kind {
        Kind::Divergence => " Lower the peak, warm up for longer, or clip the gradient's norm.",
        Kind::Oscillation => " Lower the rate, or let it fall earlier.",
        Kind::GradientPeaks => " Clip the gradient's norm.",
        Kind::OverfittingGap => " Stop earlier, or regularise more.",
        Kind::SilentSlowdown | Kind::StuckAtChance => " Run a range test.",
        _ => "",
    };
    format!("{}: {seen}{why}{how}", finding.kind.name())
}

fn number(value: f64) -> String {
    if value.is_finite() { super::chart::label(value) } else { value.to_string() }
}
