//! A tuned shape for a person's own run: another length, another batch, another peak.

use super::detect::Remedy;
use super::noise_scale::Scaling;
use super::stretch::stretch;
use crate::experiment::{BatchSize, Experiment, Number, Run};
use crate::schedule::kind::{Interpolation, Kind, Points, Value};
use crate::schedule::{Clock, Curve, Schedule, ScheduleError, Span, Tick};

/// What is known of one's own run. What is not stays as it is, or follows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RealRun {
    /// Updates, at least 1.
    pub length: Option<u64>,
    /// Samples an update, at least 1.
    pub batch: Option<u64>,
    /// The highest rate, above 0; without one it follows the batch.
    pub peak: Option<f64>,
}

/// A run for that.
#[derive(Clone, Debug)]
pub struct Rescaled {
    /// With the run in its place; the other runs are as they were.
    pub experiment: Experiment,
    pub run: Run,
    pub clock: Clock,
    /// What every rate was multiplied by.
    pub factor: f64,
    /// What was done, in sentences.
    pub notes: Vec<String>,
}

/// Points of a shape that cannot be stretched in its own terms.
const POINTS: u64 = 1000;
/// A share of the peak by which a stretched curve may differ, from rounding lengths to whole updates.
const ROUNDING: f64 = 0.01;
/// Places at which the shapes are compared.
const PLACES: u64 = 400;

/// A run of the experiment for one's own: each length keeps its share of the run, and the rate follows the batch by `scaling`
/// unless a peak is given. `samples` is how many make an update in the experiment. A shape that counts updates in
/// a way no length can be put to is written as points.
///
/// # Errors
/// When the run's schedule cannot be resolved.
pub fn rescaled(
    experiment: &Experiment,
    run: &Run,
    clock: Clock,
    samples: u64,
    real: &RealRun,
    scaling: Scaling,
) -> Result<Rescaled, ScheduleError> {
    let old = run.lr.resolve(clock)?;
    let mut experiment = experiment.clone();
    let at = experiment.runs.iter().position(|other| other.name == run.name).unwrap_or_else(|| {
        experiment.runs.push(run.clone());
        experiment.runs.len() - 1
    });
    let length = real.length.unwrap_or(clock.updates).max(1);
    let by = length as f64 / clock.updates.max(1) as f64;
    let epoch = (clock.updates_per_epoch as f64 * by).round().max(1.0) as u64;
    let new_clock = Clock { updates: length, updates_per_epoch: epoch };
    let mut notes = Vec::new();
    if length != clock.updates {
        experiment.train.updates = Span::Updates(length as f64);
        notes.push(format!(
            "{length} updates instead of {}: every length keeps its share of the run",
            clock.updates
        ));
        lengthen(&mut experiment, at, by);
    }
    let mut factor = 1.0;
    let batch = real.batch.unwrap_or(samples).max(1);
    if batch != samples {
        experiment.data.batch_size = BatchSize::Samples(batch as usize);
        experiment.train.accumulate = 1;
        factor = scaling.factor(samples, batch);
    }
    let peak = old.range().1;
    if let Some(wanted) = real.peak.filter(|_| peak > 0.0) {
        factor = wanted / peak;
        notes.push(format!("every rate times {factor:.4}, for a highest rate of {wanted}"));
    } else if batch != samples {
        let rule = match scaling {
            Scaling::Linear => "in proportion to the batch",
            Scaling::SquareRoot => "with the root of the batch",
        };
        notes.push(format!(
            "{batch} samples an update instead of {samples}: every rate times {factor:.4}, {rule}"
        ));
    }
    if factor != 1.0 {
        Remedy::ScaleRate(factor).apply(&mut experiment, at);
    }
    if let Some(run) = experiment.runs.get_mut(at)
        && !run.lr.resolve(new_clock).is_ok_and(|new| same_shape(&old, clock, &new, new_clock, factor))
    {
        run.lr = through_points(&old, clock, new_clock, factor);
        notes.push(format!(
            "its shape counts single updates, so it is written as straight lines between {} points",
            POINTS.min(length) + 1
        ));
    }
    let run = experiment.runs.get(at).unwrap_or(run).clone();
    Ok(Rescaled { experiment, run, clock: new_clock, factor, notes })
}

