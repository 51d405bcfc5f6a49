//! What values a schedule's fields may have, whether a file, a slider or a program set them.

use super::ScheduleError;
use super::formula::Definition;
use super::kind::{Kind, Role, Value};
use super::span::Span;

/// The largest rate: far above any that trains, and small enough for every formula to stay finite.
pub const MAX_RATE: f64 = 1e30;

impl Role {
    /// The smallest and the largest number that a field of this role holds, for the roles of numbers.
    #[must_use]
    pub fn bounds(self) -> Option<(f64, f64)> {
        match self {
            Self::Rate => Some((0.0, MAX_RATE)),
            Self::Number { min, max } => Some((min, max)),
            _ => None,
        }
    }
}

impl Kind {
    /// Checks the numbers among the kind's own fields. What depends on the length of the
    /// run, and on nested schedules, is [`Schedule::resolve`](super::Schedule::resolve)'s to check.
    ///
    /// # Errors
    /// Names the first field whose value its role does not allow.
    pub fn check(&self) -> Result<(), ScheduleError> {
        for field in Self::fields(self.name()).unwrap_or_default() {
            match field.role {
                Role::Rate | Role::Number { .. } => {
                    if let (Some(bounds), Some(Value::Number(number))) =
                        (field.role.bounds(), self.get(field.name))
                    {
                        within(field.name, number, bounds)?;
                    }
                }
                // Any choice and flag will do. Lengths and lists are checked where they are resolved, without copying
                // them.
                Role::Choice(_)
                | Role::Flag
                | Role::Span
                | Role::Formula
                | Role::Points
                | Role::Values
                | Role::Milestones
                | Role::Parts
                | Role::Factors => {}
            }
        }
        for (name, value) in self.definition().into_iter().flat_map(Definition::constants) {
            within(name, value, (-MAX_RATE, MAX_RATE))?;
        }
        Ok(())
    }
}

/// Checks that a number lies within its bounds; NaN does not.
pub(super) fn within(field: &str, number: f64, (min, max): (f64, f64)) -> Result<(), ScheduleError> {
    if (min..=max).contains(&number) {
        Ok(())
    } else {
        let allowed = format!("a number from {min:?} to {max:?}");
        Err(ScheduleError::new(field, format!("{number:?}"), allowed))
    }
}

/// Checks that a span is a length at all.
pub(super) fn length(field: &str, span: Span) -> Result<(), ScheduleError> {
    if span.amount().is_finite() && span.amount() > 0.0 {
        Ok(())
    } else {
        let allowed = "a length above zero, such as \"500\", \"10ep\" or \"5%\"";
        Err(ScheduleError::new(field, format!("\"{span}\""), allowed))
    }
}

