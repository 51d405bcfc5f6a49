//! PyTorch 2.15's schedulers as they step: from the rate that they find in the optimizer's group, recursively.
//! Only composites that have no closed form come here.

use super::super::python::eval::{Done, Stop};
use std::f64::consts::PI;

/// The group of parameters that all schedulers write to.
pub(super) struct Group {
    pub rate: f64,
    /// What the first scheduler found.
    initial: Option<f64>,
}

impl Group {
    pub fn new(rate: f64) -> Self {
        Self { rate, initial: None }
    }

    /// What a scheduler that is made now takes as the rate at its beginning.
    pub fn base(&self) -> f64 {
        self.initial.unwrap_or(self.rate)
    }

    /// `OneCycleLR` overwrites what the others begin from.
    pub fn begins_at(&mut self, rate: f64) {
        self.initial = Some(rate);
    }
}

/// What a scheduler without children does.
pub(super) enum Rule<'p> {
    Step {
        every: f64,
        gamma: f64,
    },
    Multistep {
        milestones: Vec<f64>,
        gamma: f64,
    },
    Constant {
        factor: f64,
        total: f64,
    },
    Linear {
        start: f64,
        end: f64,
        total: f64,
    },
    Exponential {
        gamma: f64,
    },
    Polynomial {
        total: f64,
        power: f64,
    },
    Cosine {
        over: f64,
        floor: f64,
    },
    /// Its rate at a tick, whatever it finds; the rate at its beginning is given.
    Absolute(Box<dyn Fn(f64, u64) -> Done<f64> + 'p>),
    /// A factor at a tick.
    Multiplies(Box<dyn Fn(u64) -> Done<f64> + 'p>),
}

pub(super) struct Leaf<'p> {
    rule: Rule<'p>,
    last: i64,
    base: f64,
}

