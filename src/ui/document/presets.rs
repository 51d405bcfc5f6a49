//! Schedules to start from, and the experiment a new document holds.

use std::path::Path;

use crate::experiment::{Controller, Experiment, FileError, Metric, Plateau, Run};

use crate::schedule::formula::Definition;
use crate::schedule::kind::{Constant, Value};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Clock, Kind, Ramp, Schedule, Span, Warmup};
use crate::ui::handles::{Fitness, fitted};

const FIRST: &str = include_str!("../../../examples/mnist1d.toml");
/// The rate of a preset where there is none to take over.
const RATE: f64 = 0.1;

/// A named schedule with sensible numbers.
#[derive(Debug)]
pub struct Preset {
    pub name: &'static str,
    /// The kind it is an instance of.
    pub kind: &'static str,
    /// When one would choose it.
    pub about: &'static str,
    /// Whether the run also gets a plateau controller.
    pub plateau: bool,
    /// How long it first climbs, in percent of the run.
    warmup: Option<f64>,
    /// What differs from the kind's defaults, for a highest rate.
    fields: fn(f64, Clock) -> Vec<(&'static str, Value)>,
}

impl Preset {
    /// The schedule with this highest rate.
    pub fn schedule(&self, peak: f64, clock: Clock) -> Schedule {
        let kind = kind(self.kind, &(self.fields)(peak, clock)).unwrap_or(Kind::Constant(Constant { peak }));
        let warmup = self.warmup.map(|percent| Warmup::new(Span::Percent(percent), 0.0, Ramp::Linear));
        Schedule { warmup, ..Schedule::from(kind) }
    }

    /// Gives a run this schedule, at the highest rate it has now; control points take over the shape it has.
    pub fn apply(&self, run: &mut Run, clock: Clock) {
        if self.kind == "points" && run.lr.kind.name() != "points" {
            let curve = run.lr.resolve(clock);
            let drawn = curve.ok().and_then(|curve| fitted(|at| curve.at(at), clock, Fitness::CONVERTED));
            if let Some(drawn) = drawn {
                run.lr = drawn;
                run.controller = None;
                return;
            }
        }
        let peak = run.lr.resolve(clock).map_or(RATE, |curve| curve.range().1);
        run.lr = self.schedule(if peak > 0.0 { peak } else { RATE }, clock);
        let rule = PlateauRule { patience: 2, ..PlateauRule::default() };
        let plateau = Controller::Plateau(Plateau { metric: Metric::ValLoss, rule });
        run.controller = self.plateau.then_some(plateau);
    }

