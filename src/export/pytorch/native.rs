//! PyTorch's own scheduler classes for a schedule, and how they are written.

use crate::export::recipe::Recipe;
use crate::export::simulate::torch::{Cyclic, OneCycle, Scheduler};
use crate::export::text::float;
use crate::schedule::kind::{Anneal, Choice as _, Decay};
use crate::schedule::lowered::Lowered;
use crate::schedule::{Kind, Ramp};

/// A scheduler, and the rate that its optimizer is built with.
type Built = (Scheduler, f64);

/// Schedulers that may give the drawn rates; none where PyTorch has no class.
pub fn schedulers(recipe: &Recipe<'_>, cycled: Option<(f64, f64)>) -> Vec<Built> {
    let node = Lowered::new(&recipe.run.lr, recipe.clock);
    staircase(&node).or_else(|| whole(&node, recipe.updates(), cycled)).into_iter().collect()
}

/// Drops counted in epochs are drops of as many updates.
fn staircase(node: &Lowered<'_>) -> Option<Built> {
    if node.stride == 1 || node.warmup.is_some() || node.cooldown.is_some() || node.clamp.is_some() {
        return None;
    }
    match node.kind {
        Kind::Step(kind) => {
            let step_size = node.length(kind.every) * node.stride;
            Some((Scheduler::Step { step_size, gamma: kind.gamma }, kind.peak))
        }
        Kind::Multistep(kind) => {
            let milestones = kind
                .milestones
                .iter()
                .map(|span| node.position(*span).round() as u64 * node.stride)
                .collect();
            Some((Scheduler::MultiStep { milestones, gamma: kind.gamma }, kind.peak))
        }
        _ => None,
    }
}

/// A whole schedule: its warmup, body and cooldown one after the other.
fn whole(node: &Lowered<'_>, updates: u64, cycled: Option<(f64, f64)>) -> Option<Built> {
    if node.stride > 1 || node.clamp.is_some() {
        return None;
    }
    if node.is_plain() {
        return alone(node, cycled).or_else(|| body(node, updates));
    }
    let (main, lr) = body(node, updates)?;
    let mut parts = Vec::new();
    let mut milestones = Vec::new();
    if let Some(slope) = node.warmup {
        if slope.shape != Ramp::Linear || slope.low <= 0.0 {
            return None;
        }
        parts.push(Scheduler::Linear { start_factor: slope.low, end_factor: 1.0, total_iters: slope.over });
        milestones.push(slope.over);
    }
    // A sequence within a sequence is one longer sequence.
    match main {
        Scheduler::Sequential { schedulers, milestones: inner } => {
            let lead = node.warmup.map_or(0, |slope| slope.over);
            parts.extend(schedulers);
            milestones.extend(inner.into_iter().map(|start| lead + start));
        }
        main => parts.push(main),
    }
    if let Some((start, slope)) = node.cooldown {
        if slope.shape != Ramp::Linear || !matches!(node.kind, Kind::Constant(_)) {
            return None;
        }
        parts.push(Scheduler::Linear { start_factor: 1.0, end_factor: slope.low, total_iters: slope.over });
        milestones.push(start);
    }
    in_order(&milestones).then_some((Scheduler::Sequential { schedulers: parts, milestones }, lr))
}

/// Whether every part of a sequence has an update.
fn in_order(milestones: &[u64]) -> bool {
    milestones.first().is_some_and(|first| *first > 0)
        && milestones.is_sorted_by(|before, after| before < after)
}