pub(super) enum Node<'p> {
    Leaf(Leaf<'p>),
    Sequential { children: Vec<Node<'p>>, milestones: Vec<i64>, last: i64 },
    Chained(Vec<Node<'p>>),
}

impl<'p> Node<'p> {
    /// Makes a scheduler without children, which writes its first rate.
    pub fn leaf(rule: Rule<'p>, group: &mut Group) -> Done<Self> {
        let base = *group.initial.get_or_insert(group.rate);
        let mut leaf = Leaf { rule, last: -1, base };
        leaf.update(None, true, group)?;
        Ok(Self::Leaf(leaf))
    }

    pub fn sequential(children: Vec<Self>, milestones: Vec<i64>, group: &mut Group) -> Done<Self> {
        let mut node = Self::Sequential { children, milestones, last: 0 };
        group.rate = group.base();
        node.undo();
        if let Self::Sequential { children, .. } = &mut node
            && let Some(first) = children.first_mut()
        {
            first.begin(group)?;
        }
        Ok(node)
    }

    /// Takes back the step that each leaf made when it was made.
    fn undo(&mut self) {
        match self {
            Self::Leaf(leaf) => leaf.last -= 1,
            Self::Sequential { children, .. } | Self::Chained(children) => {
                children.iter_mut().for_each(Self::undo);
            }
        }
    }

    fn begin(&mut self, group: &mut Group) -> Done<()> {
        match self {
            Self::Leaf(leaf) => leaf.update(None, true, group),
            // What is made of others has no first step of its own: it steps.
            _ => self.step(group),
        }
    }

    pub fn step(&mut self, group: &mut Group) -> Done<()> {
        match self {
            Self::Leaf(leaf) => leaf.update(None, false, group),
            Self::Chained(children) => children.iter_mut().try_for_each(|child| child.step(group)),
            Self::Sequential { children, milestones, last } => {
                *last += 1;
                let at = milestones.iter().filter(|milestone| **milestone <= *last).count();
                let begins = at > 0 && milestones.get(at - 1) == Some(last);
                let Some(child) = children.get_mut(at) else { return Ok(()) };
                match (begins, child) {
                    (true, Self::Leaf(leaf)) => leaf.update(Some(0), false, group),
                    (true, _) => Err(Stop::new("PyTorch raises NotImplementedError at the milestone")),
                    (false, child) => child.step(group),
                }
            }
        }
    }
}

impl Leaf<'_> {
    /// Goes on to the next tick, or to the one that is given, and writes its rate.
    fn update(&mut self, to: Option<i64>, is_first: bool, group: &mut Group) -> Done<()> {
        self.last = to.unwrap_or(self.last + 1);
        let closed = to.and_then(|_| self.closed());
        group.rate = match closed {
            Some(rate) => rate,
            None => self.next(group.rate, is_first)?,
        };
        if group.rate.is_nan() {
            return Err(Stop::new("PyTorch's recursion divides by zero"));
        }
        Ok(())
    }

    /// The rate by the tick alone, where PyTorch has a formula for it.
    fn closed(&self) -> Option<f64> {
        let (last, base) = (self.last as f64, self.base);
        Some(match &self.rule {
            Rule::Step { every, gamma } => base * gamma.powf((last / every).floor()),
            Rule::Multistep { milestones, gamma } => {
                base * gamma.powi(milestones.iter().filter(|at| **at <= last).count() as i32)
            }
            Rule::Constant { factor, total } => {
                base * (factor + f64::from(u8::from(last >= *total)) * (1.0 - factor))
            }
            Rule::Linear { start, end, total } => base * (start + (end - start) * total.min(last) / total),
            Rule::Exponential { gamma } => base * gamma.powf(last),
            Rule::Polynomial { total, power } => base * (1.0 - total.min(last) / total).powf(*power),
            Rule::Cosine { over, floor } => floor + (base - floor) * (1.0 + (PI * last / over).cos()) / 2.0,
            Rule::Absolute(_) | Rule::Multiplies(_) => return None,
        })
    }

    /// The rate after the one that it finds.
    fn next(&self, found: f64, is_first: bool) -> Done<f64> {
        let last = self.last as f64;
        let tick = self.last.max(0) as u64;
        Ok(match &self.rule {
            Rule::Step { every, gamma } => {
                if is_first || last % every != 0.0 {
                    found
                } else {
                    found * gamma
                }
            }
            Rule::Multistep { milestones, gamma } => {
                let times = if is_first { 0 } else { milestones.iter().filter(|at| **at == last).count() };
                found * gamma.powi(times as i32)
            }
            Rule::Constant { factor, total } => match () {
                () if self.last == 0 => found * factor,
                () if last != *total => found,
                () if *factor == 0.0 => return Err(Stop::new("PyTorch divides by a factor of 0")),
                () => found * (1.0 / factor),
            },
            Rule::Linear { start, end, total } => match () {
                () if self.last == 0 => found * start,
                () if is_first || last > *total => found,
                () => found * (1.0 + (end - start) / (total * start + (last - 1.0) * (end - start))),
            },
            Rule::Exponential { gamma } => {
                if is_first {
                    found
                } else {
                    found * gamma
                }
            }
            Rule::Polynomial { total, power } => {
                if is_first || last > *total {
                    found
                } else {
                    found * ((1.0 - last / total) / (1.0 - (last - 1.0) / total)).powf(*power)
                }
            }
            Rule::Cosine { over, floor } => match () {
                () if is_first => found,
                () if (last - 1.0 - over) % (2.0 * over) == 0.0 => {
                    found + (self.base - floor) * (1.0 - (PI / over).cos()) / 2.0
                }
                () => {
                    (1.0 + (PI * last / over).cos()) / (1.0 + (PI * (last - 1.0) / over).cos())
                        * (found - floor)
                        + floor
                }
            },
            Rule::Absolute(rate) => rate(self.base, tick)?,
            Rule::Multiplies(factor) => {
                if is_first {
                    found
                } else {
                    found * factor(tick)?
                }
            }
        })
    }
}
