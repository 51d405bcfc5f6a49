//! optax: `schedule`, a function of the count, and `optimizer`.

use super::recipe::{Carries, Recipe};
use super::simulate::optax::{Exponential, Schedule};
use super::text::float;
use super::{Deviation, Draft, python};
use crate::experiment::OptimizerKind;
use crate::schedule::kind::{Decay, Interpolation};
use crate::schedule::lowered::Lowered;
use crate::schedule::{Kind, Ramp};

const CARRIES: Carries = Carries {
    schedules: true,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: false,
    mirror: true,
    schedule_free: true,
    batches: true,
};

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let native = native(&Lowered::new(&recipe.run.lr, recipe.clock)).and_then(|schedule| {
        let predicted = recipe.predict(|count| schedule.at(count));
        (Deviation::between(&recipe.drawn, &predicted).of_peak <= 1e-9).then_some((schedule, predicted))
    });
    let mut imports = vec!["import optax".to_owned()];
    let mut body = format!("UPDATES = {}\n\n\n", recipe.updates());
    let (predicted, table) = match native {
        Some((schedule, predicted)) => {
            body = format!("schedule = {}\n", written(&schedule, 0));
            (predicted, None)
        }
        None => {
            body.push_str(&python::function(
                "rate",
                &recipe.rate,
                "The learning rate that update `update` uses, from 0.",
            ));
            body.push_str(&lookup("schedule", "rate", "The learning rate at `count`, from 0."));
            let why = format!("optax has no schedule for this curve ({})", recipe.curve());
            (
                recipe.rate.values(recipe.updates()),
                Some(format!("a table of the rates, made when the text is imported: {why}")),
            )
        }
    };
    for varying in &recipe.varying {
        let about = format!("The {} that update `update` uses.", varying.name);
        let function = format!("{}_at", varying.name);
        body.push_str("\n\n");
        body.push_str(&python::function(&function, &varying.track, &about));
        body.push_str(&lookup(
            varying.name,
            &function,
            &about.replace("update `update`", "the update `count`"),
        ));
    }
    let optimizer = optimizer(recipe);
    let is_plain = body.ends_with(")\n") && recipe.varying.is_empty() && recipe.batches.is_none();
    body.push_str(if is_plain { "" } else { "\n" });
    body.push_str(&optimizer);
    // The tables have a value for each update.
    if body.contains("UPDATES") && !body.starts_with("UPDATES") {
        body = format!("UPDATES = {}\n\n{body}", recipe.updates());
    }
    if body.contains("jnp.") {
        imports.insert(0, "import jax.numpy as jnp".to_owned());
    }
    let header = python::header(
        recipe,
        "optax 0.2.8",
        "updates, state = optimizer.update(gradients, state, parameters)",
    );
    Draft {
        text: python::module(&header, &imports, &body),
        predicted,
        table,
        approximated: "",
        notes: notes(recipe),
    }
}

fn notes(recipe: &Recipe<'_>) -> Vec<String> {
    let mut notes = recipe.notes(CARRIES);
    notes.push(
        "jax computes the rates in f32 unless jax_enable_x64 is set; these are the f64 ones.".to_owned(),
    );
    if recipe.kind().base() == OptimizerKind::Adagrad {
        notes.push("Changed: optax's Adagrad adds eps inside the root, PyTorch's outside.".to_owned());
    }
    if recipe.kind() == OptimizerKind::NAdam {
        notes.push("Changed: optax's NAdam does not warm its momentum up.".to_owned());
    }
    if recipe.kind() == OptimizerKind::Adafactor {
        let how = "Changed: optax's Adafactor does not keep the rate below one over the root of the update's number.";
        notes.push(how.to_owned());
    }
    if recipe.kind() == OptimizerKind::Muon {
        notes.push(
            "Changed: optax's Muon corrects the momentum's first updates, and takes tables of embeddings for matrices."
                .to_owned(),
        );
    }
    if recipe.kind() == OptimizerKind::Adam && recipe.has("amsgrad") {
        let how = "Changed: optax's AMSGrad takes the greatest of the corrected mean squares, PyTorch's corrects the greatest.";
        notes.push(how.to_owned());
    }
    notes
}

