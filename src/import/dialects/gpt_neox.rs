//! GPT-NeoX's configurations: a rate that climbs over a share of its decay, and falls over the rest.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, numbers, set, set_betas};
use super::super::shape::{constant, cosine, linear, warmed, written};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::After;
use crate::schedule::{Clamp, Ramp, Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "gpt-neox",
    name: "GPT-NeoX",
    example: "{\n  \"pipe_parallel_size\": 1,\n  \"optimizer\": {\"type\": \"Adam\", \"params\": {\"lr\": 0.0006, \"betas\": [0.9, \
              0.95]}},\n  \"min_lr\": 0.00006,\n  \"train_micro_batch_size_per_gpu\": 4,\n  \"train_iters\": 320000,\n  \
              \"lr_decay_style\": \"cosine\",\n  \"warmup\": 0.01\n}\n",
    signs: &[
        // DeepSpeed's keys are among its own.
        (Sign::Key("lr_decay_style"), 60),
        (Sign::Key("lr-decay-style"), 60),
        (Sign::Key("lr_decay_iters"), 20),
        (Sign::Key("lr-decay-iters"), 20),
        (Sign::Key("pipe_parallel_size"), 20),
        (Sign::Key("pipe-parallel-size"), 20),
        (Sign::Key("train_iters"), 10),
        (Sign::Key("train-iters"), 10),
        (Sign::Key("optimizer.params.lr"), 4),
    ],
    read,
};

/// Both spellings of a name.
fn number(settings: &Settings, name: &str) -> Result<Option<f64>, ImportError> {
    settings.number(&[name, &name.replace('_', "-")])
}

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let mut imported = Imported::new(&DIALECT, "GPT-NeoX", constant(0.0));
    let optimizer = settings.table("optimizer");
    let params = optimizer.table("params");
    let Some(peak) = params.number(&["lr"])?.or(number(settings, "lr")?) else {
        return Err(ImportError::missing(
            "GPT-NeoX",
            "the lr in the optimizer's params; it may be in another file of the run",
        ));
    };
    let Some(total) = number(settings, "train_iters")?.filter(|total| *total >= 1.0) else {
        return Err(ImportError::missing("GPT-NeoX", "train_iters; it may be in another file of the run"));
    };
    let decay = match (number(settings, "lr_decay_iters")?, number(settings, "lr_decay_fraction")?) {
        (Some(iters), _) => iters,
        (None, Some(share)) => (share * total).floor(),
        (None, None) => total,
    };
    let share = match number(settings, "warmup")? {
        Some(share) => share,
        None => {
            imported.assume("warmup is not given: 0.01 was taken, the default");
            0.01
        }
    };
    let floor = number(settings, "min_lr")?.unwrap_or(0.0);
    let style = settings.first(&["lr_decay_style", "lr-decay-style"]).map(super::super::python::Expr::shown);
    let style = style.unwrap_or_else(|| "linear".to_owned()).trim_matches('"').to_owned();
    let warmup = share * decay;
    let rest = decay - warmup;
    if rest <= 0.0 {
        return Err(ImportError::missing("GPT-NeoX", "a warmup below 1"));
    }
    let clamped = |body: Schedule| match floor {
        floor if floor > 0.0 => Schedule { clamp: Some(Clamp { min: floor, max: peak.max(floor) }), ..body },
        _ => body,
    };
    let over = Some(Span::Updates(rest));
    imported.lr = match style.as_str() {
        "cosine" => warmed(cosine(peak, floor, over, After::Hold), Span::Updates(warmup), 0.0, Ramp::Linear),
        // It falls to 0 and stops at the floor.
        "linear" => clamped(warmed(linear(peak, 1.0, 0.0, over), Span::Updates(warmup), 0.0, Ramp::Linear)),
        "exponential" => {
            let body = written("peak * exp(-0.693 * t / over)", &[("peak", peak), ("over", rest)])?;
            clamped(warmed(body, Span::Updates(warmup), 0.0, Ramp::Linear))
        }
        "constant" => warmed(constant(peak), Span::Updates(warmup), 0.0, Ramp::Linear),
        other => {
            let why = "GPT-NeoX knows constant, linear, cosine and exponential";
            return Err(ImportError::unsupported(format!("lr_decay_style {other}"), why));
        }
    };
    if warmup > 0.0 {
        imported.note(format!(
            "GPT-NeoX's first update has the second one's rate, {:e}, and 0 here",
            peak / warmup.max(1.0)
        ));
    }
    imported.name = format!("GPT-NeoX {style}");
    imported.updates = Some(options.length.unwrap_or(Span::Updates(total)));
    let name = optimizer.text("type").unwrap_or("Adam").to_owned();
    // Its Adam decays the weights apart from the gradient.
    let kind = match name.to_lowercase().as_str() {
        "adam" | "cpu_adam" => Some(OptimizerKind::AdamW),
        other => super::super::settings::optimizer_kind(other),
    };
    match kind {
        Some(kind) => {
            let mut found = Optimizer::new(kind);
            set(&mut found, "eps", params.number(&["eps"])?);
            set(&mut found, "momentum", params.number(&["momentum"])?);
            set(&mut found, "weight_decay", number(settings, "weight_decay")?);
            if let Some(betas) = params.get("betas") {
                set_betas(&mut found, &numbers("betas", betas)?);
            }
            imported.optimizer = Some(found);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.clip_norm = number(settings, "gradient_clipping")?.filter(|norm| *norm > 0.0);
    imported.accumulate = number(settings, "gradient_accumulation_steps")?
        .filter(|count| *count >= 1.0)
        .map(|count| count as usize);
    imported.batch_size = number(settings, "train_micro_batch_size_per_gpu")?
        .filter(|size| *size >= 1.0)
        .map(|size| size as usize);
    Ok(imported)
}