/// Everything of a run that counts updates, for a run `by` times as long.
fn lengthen(experiment: &mut Experiment, at: usize, by: f64) {
    let Some(run) = experiment.runs.get_mut(at) else { return };
    let longer = |schedule: &mut Schedule| {
        stretch(schedule, by);
        slow(schedule, by);
    };
    longer(&mut run.lr);
    run.batch.iter_mut().for_each(longer);
    for info in run.optimizer.kind.numbers() {
        if let Some(Number::Schedule(schedule)) = run.optimizer.get(info.name) {
            let mut schedule = schedule.clone();
            longer(&mut schedule);
            run.optimizer.set(info.name, Number::Schedule(schedule));
        }
    }
}

/// A factor an update, for updates that are `by` times as many.
fn slow(schedule: &mut Schedule, by: f64) {
    let counts_updates = schedule.tick == Tick::Update;
    let kind = &mut schedule.kind;
    if counts_updates
        && matches!(kind, Kind::Exponential(_) | Kind::Cyclic(_))
        && let Some(Value::Number(gamma)) = kind.get("gamma")
    {
        kind.set("gamma", Value::Number(gamma.powf(1.0 / by)));
    }
    if counts_updates
        && matches!(kind, Kind::Noam(_))
        && let Some(Value::Number(scale)) = kind.get("scale")
    {
        // Its rate falls with the root of the update's number.
        kind.set("scale", Value::Number(scale * by.sqrt()));
    }
    if !counts_updates {
        return;
    }
    if let Some(Value::Parts(mut parts)) = kind.get("parts") {
        parts.iter_mut().for_each(|part| slow(&mut part.schedule, by));
        kind.set("parts", Value::Parts(parts));
    }
    if let Some(Value::Factors(mut factors)) = kind.get("of") {
        factors.iter_mut().for_each(|factor| slow(factor, by));
        kind.set("of", Value::Factors(factors));
    }
}

/// Whether `new` at each share of its run is `factor` times `old` there, whichever side of a jump that is on.
fn same_shape(old: &Curve, clock: Clock, new: &Curve, new_clock: Clock, factor: f64) -> bool {
    let (end, new_end) = (clock.updates.saturating_sub(1), new_clock.updates.saturating_sub(1));
    let tolerance = ROUNDING * old.range().1 * factor;
    (0..=PLACES).all(|place| {
        let at = |end: u64| place as f64 / PLACES as f64 * end as f64;
        let here = at(end);
        let near = [here - 1.5, here, here + 1.5].map(|at| factor * old.at((at.max(0.0) as u64).min(end)));
        let (low, high) =
            near.iter().fold((f64::INFINITY, 0.0), |(low, high), rate| (rate.min(low), rate.max(high)));
        (low - tolerance..=high + tolerance).contains(&new.at((at(new_end) as u64).min(new_end)))
    })
}