/// A function of the count that looks its value up in a table made once.
fn lookup(name: &str, function: &str, about: &str) -> String {
    let table = format!("{}_TABLE", name.to_uppercase());
    format!(
        "\n\n{table} = jnp.array([{function}(update) for update in range(UPDATES)])\n\n\ndef {name}(count):\n    \
         \"\"\"{about}\"\"\"\n    return {table}[jnp.minimum(count, UPDATES - 1)]\n"
    )
}

/// The optimizer, with clipping before it and accumulation around it.
fn optimizer(recipe: &Recipe<'_>) -> String {
    let value = |name: &'static str| match recipe.varying(name) {
        Some(_) => name.to_owned(),
        None => float(recipe.say(name)),
    };
    let wrapped = |function: &str| match recipe.varying.as_slice() {
        [] => function.to_owned(),
        _ => format!("optax.inject_hyperparams({function})"),
    };
    let decay = recipe.number("weight_decay") > 0.0 || recipe.varying("weight_decay").is_some();
    let betas = || format!("b1={}, b2={}", value("beta1"), value("beta2"));
    // PyTorch's weight decay is part of the gradient, but for AdamW and Lion.
    let mut is_coupled = decay;
    let call = match recipe.kind() {
        OptimizerKind::Sgd => {
            let nesterov = if recipe.has("nesterov") { ", nesterov=True" } else { "" };
            let momentum = match (recipe.varying("momentum"), recipe.say("momentum")) {
                (None, 0.0) => String::new(),
                _ => format!(", momentum={}", value("momentum")),
            };
            format!("{}(learning_rate=schedule{momentum}{nesterov})", wrapped("optax.sgd"))
        }
        OptimizerKind::Adam => {
            let function = if recipe.has("amsgrad") { "optax.amsgrad" } else { "optax.adam" };
            format!("{}(learning_rate=schedule, {}, eps={})", wrapped(function), betas(), value("eps"))
        }
        OptimizerKind::AdamW => {
            is_coupled = false;
            format!(
                "{}(learning_rate=schedule, {}, eps={}, weight_decay={})",
                wrapped("optax.adamw"),
                betas(),
                value("eps"),
                value("weight_decay")
            )
        }
        OptimizerKind::RmsProp => format!(
            "{}(learning_rate=schedule, decay={}, eps={}, momentum={}, eps_in_sqrt=False{})",
            wrapped("optax.rmsprop"),
            value("alpha"),
            value("eps"),
            value("momentum"),
            if recipe.has("centered") { ", centered=True" } else { "" }
        ),
        OptimizerKind::Adagrad => format!(
            "{}(learning_rate=schedule, initial_accumulator_value={}, eps={})",
            wrapped("optax.adagrad"),
            value("initial_accumulator_value"),
            value("eps")
        ),
        OptimizerKind::ScheduleFreeSgd => {
            is_coupled = false;
            format!(
                "{}(learning_rate=schedule, b1={}, weight_decay={})",
                wrapped("optax.contrib.schedule_free_sgd"),
                value("momentum"),
                value("weight_decay")
            )
        }
        OptimizerKind::ScheduleFreeAdamW => {
            is_coupled = false;
            format!(
                "{}(learning_rate=schedule, {}, eps={}, weight_decay={})",
                wrapped("optax.contrib.schedule_free_adamw"),
                betas(),
                value("eps"),
                value("weight_decay")
            )
        }
        OptimizerKind::NAdam => {
            is_coupled = decay && !recipe.has("decoupled_weight_decay");
            let (function, rest) = match is_coupled || !decay {
                true => ("optax.nadam", String::new()),
                false => ("optax.nadamw", format!(", weight_decay={}", value("weight_decay"))),
            };
            format!("{}(learning_rate=schedule, {}, eps={}{rest})", wrapped(function), betas(), value("eps"))
        }
        OptimizerKind::RAdam => {
            format!("{}(learning_rate=schedule, {}, eps={})", wrapped("optax.radam"), betas(), value("eps"))
        }
        OptimizerKind::Lamb => {
            is_coupled = false;
            format!(
                "{}(learning_rate=schedule, {}, eps={}, weight_decay={})",
                wrapped("optax.lamb"),
                betas(),
                value("eps"),
                value("weight_decay")
            )
        }
        OptimizerKind::Adafactor => {
            is_coupled = false;
            let shrink = match decay {
                true => {
                    format!(", weight_decay_rate=lambda count: {} * schedule(count)", value("weight_decay"))
                }
                false => String::new(),
            };
            format!(
                "{}(learning_rate=schedule, min_dim_size_to_factor=1, decay_rate={}, clipping_threshold={}{shrink})",
                wrapped("optax.adafactor"),
                float(-recipe.say("beta2_decay")),
                value("d")
            )
        }
        OptimizerKind::Prodigy => {
            is_coupled = false;
            let safe = if recipe.has("safeguard_warmup") { ", safeguard_warmup=True" } else { "" };
            format!(
                "{}(learning_rate=schedule, betas=({}, {}), eps={}, estim_lr0={}, estim_lr_coef={}, weight_decay={}{safe})",
                wrapped("optax.contrib.prodigy"),
                value("beta1"),
                value("beta2"),
                value("eps"),
                value("d0"),
                value("d_coef"),
                value("weight_decay")
            )
        }
        OptimizerKind::Muon => {
            is_coupled = false;
            let flags = [
                if recipe.has("nesterov") { "" } else { ", nesterov=False" },
                if recipe.has("match_rms_adamw") { ", consistent_rms=0.2" } else { "" },
            ];
            format!(
                "{}(\n        learning_rate=schedule, ns_steps={:.0}, beta={}{}, adam_b1={}, adam_b2={},\n        \
                 weight_decay={decay}, adam_weight_decay={decay},\n    )",
                wrapped("optax.contrib.muon"),
                recipe.say("ns_steps"),
                value("momentum"),
                flags.concat(),
                value("beta1"),
                value("beta2"),
                decay = value("weight_decay")
            )
        }
        OptimizerKind::Lion => {
            is_coupled = false;
            format!(
                "{}(learning_rate=schedule, {}, weight_decay={})",
                wrapped("optax.lion"),
                betas(),
                value("weight_decay")
            )
        }
    };
    let mut steps = Vec::new();
    if let Some(norm) = recipe.clip_norm() {
        steps.push(format!("optax.clip_by_global_norm({})", float(norm)));
    }
    if is_coupled {
        steps.push(format!(
            "{}(weight_decay={})",
            wrapped("optax.add_decayed_weights"),
            value("weight_decay")
        ));
    }
    steps.push(call);
    let mut text = match steps.as_slice() {
        [only] => format!("optimizer = {only}\n"),
        _ => format!(
            "optimizer = optax.chain(\n{})\n",
            steps.iter().map(|step| format!("    {step},\n")).collect::<String>()
        ),
    };
    let about = "Micro-batches whose mean gradient makes update `update`; MultiSteps takes the mean.";
    if let Some(batches) = python::micro_batches(recipe, about) {
        text = format!(
            "\n{batches}\n\nMICRO_BATCHES_TABLE = jnp.array(\n    [micro_batches(update) for update in range(UPDATES)], \
             dtype=jnp.int32\n)\n\n\n\
             {text}optimizer = optax.MultiSteps(\n    optimizer, every_k_schedule=lambda count: \
             MICRO_BATCHES_TABLE[jnp.minimum(count, UPDATES - 1)]\n)\n"
        );
    } else if recipe.accumulate() > 1 {
        text.push_str(&format!(
            "optimizer = optax.MultiSteps(optimizer, every_k_schedule={})\n",
            recipe.accumulate()
        ));
    }
    text
}

