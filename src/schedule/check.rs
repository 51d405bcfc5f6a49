//! What values a schedule's fields may have, whether a file, a slider or a program set them.

use super::ScheduleError;
use super::kind::{Kind, Role, Value};
use super::span::Span;

/// The largest rate: far above any that trains, and small enough for every formula to stay finite.
pub const MAX_RATE: f64 = 1e30;

impl Role {
    /// The smallest and the largest number that a field of this role holds, for the roles of numbers.
    pub fn bounds(self) -> Option<(f64, f64)> {
        match self {
            Self::Rate => Some((0.0, MAX_RATE)),
            Self::Number { min, max } => Some((min, max)),
            _ => None,
        }
    }
}

impl Kind {
    /// Checks the numbers and choices among the kind's own fields. What depends on the length of the
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
                Role::Choice(choices) => {
                    if let Some(Value::Choice(found)) = self.get(field.name)
                        && !choices.contains(&found)
                    {
                        let allowed = format!("one of \"{}\"", choices.join("\", \""));
                        return Err(ScheduleError::new(
                            field.name,
                            format!("\"{found}\""),
                            allowed,
                        ));
                    }
                }
                // Lengths and lists are checked where they are resolved, without copying them.
                _ => {}
            }
        }
        Ok(())
    }
}

/// Checks that a number lies within its bounds; NaN does not.
pub(super) fn within(
    field: &str,
    number: f64,
    (min, max): (f64, f64),
) -> Result<(), ScheduleError> {
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