/// Checks that a span is a position: the run's start is one too.
pub(super) fn position(field: &str, span: Span) -> Result<(), ScheduleError> {
    if span.amount().is_finite() && span.amount() >= 0.0 {
        Ok(())
    } else {
        let allowed = "a position, at or after the start, such as \"500\", \"10ep\" or \"5%\"";
        Err(ScheduleError::new(field, format!("\"{span}\""), allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::{
        Constant, Cyclic, Exponential, Interpolation, Kind, Listed, Multistep, Part, Points, Product,
        Sequence, Step, Table, Triangles,
    };
    use super::super::{Clamp, Clock, Cooldown, Ramp, Schedule, Span, Tick, Warmup};

    const CLOCK: Clock = Clock { updates: 100, updates_per_epoch: 10 };

    fn constant(peak: f64) -> Schedule {
        Kind::Constant(Constant { peak }).into()
    }

    fn warmed(over: f64, from: f64, shape: Ramp) -> Schedule {
        let warmup = Some(Warmup::new(Span::Updates(over), from, shape));
        Schedule { warmup, ..constant(1.0) }
    }

    fn every(span: Span, tick: Tick) -> Schedule {
        let step = Step { peak: 1.0, every: span, gamma: 0.1 };
        Schedule { tick, ..Kind::Step(step).into() }
    }

    fn sequence(parts: Vec<(Option<Span>, Schedule)>) -> Schedule {
        let parts = parts.into_iter().map(|(length, schedule)| Part::new(length, schedule)).collect();
        Kind::Sequence(Sequence { parts }).into()
    }

    fn points(points: &[(f64, f64)]) -> Schedule {
        let points = points.iter().map(|(at, rate)| (Span::Updates(*at), *rate)).collect();
        Kind::Points(Points { points, interpolation: Interpolation::Linear }).into()
    }

    fn nested(levels: usize) -> Schedule {
        (1..levels).fold(constant(1.0), |inner, _| Kind::Product(Product { of: vec![inner] }).into())
    }

    /// The message of the error that resolving gives.
    fn message(schedule: impl Into<Schedule>) -> String {
        match schedule.into().resolve(CLOCK) {
            Err(error) => error.to_string(),
            Ok(curve) => panic!("{curve:?} was allowed"),
        }
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        assert_eq!(message(constant(-0.1)), "`peak` is -0.1; allowed is a number from 0.0 to 1e30");
        for wrong in [f64::NAN, f64::INFINITY, 1e31] {
            assert!(message(constant(wrong)).starts_with(&format!("`peak` is {wrong:?};")));
        }
        let exponential = Kind::Exponential(Exponential { peak: 1.0, gamma: 1500.0 });
        let inside = sequence(vec![(Some(Span::Epochs(1.0)), constant(1.0)), (None, exponential.into())]);
        assert_eq!(
            message(Schedule::from(Kind::Product(Product { of: vec![inside] }))),
            "`of[0].parts[1].gamma` is 1500.0; allowed is a number from 0.0 to 1000.0"
        );
    }

    #[test]
    fn modifiers_are_checked() {
        assert!(message(warmed(0.0, 0.0, Ramp::Linear)).starts_with("`warmup.over` is \"0\";"));
        assert!(message(warmed(5.0, 2.0, Ramp::Linear)).starts_with("`warmup.from` is 2.0;"));
        assert!(message(warmed(5.0, 0.0, Ramp::Exponential)).starts_with("`warmup.from` is 0;"));
        let cooldown = Cooldown { over: Span::Percent(10.0), to: 0.0, shape: Ramp::Exponential };
        let cooled = Schedule { cooldown: Some(cooldown), ..constant(1.0) };
        assert!(message(cooled).starts_with("`cooldown.to` is 0;"));
        let crossed = Schedule { clamp: Some(Clamp { min: 0.2, max: 0.1 }), ..constant(1.0) };
        assert_eq!(message(crossed), "`clamp.min` is 0.2; allowed is at most clamp.max, which is 0.1");
    }

    #[test]
    fn a_period_has_to_be_a_tick_and_other_lengths_are_rounded_up_to_one() {
        assert!(message(every(Span::Updates(0.4), Tick::Update)).contains("at least one update"));
        assert!(message(every(Span::Updates(9.0), Tick::Epoch)).contains("epoch of 10 updates"));
        assert!(every(Span::Updates(10.0), Tick::Epoch).resolve(CLOCK).is_ok());
        let cyclic = |down| Cyclic {
            floor: 0.0,
            peak: 1.0,
            up: Span::Updates(5.0),
            down: Some(down),
            mode: Triangles::Equal,
            gamma: 1.0,
        };
        let found = message(Kind::Cyclic(cyclic(Span::Percent(0.5))));
        assert!(found.starts_with("`down` is \"0.5%\";"));
        assert!(warmed(0.1, 0.0, Ramp::Linear).resolve(CLOCK).is_ok());
    }

    #[test]
    fn lists_are_checked() {
        assert!(message(points(&[])).starts_with("`points` is an empty list;"));
        assert!(message(points(&[(0.0, 1.0), (0.0, 2.0)])).starts_with("`points[1]` is \"0\";"));
        assert!(message(points(&[(5.0, 1.0), (2.0, 2.0)])).starts_with("`points[1]` is \"2\";"));
        assert!(message(points(&[(-1.0, 1.0)])).starts_with("`points[0]` is \"-1\";"));
        assert!(message(points(&[(1.0, -1.0)])).starts_with("`points[0]` is -1.0;"));
        let table = |values| Kind::Listed(Listed { values: Table { values, file: None } });
        assert!(message(table(vec![])).starts_with("`values` is an empty list;"));
        assert!(message(table(vec![0.1, f64::NAN])).starts_with("`values[1]` is NaN;"));
        let drops = |milestones| Kind::Multistep(Multistep { peak: 1.0, milestones, gamma: 0.1 });
        assert!(message(drops(vec![])).starts_with("`milestones` is an empty list;"));
        assert!(message(drops(vec![Span::Epochs(-2.0)])).starts_with("`milestones[0]` is \"-2ep\";"));
        assert!(message(Kind::Product(Product { of: vec![] })).starts_with("`of` is an empty list;"));
    }

    #[test]
    fn only_the_last_part_has_no_length() {
        let length = Some(Span::Updates(10.0));
        assert!(message(sequence(vec![])).starts_with("`parts` is an empty list;"));
        let early = sequence(vec![(None, constant(1.0)), (None, constant(2.0))]);
        assert!(message(early).starts_with("`parts[0].for` is missing;"));
        let late = sequence(vec![(length, constant(1.0)), (length, constant(2.0))]);
        assert!(message(late).starts_with("`parts[1].for` is \"10\";"));
    }

    #[test]
    fn nesting_has_a_limit() {
        assert!(nested(16).resolve(CLOCK).is_ok());
        for levels in [17, 300] {
            assert!(message(nested(levels)).contains("is 17 levels deep; allowed is at most 16"));
        }
    }
}