/// A schedule in optax's own functions, where it has them.
fn native(node: &Lowered<'_>) -> Option<Schedule> {
    if node.stride > 1 || node.clamp.is_some() {
        return None;
    }
    let mut main = body(node)?;
    if let Some(slope) = node.warmup {
        if slope.shape != Ramp::Linear {
            return None;
        }
        let top = main.at(0);
        main = joined(vec![(0, Schedule::linear(slope.low * top, top, slope.over)), (slope.over, main)]);
    }
    if let Some((start, slope)) = node.cooldown {
        if slope.shape != Ramp::Linear {
            return None;
        }
        let top = main.at(start);
        main = joined(vec![(0, main), (start, Schedule::linear(top, slope.low * top, slope.over))]);
    }
    Some(main)
}

/// Schedules one after the other, each with the count it starts at; one within another becomes flat.
fn joined(parts: Vec<(u64, Schedule)>) -> Schedule {
    let mut schedules = Vec::new();
    let mut boundaries = Vec::new();
    for (start, part) in parts {
        if start > 0 {
            boundaries.push(start);
        }
        match part {
            Schedule::Join { schedules: inner, boundaries: ends } => {
                schedules.extend(inner);
                boundaries.extend(ends.into_iter().map(|end| start + end));
            }
            part => schedules.push(part),
        }
    }
    Schedule::Join { schedules, boundaries }
}