    /// Whether a run has a schedule of this sort.
    pub fn describes(&self, run: &Run) -> bool {
        let same_kind = self.kind == run.lr.kind.name();
        let same_controller = self.plateau == matches!(run.controller, Some(Controller::Plateau(_)));
        let same_start = self.kind != "cosine" || self.warmup.is_some() == run.lr.warmup.is_some();
        same_kind && same_controller && same_start
    }
}

/// What a run's schedule is called: the preset it looks like, or its kind.
pub fn name_of(run: &Run) -> String {
    let kind = run.lr.kind.name();
    let described = presets().iter().find(|preset| preset.describes(run));
    let found = described.or_else(|| presets().iter().find(|preset| preset.kind == kind));
    found.map_or_else(|| kind.replace('_', " "), |preset| preset.name.to_owned())
}

/// Every preset, in the order people meet them.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// The experiment a new document holds: three schedules, each at its own best peak, on data where the shape matters.
///
/// # Errors
/// None, unless the program was built from a broken file.
pub fn first() -> Result<Experiment, FileError> {
    Experiment::parse(FIRST, Path::new("mnist1d.toml"))
}

/// A kind with these fields, and its defaults for the others.
fn kind(name: &str, given: &[(&str, Value)]) -> Option<Kind> {
    let fields = Kind::fields(name)?;
    Kind::build(name, |wanted| {
        let given = given.iter().find(|(field, _)| *field == wanted).map(|(_, value)| value.clone());
        given.or_else(|| fields.iter().find(|field| field.name == wanted)?.default.clone())
    })
}

const fn preset(
    name: &'static str,
    kind: &'static str,
    about: &'static str,
    fields: fn(f64, Clock) -> Vec<(&'static str, Value)>,
) -> Preset {
    Preset { name, kind, about, plateau: false, warmup: None, fields }
}

const fn percent(share: f64) -> Value {
    Value::Span(Some(Span::Percent(share)))
}

fn peak(peak: f64, _: Clock) -> Vec<(&'static str, Value)> {
    vec![("peak", Value::Number(peak))]
}

/// The peak, and other fields.
fn with<const N: usize>(rate: f64, others: [(&'static str, Value); N]) -> Vec<(&'static str, Value)> {
    std::iter::once(("peak", Value::Number(rate))).chain(others).collect()
}

static PRESETS: [Preset; 22] = [
    preset("Constant", "constant", "One rate throughout: the baseline.", peak),
    preset("Step", "step", "Drops by a factor at equal distances.", |rate, _| {
        with(rate, [("every", percent(30.0))])
    }),
    preset("Multistep", "multistep", "Drops by a factor at milestones you choose.", |rate, _| {
        with(rate, [("milestones", Value::Milestones(vec![Span::Percent(50.0), Span::Percent(75.0)]))])
    }),
    preset("Exponential", "exponential", "Shrinks by the same factor every update.", |rate, clock| {
        with(rate, [("gamma", Value::Number(0.01f64.powf(1.0 / clock.updates.max(1) as f64)))])
    }),
    preset("Cosine", "cosine", "Half a cosine from peak to floor.", peak),
    preset("Warm restarts", "cosine_restarts", "Cosine cycles, each back at the peak.", |rate, _| {
        with(rate, [("first", percent(25.0))])
    }),
    preset("One cycle", "one_cycle", "Up, down, and far below the start.", peak),
    Preset {
        warmup: Some(5.0),
        ..preset("Warmup + cosine", "cosine", "A short climb, then half a cosine.", peak)
    },
    preset("Polynomial", "polynomial", "Down along a power of what is left.", |rate, _| {
        with(rate, [("power", Value::Number(2.0))])
    }),
    Preset {
        plateau: true,
        ..preset("Plateau", "constant", "Constant until the validation loss stalls, then lower.", peak)
    },
    preset("Cyclic", "cyclic", "Triangles between a floor and a peak.", |rate, _| {
        with(rate, [("floor", Value::Number(rate / 10.0)), ("up", percent(12.5))])
    }),
    Preset {
        warmup: Some(5.0),
        ..preset("WSD", "wsd", "Warmup, a stable stretch, a decay at the end.", |rate, _| {
            with(rate, [("decay", percent(20.0))])
        })
    },
    preset("Linear", "linear", "A straight line to zero.", |rate, _| {
        with(rate, [("from", Value::Number(1.0)), ("to", Value::Number(0.0))])
    }),
    preset("Inverse root", "inverse_sqrt", "Falls with the square root of time.", |rate, _| {
        with(rate, [("timescale", percent(5.0))])
    }),
    preset("Noam", "noam", "The first transformer's climb and root decay.", |rate, clock| {
        let (warmup, width) = (Span::Percent(10.0), 64.0);
        let scale = rate * (width * warmup.updates(clock).max(1.0)).sqrt();
        vec![
            ("scale", Value::Number(scale)),
            ("d_model", Value::Number(width)),
            ("warmup", Value::Span(Some(warmup))),
        ]
    }),
    preset("Power", "power", "Falls with a power of time you choose.", |rate, _| {
        with(rate, [("timescale", percent(5.0)), ("exponent", Value::Number(1.0))])
    }),
    preset("Tanh", "tanh", "A long top, a steep fall, a long tail.", peak),
    preset("k-decay", "k_decay", "A cosine that stays high for longer.", peak),
    preset("REX", "rex", "Stays high for long, then falls.", peak),
    preset("Noise", "noise", "A rate that trembles, the same way in every run.", |rate, _| {
        with(rate, [("limit", Value::Number(0.3))])
    }),
    preset(
        "Formula",
        "formula",
        "A formula that you write, with a slider for each constant.",
        |rate, clock| {
            let warm = (clock.updates as f64 / 10.0).round().max(1.0);
            let formula = "peak * min((t + 1) / warm, sqrt(warm / (t + 1)))";
            let definition = Definition::parse(formula, &[("peak", rate), ("warm", warm)]);
            definition.ok().map(|definition| ("value", Value::Formula(definition))).into_iter().collect()
        },
    ),
    preset("Drawn by hand", "points", "Control points you place yourself.", |rate, clock| {
        let end = clock.updates.max(1) as f64;
        let mut points: Vec<(Span, f64)> = Vec::new();
        for (share, part) in [(0.0, 0.1), (0.1, 1.0), (0.5, 0.6), (1.0, 0.02)] {
            let at = (share * end).round();
            if points.last().is_none_or(|(last, _)| at > last.amount()) {
                points.push((Span::Updates(at), part * rate));
            }
        }
        vec![("points", Value::Points(points)), ("interpolation", Value::Choice("monotone"))]
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds that one writes in a file: what they are made of is nobody's preset.
    const WITHOUT: [&str; 3] = ["table", "sequence", "product"];

    #[test]
    fn every_kind_has_a_preset_that_resolves_unless_it_is_made_of_other_things() {
        let clock = Clock { updates: 100, updates_per_epoch: 10 };
        for name in Kind::NAMES {
            let presets: Vec<&Preset> = presets().iter().filter(|preset| preset.kind == *name).collect();
            assert_eq!(presets.is_empty(), WITHOUT.contains(name), "{name}");
            for preset in presets {
                let schedule = preset.schedule(0.1, clock);
                assert_eq!(schedule.kind.name(), *name, "{}: a field has another name", preset.name);
                assert!(schedule.resolve(clock).is_ok(), "{}", preset.name);
            }
        }
    }
}