/// Kinds whose class sets the rate whatever else does, so that nothing goes before or after it.
fn alone(node: &Lowered<'_>, cycled: Option<(f64, f64)>) -> Option<Built> {
    match node.kind {
        Kind::OneCycle(kind) if node.rest_or(kind.over) >= node.ticks() => {
            let scheduler = Scheduler::OneCycle(OneCycle {
                max_lr: kind.peak,
                total_steps: node.rest_or(kind.over),
                pct_start: kind.pct_start,
                cosine: kind.anneal == Anneal::Cosine,
                three_phase: kind.three_phase,
                div_factor: kind.div_factor,
                final_div_factor: kind.final_div_factor,
                momentum: cycled,
            });
            Some((scheduler, kind.peak))
        }
        Kind::Cyclic(kind) => {
            let up = node.length(kind.up);
            let scheduler = Scheduler::Cyclic(Cyclic {
                base_lr: kind.floor,
                max_lr: kind.peak,
                step_size_up: up,
                step_size_down: kind.down.map_or(up, |down| node.length(down)),
                mode: kind.mode,
                gamma: kind.gamma,
                momentum: cycled,
            });
            Some((scheduler, kind.peak))
        }
        _ => None,
    }
}

/// A body that may have others before and after it.
fn body(node: &Lowered<'_>, updates: u64) -> Option<Built> {
    let linear = |start_factor: f64, end_factor: f64, total_iters: u64| {
        let is_allowed = start_factor > 0.0 && start_factor <= 1.0 && (0.0..=1.0).contains(&end_factor);
        is_allowed.then_some(Scheduler::Linear { start_factor, end_factor, total_iters })
    };
    Some(match node.kind {
        Kind::Constant(kind) => (Scheduler::Constant { factor: 1.0, total_iters: 1 }, kind.peak),
        Kind::Step(kind) => {
            (Scheduler::Step { step_size: node.length(kind.every), gamma: kind.gamma }, kind.peak)
        }
        Kind::Multistep(kind) => {
            let milestones: Vec<u64> =
                kind.milestones.iter().map(|span| node.position(*span).round() as u64).collect();
            (Scheduler::MultiStep { milestones, gamma: kind.gamma }, kind.peak)
        }
        Kind::Exponential(kind) => (Scheduler::Exponential { gamma: kind.gamma }, kind.peak),
        Kind::Linear(kind) => {
            let over = node.rest_or(kind.over);
            match linear(kind.from, kind.to, over) {
                Some(scheduler) => (scheduler, kind.peak),
                // A line from above the peak is one from the start's rate.
                None if kind.from > 0.0 => (linear(1.0, kind.to / kind.from, over)?, kind.peak * kind.from),
                None => return None,
            }
        }
        Kind::Polynomial(kind) => {
            let total_iters = node.rest_or(kind.over);
            if kind.floor == 0.0 {
                (Scheduler::Polynomial { total_iters, power: kind.power }, kind.peak)
            } else if kind.power == 1.0 && kind.floor <= kind.peak {
                (linear(1.0, kind.floor / kind.peak, total_iters)?, kind.peak)
            } else {
                return None;
            }
        }
        Kind::Cosine(kind) => {
            let t_max = node.rest_or(kind.over);
            (Scheduler::Cosine { t_max, eta_min: kind.floor }, kind.peak)
        }
        Kind::CosineRestarts(kind) if kind.mult.fract() == 0.0 && kind.peak_decay == 1.0 => {
            let t_0 = node.length(kind.first);
            (Scheduler::CosineRestarts { t_0, t_mult: kind.mult as u64, eta_min: kind.floor }, kind.peak)
        }
        Kind::Wsd(kind) if kind.shape == Decay::Linear && kind.floor <= kind.peak => {
            let over = node.length(kind.decay).min(node.ticks());
            let decay = linear(1.0, kind.floor / kind.peak, over)?;
            let flat = Scheduler::Constant { factor: 1.0, total_iters: 1 };
            match node.ticks() - over {
                0 => (decay, kind.peak),
                start => {
                    let schedulers = vec![flat, decay];
                    (Scheduler::Sequential { schedulers, milestones: vec![start] }, kind.peak)
                }
            }
        }
        Kind::Sequence(_) => sequence(node, updates)?,
        Kind::Product(_) => product(node, updates)?,
        _ => return None,
    })
}