/// `factor` times the curve, stretched, as straight lines.
fn through_points(old: &Curve, clock: Clock, new_clock: Clock, factor: f64) -> Schedule {
    let (end, new_end) = (clock.updates.saturating_sub(1), new_clock.updates.saturating_sub(1));
    let count = POINTS.min(new_end).max(1);
    let mut points: Vec<(Span, f64)> = Vec::new();
    for place in 0..=count {
        let at = |end: u64| (place as f64 / count as f64 * end as f64).round();
        if points.last().is_none_or(|(last, _)| last.amount() < at(new_end)) {
            points.push((Span::Updates(at(new_end)), factor * old.at(at(end) as u64)));
        }
    }
    Kind::Points(Points { points, interpolation: Interpolation::Linear }).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { updates: 1500, updates_per_epoch: 250 };

    fn experiment(lr: &str) -> Experiment {
        let text = format!(
            "anneal = 1\nname = \"x\"\n[data]\nname = \"mnist1d\"\nbatch_size = 16\n[model]\nkind = \"mlp\"\n\
             hidden = [8]\nactivation = \"relu\"\n[train]\nupdates = \"6ep\"\n[[run]]\nname = \"a\"\n\
             optimizer = {{ kind = \"sgd\" }}\nlr = {lr}\n"
        );
        Experiment::parse(&text, "x.toml").unwrap()
    }

    /// Every kind of counting there is.
    const SHAPES: [&str; 10] = [
        r#"{ kind = "cosine", peak = 0.1, floor = 1e-4, warmup = { over = "150" }, cooldown = { over = "10%" } }"#,
        r#"{ kind = "step", peak = 0.1, every = "2ep" }"#,
        r#"{ kind = "multistep", peak = 0.1, milestones = ["500", "1000"] }"#,
        r#"{ kind = "exponential", peak = 0.1, gamma = 0.998 }"#,
        r#"{ kind = "cyclic", floor = 0.01, peak = 0.1, up = "150", mode = "exp_range", gamma = 0.999 }"#,
        r#"{ kind = "noam", scale = 1.0, d_model = 64, warmup = "150" }"#,
        r#"{ kind = "inverse_sqrt", peak = 0.1, timescale = "75" }"#,
        r#"{ kind = "points", points = [["0", 0.01], ["150", 0.1], ["1500", 0.0]] }"#,
        r#"{ kind = "sequence", parts = [{ for = "500", kind = "constant", peak = 0.1 }, { kind = "exponential", peak = 0.1, gamma = 0.998 }] }"#,
        r#"{ kind = "exponential", tick = "epoch", peak = 0.1, gamma = 0.5 }"#,
    ];

    #[test]
    fn every_shape_keeps_its_form_in_a_longer_run_and_in_a_shorter_one() {
        for lr in SHAPES {
            let before = experiment(lr);
            let old = before.runs[0].lr.resolve(CLOCK).unwrap();
            for length in [100_000, 750] {
                let real = RealRun { length: Some(length), ..RealRun::default() };
                let after = rescaled(&before, &before.runs[0], CLOCK, 16, &real, Scaling::Linear).unwrap();
                assert_eq!(after.clock.updates, length);
                let new = after.run.lr.resolve(after.clock).unwrap();
                // Between the jumps.
                for share in [0.0, 0.05, 0.2, 0.45, 0.6, 0.8, 0.95, 1.0] {
                    let at = |updates: u64| (share * (updates - 1) as f64) as u64;
                    let (was, is) = (old.at(at(1500)), new.at(at(length)));
                    assert!(
                        (was - is).abs() < 0.02 * old.range().1,
                        "{lr} at {share} of {length}: {was} became {is}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_list_of_rates_becomes_points_and_says_so() {
        let rates: Vec<String> =
            (0..1500).map(|at| format!("{:.6}", 0.1 / (1.0 + f64::from(at) / 100.0))).collect();
        let before = experiment(&format!("{{ kind = \"table\", values = [{}] }}", rates.join(", ")));
        let real = RealRun { length: Some(30_000), ..RealRun::default() };
        let after = rescaled(&before, &before.runs[0], CLOCK, 16, &real, Scaling::Linear).unwrap();
        assert!(after.notes.iter().any(|note| note.contains("straight lines")), "{:?}", after.notes);
        let new = after.run.lr.resolve(after.clock).unwrap();
        assert!((new.at(15_000) - 0.1 / 8.5).abs() < 1e-3);
    }

    #[test]
    fn the_rate_follows_the_batch_by_the_rule_unless_a_peak_is_given() {
        let before = experiment(SHAPES[0]);
        let peak_of = |real: RealRun, scaling| {
            let after = rescaled(&before, &before.runs[0], CLOCK, 16, &real, scaling).unwrap();
            (after.run.lr.resolve(after.clock).unwrap().range().1, after.factor)
        };
        let real = RealRun { batch: Some(256), ..RealRun::default() };
        let (peak, factor) = peak_of(real, Scaling::Linear);
        assert!((peak - 1.6).abs() < 1e-9 && factor == 16.0);
        assert!((peak_of(real, Scaling::SquareRoot).0 - 0.4).abs() < 1e-9);
        let (peak, _) = peak_of(RealRun { peak: Some(3e-4), ..real }, Scaling::Linear);
        assert!((peak - 3e-4).abs() < 1e-12);
        let unchanged =
            rescaled(&before, &before.runs[0], CLOCK, 16, &RealRun::default(), Scaling::Linear).unwrap();
        assert_eq!((unchanged.experiment, unchanged.notes.len()), (before, 0));
    }
}
