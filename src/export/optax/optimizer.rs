//! optax's optimizers, with what goes before and around one.

use crate::experiment::OptimizerKind;
use crate::export::python;
use crate::export::recipe::Recipe;
use crate::export::text::float;

/// The optimizer, with clipping before it and accumulation around it.
pub fn written(recipe: &Recipe<'_>) -> String {
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