/// Parts that share one optimizer rate; flat ones are factors of it.
fn sequence(node: &Lowered<'_>, updates: u64) -> Option<Built> {
    let parts = node.parts();
    let mut lr = 0.0_f64;
    let mut built = Vec::new();
    for (_, part) in &parts {
        if !part.is_plain() {
            return None;
        }
        let (scheduler, own) = body(part, updates)?;
        lr = lr.max(own);
        built.push((scheduler, own));
    }
    let schedulers = built.into_iter().map(|(scheduler, own)| match scheduler {
        Scheduler::Sequential { .. } | Scheduler::Chained(_) => None,
        Scheduler::Constant { .. } if own < lr => {
            Some(Scheduler::Constant { factor: own / lr, total_iters: updates + 1 })
        }
        scheduler => (own == lr).then_some(scheduler),
    });
    let schedulers = schedulers.collect::<Option<Vec<_>>>()?;
    let milestones: Vec<u64> = parts.iter().skip(1).map(|(start, _)| *start).collect();
    match schedulers.as_slice() {
        [only] => Some((only.clone(), lr)),
        _ => in_order(&milestones).then_some((Scheduler::Sequential { schedulers, milestones }, lr)),
    }
}

/// Factors that multiply the rate as it is.
fn product(node: &Lowered<'_>, updates: u64) -> Option<Built> {
    let mut lr = 1.0;
    let mut schedulers = Vec::new();
    for factor in node.factors() {
        if !factor.is_plain() {
            return None;
        }
        let (scheduler, own) = body(&factor, updates)?;
        let multiplies = match &scheduler {
            Scheduler::Cosine { eta_min, .. } => *eta_min == 0.0,
            Scheduler::Step { .. }
            | Scheduler::MultiStep { .. }
            | Scheduler::Exponential { .. }
            | Scheduler::Linear { .. }
            | Scheduler::Constant { .. }
            | Scheduler::Polynomial { .. } => true,
            _ => false,
        };
        if !multiplies {
            return None;
        }
        lr *= own;
        schedulers.push(scheduler);
    }
    Some((Scheduler::Chained(schedulers), lr))
}

/// Why no class of PyTorch's gives the drawn rates.
pub fn why_not(recipe: &Recipe<'_>) -> String {
    let schedule = &recipe.run.lr;
    match &schedule.warmup {
        Some(warmup) if warmup.from == 0.0 => "no scheduler of PyTorch's starts at 0".to_owned(),
        Some(warmup) if warmup.shape != Ramp::Linear => "a warmup of PyTorch's is a line".to_owned(),
        _ => format!("PyTorch has no class for this curve ({})", recipe.curve()),
    }
}

/// The classes a scheduler is made of.
pub fn classes(scheduler: &Scheduler, found: &mut Vec<&'static str>) {
    let name = class(scheduler);
    if !found.contains(&name) {
        found.push(name);
        found.sort_unstable();
    }
    if let Scheduler::Sequential { schedulers, .. } | Scheduler::Chained(schedulers) = scheduler {
        for child in schedulers {
            classes(child, found);
        }
    }
}

fn class(scheduler: &Scheduler) -> &'static str {
    match scheduler {
        Scheduler::Constant { .. } => "ConstantLR",
        Scheduler::Linear { .. } => "LinearLR",
        Scheduler::Step { .. } => "StepLR",
        Scheduler::MultiStep { .. } => "MultiStepLR",
        Scheduler::Exponential { .. } => "ExponentialLR",
        Scheduler::Polynomial { .. } => "PolynomialLR",
        Scheduler::Cosine { .. } => "CosineAnnealingLR",
        Scheduler::CosineRestarts { .. } => "CosineAnnealingWarmRestarts",
        Scheduler::Cyclic(_) => "CyclicLR",
        Scheduler::OneCycle(_) => "OneCycleLR",
        Scheduler::Swa { .. } => "SWALR",
        Scheduler::Sequential { .. } => "SequentialLR",
        Scheduler::Chained(_) => "ChainedScheduler",
    }
}

