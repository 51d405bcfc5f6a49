//! The three kinds of run that a fit needs, and schedules of each kind where the experiment has none.

use crate::schedule::kind::{After, Constant, Cosine, Multistep};
use crate::schedule::{Kind, Schedule, Span, Tick};

use super::course::Course;

/// A rate that falls by less than this share of its peak is constant.
const FLAT: f64 = 0.05;
/// A fall of this share of the peak at one place is sharp.
const SHARP: f64 = 0.3;
/// The share of all rates that must be left after a sharp fall, for its effect to be seen.
const SEEN: f64 = 0.01;
/// A rate that falls by this share of its peak decays.
const DECAYS: f64 = 0.5;
/// Where the reference's step falls, in percent of the run, and to which share.
const STEP: (f64, f64) = (60.0, 0.1);

/// What a run teaches the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What a constant rate comes to.
    Flat,
    /// What a slow fall gives back.
    Smooth,
    /// How soon a fall gives it back.
    Sharp,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Flat, Self::Smooth, Self::Sharp];

    /// What a course teaches, if it is one of these.
    pub fn of(course: &Course) -> Option<Self> {
        if course.fall() < FLAT {
            return (course.peak() > 0.0).then_some(Self::Flat);
        }
        match course.sharpest() {
            Some((fall, left)) if fall >= SHARP && left >= SEEN => Some(Self::Sharp),
            _ => (course.fall() >= DECAYS).then_some(Self::Smooth),
        }
    }

    pub fn reference(self) -> Reference {
        match self {
            Self::Flat => Reference::Constant,
            Self::Smooth => Reference::Cosine,
            Self::Sharp => Reference::Step,
        }
    }
}

/// A schedule that is trained for a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    Constant,
    Cosine,
    /// One fall to a tenth at 60 % of the run.
    Step,
}

impl Reference {
    pub const ALL: [Self; 3] = [Self::Constant, Self::Cosine, Self::Step];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Cosine => "cosine",
            Self::Step => "step",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reference| reference.name() == name)
    }

    /// The schedule with this peak, after the warmup of another one.
    pub fn schedule(self, peak: f64, like: &Schedule) -> Schedule {
        let kind = match self {
            Self::Constant => Kind::Constant(Constant { peak }),
            Self::Cosine => {
                Kind::Cosine(Cosine { peak, floor: 0.0, over: None, after: After::Hold, power: 1.0 })
            }
            Self::Step => {
                let (at, gamma) = STEP;
                Kind::Multistep(Multistep { peak, milestones: vec![Span::Percent(at)], gamma })
            }
        };
        let warmup = if like.tick == Tick::Update { like.warmup.clone() } else { None };
        Schedule { warmup, ..kind.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Clock;

    #[test]
    fn each_reference_has_the_role_that_it_is_trained_for() {
        let clock = Clock { updates: 500, updates_per_epoch: 50 };
        for role in Role::ALL {
            let schedule = role.reference().schedule(0.1, &Kind::Constant(Constant { peak: 1.0 }).into());
            let curve = schedule.resolve(clock).unwrap();
            assert_eq!(Role::of(&Course::new(500, |update| curve.at(update))), Some(role));
            assert_eq!(curve.range().1, 0.1);
        }
    }

    #[test]
    fn a_fall_that_nothing_follows_is_not_sharp() {
        assert_eq!(
            Role::of(&Course::new(100, |update| if update < 99 { 1.0 } else { 0.1 })),
            Some(Role::Smooth)
        );
        assert_eq!(Role::of(&Course::new(100, |_| 0.0)), None);
    }
}
