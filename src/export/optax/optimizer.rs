//! optax's optimizers, with what goes before and around one.

use crate::experiment::OptimizerKind;
use crate::export::groups::GroupTrack;
use crate::export::recipe::Recipe;
use crate::export::text::float;

/// One optimizer for all parameters.
pub(super) fn plain(recipe: &Recipe<'_>) -> String {
    let mut steps: Vec<String> = clipping(recipe).into_iter().collect();
    steps.extend(steps_of(recipe, false));
    format!("optimizer = {}\n", chained(&steps, ""))
}

pub(super) fn clipping(recipe: &Recipe<'_>) -> Option<String> {
    recipe.clip_norm().map(|norm| format!("optax.clip_by_global_norm({})", float(norm)))
}

/// Steps one after the other, or the only one.
pub(super) fn chained(steps: &[String], margin: &str) -> String {
    match steps {
        [only] => only.clone(),
        _ => {
            let lines: String = steps.iter().map(|step| format!("{margin}    {step},\n")).collect();
            format!("optax.chain(\n{lines}{margin})")
        }
    }
}

/// The optimizer's call, behind its weight decay where that is part of the gradient. Of a group, the rate is
/// the variable `rate`, the weight decay `decay`, and other schedules begin at its `thaw`.
pub(super) fn steps_of(recipe: &Recipe<'_>, is_grouped: bool) -> Vec<String> {
    let value = |name: &'static str| match recipe.varying(name) {
        _ if is_grouped && name == "weight_decay" => {
            recipe.say(name);
            "decay".to_owned()
        }
        Some(_) if is_grouped => format!("later({name}, thaw)"),
        Some(_) => name.to_owned(),
        None => float(recipe.say(name)),
    };
    let rate = if is_grouped { "rate" } else { "schedule" };
    let wrapped = |function: &str| match recipe.varying.as_slice() {
        [] => function.to_owned(),
        _ => format!("optax.inject_hyperparams({function})"),
    };
    let own_decay = |group: &GroupTrack| group.weight_decay.is_some_and(|decay| decay > 0.0);
    let decay = recipe.decays() || (is_grouped && recipe.groups.iter().any(own_decay));
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
            format!("{}(learning_rate={rate}{momentum}{nesterov})", wrapped("optax.sgd"))
        }
        OptimizerKind::Adam => {
            let function = if recipe.has("amsgrad") { "optax.amsgrad" } else { "optax.adam" };
            format!("{}(learning_rate={rate}, {}, eps={})", wrapped(function), betas(), value("eps"))
        }
        OptimizerKind::AdamW => {
            is_coupled = false;
            format!(
                "{}(learning_rate={rate}, {}, eps={}, weight_decay={})",
                wrapped("optax.adamw"),
                betas(),
                value("eps"),
                value("weight_decay")
            )
        }
        OptimizerKind::RmsProp => format!(
            "{}(learning_rate={rate}, decay={}, eps={}, momentum={}, eps_in_sqrt=False{})",
            wrapped("optax.rmsprop"),
            value("alpha"),
            value("eps"),
            value("momentum"),
            if recipe.has("centered") { ", centered=True" } else { "" }
        ),
        OptimizerKind::Adagrad => format!(
            "{}(learning_rate={rate}, initial_accumulator_value={}, eps={})",
            wrapped("optax.adagrad"),
            value("initial_accumulator_value"),
            value("eps")
        ),
        OptimizerKind::ScheduleFreeSgd => {
            is_coupled = false;
            format!(
                "{}(learning_rate={rate}, b1={}, weight_decay={})",
                wrapped("optax.contrib.schedule_free_sgd"),
                value("momentum"),
                value("weight_decay")
            )
        }
        OptimizerKind::ScheduleFreeAdamW => {
            is_coupled = false;
            format!(
                "{}(learning_rate={rate}, {}, eps={}, weight_decay={})",
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
            format!("{}(learning_rate={rate}, {}, eps={}{rest})", wrapped(function), betas(), value("eps"))
        }
        OptimizerKind::RAdam => {
            format!("{}(learning_rate={rate}, {}, eps={})", wrapped("optax.radam"), betas(), value("eps"))
        }
        OptimizerKind::Lamb => {
            is_coupled = false;
            format!(
                "{}(learning_rate={rate}, {}, eps={}, weight_decay={})",
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
                    let decay = value("weight_decay");
                    let decay = match (recipe.varying("weight_decay"), is_grouped) {
                        (None, _) => decay,
                        (Some(_), false) => format!("{decay}(count)"),
                        (Some(_), true) => "(decay(count) if callable(decay) else decay)".to_owned(),
                    };
                    format!(", weight_decay_rate=lambda count: {decay} * {rate}(count)")
                }
                false => String::new(),
            };
            format!(
                "{}(learning_rate={rate}, min_dim_size_to_factor=1, decay_rate={}, clipping_threshold={}{shrink})",
                wrapped("optax.adafactor"),
                float(-recipe.say("beta2_decay")),
                value("d")
            )
        }
        OptimizerKind::Prodigy => {
            is_coupled = false;
            let safe = if recipe.has("safeguard_warmup") { ", safeguard_warmup=True" } else { "" };
            format!(
                "{}(learning_rate={rate}, betas=({}, {}), eps={}, estim_lr0={}, estim_lr_coef={}, weight_decay={}{safe})",
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
                "{}(\n        learning_rate={rate}, ns_steps={:.0}, beta={}{}, adam_b1={}, adam_b2={},\n        \
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
                "{}(learning_rate={rate}, {}, weight_decay={})",
                wrapped("optax.lion"),
                betas(),
                value("weight_decay")
            )
        }
    };
    let mut steps = Vec::new();
    if is_coupled {
        let function = wrapped("optax.add_decayed_weights");
        steps.push(format!("{function}(weight_decay={})", value("weight_decay")));
    }
    steps.push(call);
    steps
}