fn body(node: &Lowered<'_>) -> Option<Schedule> {
    let alpha = |floor: f64, peak: f64| if peak > 0.0 { floor / peak } else { 0.0 };
    let cosine = |peak: f64, floor: f64, decay_steps: u64| Schedule::CosineDecay {
        init_value: peak,
        decay_steps,
        alpha: alpha(floor, peak),
        exponent: 1.0,
    };
    Some(match node.kind {
        Kind::Constant(kind) => Schedule::Constant { value: kind.peak },
        Kind::Step(kind) if kind.gamma > 0.0 => Schedule::Exponential(Exponential {
            init_value: kind.peak,
            transition_steps: node.length(kind.every),
            decay_rate: kind.gamma,
            transition_begin: 0,
            staircase: true,
        }),
        Kind::Multistep(kind) => {
            let mut drops: Vec<(u64, f64)> = Vec::new();
            let mut at: Vec<u64> =
                kind.milestones.iter().map(|span| node.position(*span).round() as u64).collect();
            at.sort_unstable();
            for milestone in at {
                match drops.last_mut() {
                    Some((last, scale)) if *last == milestone => *scale *= kind.gamma,
                    _ => drops.push((milestone, kind.gamma)),
                }
            }
            Schedule::PiecewiseConstant { init_value: kind.peak, boundaries_and_scales: drops }
        }
        Kind::Exponential(kind) if kind.gamma > 0.0 => Schedule::Exponential(Exponential {
            init_value: kind.peak,
            transition_steps: 1,
            decay_rate: kind.gamma,
            transition_begin: 0,
            staircase: false,
        }),
        Kind::Linear(kind) => {
            Schedule::linear(kind.peak * kind.from, kind.peak * kind.to, node.rest_or(kind.over))
        }
        Kind::Polynomial(kind) => Schedule::Polynomial {
            init_value: kind.peak,
            end_value: kind.floor,
            power: kind.power,
            transition_steps: node.rest_or(kind.over),
        },
        Kind::Cosine(kind) => cosine(kind.peak, kind.floor, node.rest_or(kind.over)),
        Kind::CosineRestarts(kind) if kind.cycle_warmup.is_none() => {
            let mut parts = Vec::new();
            let (mut start, mut length) = (0.0, node.length(kind.first) as f64);
            let mut peak = kind.peak;
            while start < node.ticks() as f64 {
                if parts.len() > 20 || length.fract() != 0.0 {
                    return None;
                }
                parts.push((start as u64, cosine(peak, kind.floor, length as u64)));
                start += length;
                length *= kind.mult;
                peak = (peak * kind.peak_decay).max(kind.floor.min(kind.peak));
            }
            joined(parts)
        }
        Kind::Wsd(kind) => {
            let over = node.length(kind.decay).min(node.ticks());
            let decay = match kind.shape {
                Decay::Linear => Schedule::linear(kind.peak, kind.floor, over),
                Decay::Cosine => cosine(kind.peak, kind.floor, over),
                Decay::OneMinusSqrt | Decay::Exponential => return None,
            };
            match node.ticks() - over {
                0 => decay,
                start => joined(vec![(0, Schedule::Constant { value: kind.peak }), (start, decay)]),
            }
        }
        Kind::Sequence(_) => {
            let parts = node.parts().into_iter().map(|(start, part)| Some((start, native(&part)?)));
            joined(parts.collect::<Option<_>>()?)
        }
        Kind::Points(kind) if kind.interpolation == Interpolation::Linear => return lines(node),
        _ => return None,
    })
}

