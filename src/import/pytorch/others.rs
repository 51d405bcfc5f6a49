//! Schedulers for PyTorch that are not PyTorch's: those that many people use are read, others are named.

use super::super::python::{Call, Expr};
use super::super::pytorch_arguments::Given;
use super::super::shape::{constant, cosine, linear, restarts, sequence};
use super::super::{ImportError, Unread};
use super::{Reader, SCHEDULERS};
use crate::experiment::Controller;
use crate::schedule::kind::{After, Kind, Multistep};
use crate::schedule::{Schedule, Tick};

/// Whether a call looks as if it made a scheduler, and none that is known.
pub(super) fn is_stranger(call: &Call) -> bool {
    let name = call.name.as_str();
    let ends = ["LR", "Scheduler", "Warmup", "WarmupLR", "LRSchedule", "LrScheduler", "Annealing"];
    let is_like =
        ends.iter().any(|end| name.ends_with(end)) && name.starts_with(|c: char| c.is_ascii_uppercase());
    let idle =
        ["Noise", "DDPM", "DDIM", "Euler", "PNDM", "Beta", "Profiler", "Dataset", "Task", "Discrete", "Flow"];
    is_like
        && !SCHEDULERS.contains(&name)
        && !idle.iter().any(|word| name.contains(word))
        && !name.starts_with("RegisterNoise")
        && name != "LR"
}

impl<'p> Reader<'p> {
    pub(super) fn third_party(
        &mut self,
        given: &Given<'p>,
        base: f64,
        level: usize,
    ) -> Result<Schedule, ImportError> {
        match given.call.name.as_str() {
            "GradualWarmupScheduler" => self.gradual(given, base, level),
            "CosineAnnealingWarmupRestarts" => {
                let (peak, floor) = (given.or("max_lr", 3, 0.1)?, given.or("min_lr", 4, 0.001)?);
                let (first, warm) = (given.need("first_cycle_steps", 1)?, given.or("warmup_steps", 5, 0.0)?);
                let mult = given.or("cycle_mult", 2, 1.0)?;
                let Kind::CosineRestarts(mut cycles) =
                    restarts(peak, floor, self.span(first), mult, given.or("gamma", 6, 1.0)?).kind
                else {
                    return Ok(constant(peak));
                };
                if warm > 0.0 {
                    cycles.cycle_warmup = Some(self.span(warm));
                    self.imported.note(
                        "the class lets each cycle fall over what follows its warmup, as here; a peak that shrinks does \
                         so towards 0",
                    );
                }
                Ok(Kind::CosineRestarts(cycles).into())
            }
            "LinearWarmupCosineAnnealingLR" => {
                let (warm, total) = (given.need("warmup_epochs", 1)?, given.need("max_epochs", 2)?);
                let (first, floor) = (given.or("warmup_start_lr", 3, 0.0)?, given.or("eta_min", 4, 0.0)?);
                if total <= warm {
                    return Err(ImportError::missing(&given.call.name, "max_epochs above warmup_epochs"));
                }
                let share = if base > 0.0 { first / base } else { 0.0 };
                let body = cosine(base, floor, Some(self.span(total - warm)), After::Rebound);
                // Its warmup arrives at the peak a step before it ends, and the cosine begins with the peak again.
                if warm < 2.0 {
                    return Ok(body);
                }
                let climb = linear(base, share, 1.0, Some(self.span(warm - 1.0)));
                if self.total.is_none() {
                    self.imported.updates = Some(self.span(total));
                }
                Ok(sequence(vec![(self.span(warm), climb)], body))
            }
            _ => {
                let (gamma, factor) = (given.or("gamma", 2, 0.1)?, given.or("warmup_factor", 3, 1.0 / 3.0)?);
                let warm = given.or("warmup_iters", 4, 500.0)?;
                let method = given.text("warmup_method", 5).unwrap_or("linear");
                let milestones = given.list("milestones", 1)?;
                let steps = |peak: f64, reader: &Self| -> Schedule {
                    let milestones = milestones.iter().map(|at| reader.span(*at)).collect();
                    Kind::Multistep(Multistep { peak, milestones, gamma }).into()
                };
                if warm == 0.0 {
                    return Ok(steps(base, self));
                }
                let climb = match method {
                    "constant" => sequence(vec![(self.span(warm), constant(factor))], constant(1.0)),
                    _ => linear(1.0, factor, 1.0, Some(self.span(warm))),
                };
                // The warmup multiplies the steps, it does not come before them.
                let of = vec![steps(base, self), climb];
                Ok(Kind::Product(crate::schedule::kind::Product { of }).into())
            }
        }
    }

    /// `GradualWarmupScheduler(optimizer, multiplier, total_epoch, after_scheduler)`.
    fn gradual(&mut self, given: &Given<'p>, base: f64, level: usize) -> Result<Schedule, ImportError> {
        let (multiplier, over) = (given.need("multiplier", 1)?, given.need("total_epoch", 2)?);
        if !(multiplier >= 1.0 && over > 0.0) {
            let needed = "a multiplier of at least 1, and a total_epoch above 0";
            return Err(ImportError::missing("GradualWarmupScheduler", needed));
        }
        let peak = base * multiplier;
        // With a multiplier of 1 it climbs from nothing.
        let from = if multiplier == 1.0 { 0.0 } else { 1.0 / multiplier };
        let climb = linear(peak, from, 1.0, Some(self.span(over)));
        let after = match given.get("after_scheduler", 3) {
            None | Some(Expr::None) => constant(peak),
            Some(Expr::Call(after)) if after.name == "ReduceLROnPlateau" => {
                self.imported.controller = Some(Controller::Plateau(self.plateau(after)?));
                constant(peak)
            }
            Some(Expr::Call(after)) => self.schedule(after, peak, level + 1)?,
            Some(other) => {
                self.imported.leave(Unread {
                    matters: true,
                    ..Unread::new("after_scheduler", other.shown(), given.call.line)
                });
                constant(peak)
            }
        };
        self.imported.note(
            "GradualWarmupScheduler is read as its author says: a climb to the rate times the multiplier, then what \
             follows from its own beginning",
        );
        if self.tick == Tick::Update {
            self.imported
                .assume("its total_epoch counts calls of step(): updates here (--tick epoch overrules)");
        }
        Ok(sequence(vec![(self.span(over), climb)], after))
    }
}