/// The call that makes a scheduler, indented by `indent` levels.
pub fn written(scheduler: &Scheduler, indent: usize) -> String {
    let margin = "    ".repeat(indent + 1);
    let children = |schedulers: &[Scheduler]| {
        let lines = schedulers.iter().map(|child| format!("{margin}    {},\n", written(child, indent + 2)));
        format!("[\n{}{margin}]", lines.collect::<String>())
    };
    let cycled = |momentum: Option<(f64, f64)>| match momentum {
        Some((low, high)) => format!("base_momentum={}, max_momentum={}", float(low), float(high)),
        None => "cycle_momentum=False".to_owned(),
    };
    let arguments = match scheduler {
        Scheduler::Constant { factor, total_iters } => {
            format!("factor={}, total_iters={total_iters}", float(*factor))
        }
        Scheduler::Linear { start_factor, end_factor, total_iters } => format!(
            "start_factor={}, end_factor={}, total_iters={total_iters}",
            float(*start_factor),
            float(*end_factor)
        ),
        Scheduler::Step { step_size, gamma } => format!("step_size={step_size}, gamma={}", float(*gamma)),
        Scheduler::MultiStep { milestones, gamma } => {
            format!("milestones={milestones:?}, gamma={}", float(*gamma))
        }
        Scheduler::Exponential { gamma } => format!("gamma={}", float(*gamma)),
        Scheduler::Polynomial { total_iters, power } => {
            format!("total_iters={total_iters}, power={}", float(*power))
        }
        Scheduler::Cosine { t_max, eta_min } => format!("T_max={t_max}, eta_min={}", float(*eta_min)),
        Scheduler::CosineRestarts { t_0, t_mult, eta_min } => {
            format!("T_0={t_0}, T_mult={t_mult}, eta_min={}", float(*eta_min))
        }
        Scheduler::Cyclic(cyclic) => format!(
            "base_lr={}, max_lr={}, step_size_up={}, step_size_down={}, mode=\"{}\", gamma={}, {}",
            float(cyclic.base_lr),
            float(cyclic.max_lr),
            cyclic.step_size_up,
            cyclic.step_size_down,
            cyclic.mode.name(),
            float(cyclic.gamma),
            cycled(cyclic.momentum)
        ),
        Scheduler::OneCycle(cycle) => format!(
            "max_lr={}, total_steps={}, pct_start={}, anneal_strategy=\"{}\", three_phase={}, div_factor={}, \
             final_div_factor={}, {}",
            float(cycle.max_lr),
            cycle.total_steps,
            float(cycle.pct_start),
            if cycle.cosine { "cos" } else { "linear" },
            if cycle.three_phase { "True" } else { "False" },
            float(cycle.div_factor),
            float(cycle.final_div_factor),
            cycled(cycle.momentum)
        ),
        Scheduler::Swa { swa_lr, anneal_epochs, cosine } => {
            let strategy = if *cosine { "cos" } else { "linear" };
            format!(
                "swa_lr={}, anneal_epochs={anneal_epochs}, anneal_strategy=\"{strategy}\"",
                float(*swa_lr)
            )
        }
        Scheduler::Sequential { schedulers, milestones } => {
            let outer = "    ".repeat(indent);
            return format!(
                "SequentialLR(\n{margin}optimizer,\n{margin}{},\n{margin}milestones={milestones:?},\n{outer})",
                children(schedulers)
            );
        }
        Scheduler::Chained(schedulers) => {
            let outer = "    ".repeat(indent);
            return format!("ChainedScheduler(\n{margin}{},\n{outer})", children(schedulers));
        }
    };
    format!("{}(optimizer, {arguments})", class(scheduler))
}