/// Straight lines between control points on whole updates.
fn lines(node: &Lowered<'_>) -> Option<Schedule> {
    let Kind::Points(kind) = node.kind else {
        return None;
    };
    let points: Vec<(f64, f64)> =
        kind.points.iter().map(|(span, rate)| (node.position(*span), *rate)).collect();
    if points.len() > 20 || points.iter().any(|(at, _)| at.fract() != 0.0) {
        return None;
    }
    let mut parts = Vec::new();
    if let Some((at, rate)) = points.first().filter(|(at, _)| *at > 0.0) {
        parts.push((0, Schedule::linear(*rate, *rate, *at as u64)));
    }
    for pair in points.windows(2) {
        if let [(start, from), (end, to)] = pair {
            parts.push((*start as u64, Schedule::linear(*from, *to, (end - start) as u64)));
        }
    }
    Some(joined(parts))
        .filter(|schedule| !matches!(schedule, Schedule::Join { schedules, .. } if schedules.is_empty()))
}

fn written(schedule: &Schedule, indent: usize) -> String {
    let pairs = |pairs: &[(u64, f64)]| {
        let shown: Vec<String> = pairs.iter().map(|(at, scale)| format!("{at}: {}", float(*scale))).collect();
        format!("{{{}}}", shown.join(", "))
    };
    match schedule {
        Schedule::Constant { value } => format!("optax.constant_schedule({})", float(*value)),
        Schedule::Polynomial { init_value, end_value, power: 1.0, transition_steps } => {
            format!(
                "optax.linear_schedule({}, {}, {transition_steps})",
                float(*init_value),
                float(*end_value)
            )
        }
        Schedule::Polynomial { init_value, end_value, power, transition_steps } => format!(
            "optax.polynomial_schedule({}, {}, {}, {transition_steps})",
            float(*init_value),
            float(*end_value),
            float(*power)
        ),
        Schedule::PiecewiseConstant { init_value, boundaries_and_scales } => format!(
            "optax.piecewise_constant_schedule({}, {})",
            float(*init_value),
            pairs(boundaries_and_scales)
        ),
        Schedule::PiecewiseInterpolate { cosine, init_value, boundaries_and_scales } => format!(
            "optax.piecewise_interpolate_schedule(\"{}\", {}, {})",
            if *cosine { "cosine" } else { "linear" },
            float(*init_value),
            pairs(boundaries_and_scales)
        ),
        Schedule::Exponential(exponential) => format!(
            "optax.exponential_decay({}, {}, {}, transition_begin={}, staircase={})",
            float(exponential.init_value),
            exponential.transition_steps,
            float(exponential.decay_rate),
            exponential.transition_begin,
            if exponential.staircase { "True" } else { "False" }
        ),
        Schedule::CosineDecay { init_value, decay_steps, alpha, .. } => {
            format!(
                "optax.cosine_decay_schedule({}, {decay_steps}, alpha={})",
                float(*init_value),
                float(*alpha)
            )
        }
        Schedule::Join { schedules, boundaries } => {
            let margin = "    ".repeat(indent + 1);
            let outer = "    ".repeat(indent);
            let lines: String = schedules
                .iter()
                .map(|part| format!("{margin}    {},\n", written(part, indent + 2)))
                .collect();
            format!("optax.join_schedules(\n{margin}[\n{lines}{margin}],\n{margin}{boundaries:?},\n{outer})")
        }
    }
}
