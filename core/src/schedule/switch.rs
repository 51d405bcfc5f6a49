//! A schedule under another kind: what both kinds have is carried over, the rest is filled in.

use super::Schedule;
use super::formula::Definition;
use super::kind::{Kind, Role, Value};
use super::span::{Clock, Span};

/// The last rate of a kind that has no end of its own, as a share of its first.
const FAINT: f64 = 0.01;

/// The formula that one begins with.
const DESCENT: &str = "floor + (peak - floor) * (1 + cos(pi * t / total)) / 2";

/// A schedule under another kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Switched {
    pub schedule: Schedule,
    /// What the old kind could not say, as it was filled in.
    pub filled: Vec<(&'static str, Value)>,
}

impl Schedule {
    /// The schedule under the kind of this name; its modifiers stay. Fields that both kinds have keep their values.
    /// The others become a descent that fits any run: lengths are shares of it, and `linear` falls to the old
    /// floor instead of climbing from a third of the peak as its default does.
    ///
    /// `None` where there is no such kind, or where it is drawn by hand and cannot be filled in (`points`,
    /// `table`, `sequence`, `product`, `noam`).
    pub fn switched(&self, to: &str, clock: Clock) -> Option<Switched> {
        if self.kind.name() == to {
            return Some(Switched { schedule: self.clone(), filled: Vec::new() });
        }
        let fields = Kind::fields(to)?;
        let mut filled = Vec::new();
        let kind = Kind::build(to, |name| {
            let field = fields.iter().find(|field| field.name == name)?;
            let carried = self.kind.get(name).filter(|value| fits(field.role, value));
            // A multiple of the peak is no rate, though other kinds may have a field of that name.
            if let Some(carried) = carried.filter(|_| !(to == "linear" && matches!(name, "from" | "to"))) {
                return Some(carried);
            }
            let value = self.fill(to, name, clock).or_else(|| field.default.clone())?;
            filled.push((field.name, value.clone()));
            Some(value)
        })?;
        let has_own_warmup = matches!(kind, Kind::Noam(_));
        let schedule = Self { kind, warmup: self.warmup.clone().filter(|_| !has_own_warmup), ..self.clone() };
        Some(Switched { schedule, filled })
    }

    /// A value for a field of another kind, where its default does not do.
    fn fill(&self, to: &str, name: &str, clock: Clock) -> Option<Value> {
        let share = |percent| Some(Value::Span(Some(Span::Percent(percent))));
        match (to, name) {
            ("step", "every") | ("cosine_restarts", "first") => share(25.0),
            ("multistep", "milestones") => {
                Some(Value::Milestones(vec![Span::Percent(50.0), Span::Percent(75.0)]))
            }
            ("exponential", "gamma") => {
                let ticks = match self.tick {
                    super::Tick::Update => clock.updates,
                    super::Tick::Epoch => clock.updates.div_ceil(clock.updates_per_epoch.max(1)),
                };
                Some(Value::Number(FAINT.powf(1.0 / ticks.max(1) as f64)))
            }
            ("linear", "from") => Some(Value::Number(1.0)),
            ("linear", "to") => {
                let number = |name| match self.kind.get(name) {
                    Some(Value::Number(number)) => Some(number),
                    _ => None,
                };
                let share = number("floor").zip(number("peak").filter(|peak| *peak > 0.0));
                Some(Value::Number(share.map_or(0.0, |(floor, peak)| floor / peak)))
            }
            ("formula", "value") => {
                let number = |name| match self.kind.get(name) {
                    Some(Value::Number(number)) => Some((name, number)),
                    _ => None,
                };
                let constants: Vec<(&str, f64)> = [number("peak"), number("floor").or(Some(("floor", 0.0)))]
                    .into_iter()
                    .flatten()
                    .collect();
                Definition::parse(DESCENT, &constants).ok().map(Value::Formula)
            }
            ("cyclic", "floor") => Some(Value::Number(0.0)),
            ("cyclic", "up") | ("inverse_sqrt" | "power", "timescale") => share(10.0),
            ("wsd", "decay") => share(20.0),
            _ => None,
        }
    }
}

/// Whether a value of another kind's field of the same name is one of this role.
fn fits(role: Role, value: &Value) -> bool {
    match (role, value) {
        (Role::Rate, Value::Number(_))
        | (Role::Span, Value::Span(Some(_)))
        | (Role::Flag, Value::Flag(_)) => true,
        (Role::Number { min, max }, Value::Number(number)) => (min..=max).contains(number),
        (Role::Choice(names), Value::Choice(choice)) => names.contains(choice),
        (Role::Points, Value::Points(_))
        | (Role::Values, Value::Values(_))
        | (Role::Milestones, Value::Milestones(_))
        | (Role::Parts, Value::Parts(_))
        | (Role::Factors, Value::Factors(_))
        | (Role::Formula, Value::Formula(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::kind::{After, Cosine, Step};

    const CLOCK: Clock = Clock { updates: 1000, updates_per_epoch: 50 };

    fn cosine() -> Schedule {
        Kind::Cosine(Cosine {
            peak: 0.2,
            floor: 0.002,
            over: Some(Span::Percent(90.0)),
            after: After::Hold,
            power: 1.0,
        })
        .into()
    }

    #[test]
    fn shared_fields_are_carried_over_and_the_others_named() {
        let wsd = cosine().switched("wsd", CLOCK).unwrap();
        let Kind::Wsd(kind) = &wsd.schedule.kind else { panic!("{:?}", wsd.schedule.kind) };
        assert_eq!((kind.peak, kind.floor, kind.decay), (0.2, 0.002, Span::Percent(20.0)));
        assert_eq!(wsd.filled.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["decay", "shape"]);
        let polynomial = cosine().switched("polynomial", CLOCK).unwrap();
        assert_eq!(polynomial.schedule.kind.get("over"), Some(Value::Span(Some(Span::Percent(90.0)))));
    }

    #[test]
    fn linear_falls_to_the_floor_that_was() {
        let linear = cosine().switched("linear", CLOCK).unwrap().schedule;
        assert_eq!(linear.kind.get("from"), Some(Value::Number(1.0)));
        assert_eq!(linear.kind.get("to"), Some(Value::Number(0.01)));
        let curve = linear.resolve(CLOCK).unwrap();
        assert!(curve.at(0) == 0.2 && (curve.at(900) - 0.002).abs() < 1e-12);
    }

    #[test]
    fn every_kind_that_can_be_filled_in_resolves() {
        let filled: Vec<&str> =
            Kind::NAMES.iter().copied().filter(|name| cosine().switched(name, CLOCK).is_some()).collect();
        for name in &filled {
            let switched = cosine().switched(name, CLOCK).unwrap().schedule;
            let curve = switched.resolve(CLOCK).unwrap_or_else(|error| panic!("{name}: {error}"));
            let top = if *name == "noise" { 0.4 } else { 0.2 + 1e-12 };
            assert!(curve.range().1 <= top && curve.range().1 > 0.0, "{name}");
        }
        for drawn in ["points", "table", "sequence", "product", "noam"] {
            assert!(!filled.contains(&drawn), "{drawn}");
        }
        assert_eq!(filled.len() + 5, Kind::NAMES.len());
    }

    #[test]
    fn a_step_keeps_its_factor_as_a_multistep() {
        let step: Schedule = Kind::Step(Step { peak: 1.0, every: Span::Updates(10.0), gamma: 0.5 }).into();
        let many = step.switched("multistep", CLOCK).unwrap().schedule;
        assert_eq!(many.kind.get("gamma"), Some(Value::Number(0.5)));
    }
}
