//! axolotl's YAML: the keys of TrainingArguments, under axolotl's own defaults.

use super::super::dialect::{Dialect, Sign};
use super::super::python::Expr;
use super::super::settings::Settings;
use super::super::shape::{constant, written};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::huggingface::{Usual, arguments, pyyaml_texts};
use super::wrong_form;
use crate::schedule::kind::{Anneal, Kind, OneCycle};
use crate::schedule::{Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "axolotl",
    name: "axolotl",
    example: "base_model: m\nadapter: lora\nsequence_len: 2048\nmicro_batch_size: 2\nnum_epochs: 3\nlearning_rate: 2.0e-4\n\
              lr_scheduler: cosine\nwarmup_steps: 10\noptimizer: adamw_torch\n",
    signs: &[
        (Sign::Key("cosine_min_lr_ratio"), 14),
        (Sign::Key("cosine_constant_lr_ratio"), 14),
        (Sign::Key("lr_quadratic_warmup"), 14),
        (Sign::Key("base_model"), 6),
        (Sign::Key("micro_batch_size"), 8),
        (Sign::Key("sequence_len"), 6),
        (Sign::Key("sample_packing"), 6),
        (Sign::Key("val_set_size"), 4),
        (Sign::Key("adapter"), 3),
        (Sign::Key("lr_scheduler"), 3),
        (Sign::Key("num_epochs"), 3),
        (Sign::Key("learning_rate"), 1),
        (Sign::Key("datasets"), 1),
        (Sign::Key("special_tokens"), 2),
        (Sign::Key("flash_attention"), 2),
    ],
    read,
};

/// Settings that do not shape the schedule.
const IDLE: [&str; 12] = [
    "base_model",
    "datasets",
    "adapter",
    "output_dir",
    "special_tokens",
    "bf16",
    "tf32",
    "fp16",
    "logging_steps",
    "gradient_checkpointing",
    "flash_attention",
    "model_type",
];

/// The share of the run that warms up where nothing is said, and the most updates of it.
const WARMUP: (f64, f64) = (0.03, 100.0);

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let mut settings = settings.clone();
    settings.seen(&IDLE);
    let mut imported = Imported::new(&DIALECT, "axolotl", constant(0.0));
    if pyyaml_texts(text).next().is_some() {
        imported
            .note("PyYAML reads a number such as 3e-4 as a text; axolotl takes it as the number, as here");
    }
    let usual = Usual { rate: 5e-5, kind: "cosine", epochs: 1.0, optimizer: "adamw_torch" };
    // It rounds the climb's share of the run down, where transformers rounds up.
    let epochs = settings.number(&["num_epochs"])?;
    let updates = match (settings.number(&["max_steps"])?, options.length, options.updates_per_epoch) {
        (Some(steps), ..) if steps > 0.0 => Some(steps),
        (_, Some(Span::Updates(updates)), _) => Some(updates),
        (_, Some(Span::Epochs(epochs)), Some(per_epoch)) => Some(epochs * per_epoch),
        (_, None, Some(per_epoch)) => epochs.map(|epochs| epochs * per_epoch),
        _ => None,
    };
    if let (None, Some(ratio), Some(updates)) =
        (settings.number(&["warmup_steps"])?, settings.number(&["warmup_ratio"])?, updates)
    {
        settings.push("warmup_steps", Expr::Number((ratio * updates).trunc()));
        settings.push("warmup_ratio", Expr::Number(0.0));
    }
    if let Some(kind @ ("one_cycle" | "rex")) = settings.text("lr_scheduler") {
        let kind = kind.to_owned();
        let mut plain = settings.clone();
        plain.push("lr_scheduler", Expr::Text("linear".to_owned()));
        arguments(&plain, &usual, options, &mut imported)?;
        imported.lr = one_of_its_own(&kind, &settings, &mut imported)?;
        imported.name = kind;
        return Ok(imported);
    }
    let says_warmup =
        settings.number(&["warmup_steps"])?.is_some() || settings.number(&["warmup_ratio"])?.is_some();
    if !says_warmup {
        let total = settings.number(&["max_steps"])?.filter(|steps| *steps > 0.0);
        let (share, most) = WARMUP;
        match total {
            Some(total) => {
                let steps = (total * share).trunc().min(most);
                settings.push("warmup_steps", Expr::Number(steps));
                imported.assume(format!(
                    "no warmup is given: axolotl takes 3 % of the run, at most 100 updates: {steps}"
                ));
            }
            None => {
                settings.push("warmup_ratio", Expr::Number(share));
                imported.assume(
                    "no warmup is given: axolotl takes 3 % of the run, at most 100 updates; 3 % were taken, as the text \
                     gives the length in epochs",
                );
            }
        }
    }
    let total = settings.number(&["max_steps"])?.filter(|steps| *steps > 0.0);
    let steps = match (settings.number(&["warmup_steps"])?, settings.number(&["warmup_ratio"])?, total) {
        (Some(steps), ..) => Some(steps),
        (None, Some(ratio), Some(total)) => Some((ratio * total).trunc()),
        _ => None,
    };
    if steps == Some(1.0) {
        settings.push("warmup_steps", Expr::Number(2.0));
        imported.note("axolotl makes two updates of a warmup of one");
    }
    if let Some(share) = settings.number(&["cosine_constant_lr_ratio"])? {
        imported.note(format!(
            "cosine_constant_lr_ratio={share} was left out: axolotl's cosine ends after that share of the run and stays at \
             the floor; here it takes the whole run"
        ));
    }
    if settings.flag("lr_quadratic_warmup") == Some(true) {
        imported.note("lr_quadratic_warmup: the warmup climbs with the square");
    }
    arguments(&settings, &usual, options, &mut imported)?;
    if settings.flag("lr_quadratic_warmup") == Some(true)
        && let Some(warmup) = &mut imported.lr.warmup
    {
        warmup.shape = crate::schedule::Ramp::Quadratic;
    }
    Ok(imported)
}

/// `one_cycle`, which is PyTorch's, and `rex`, which is axolotl's own.
fn one_of_its_own(kind: &str, settings: &Settings, imported: &mut Imported) -> Result<Schedule, ImportError> {
    let peak = settings.number_or("learning_rate", 5e-5)?;
    let total = settings.number(&["max_steps"])?.filter(|steps| *steps > 0.0);
    let share = settings.number(&["warmup_ratio"])?;
    let steps = settings.number(&["warmup_steps"])?;
    if kind == "rex" {
        let warm = match (steps, share, total) {
            (Some(steps), ..) => format!("{steps}"),
            (None, Some(share), Some(total)) => format!("{}", (share * total).trunc()),
            (None, share, _) => {
                let share = share.unwrap_or(WARMUP.0);
                imported.assume(format!("the climb of rex was taken as {} % of the run", 100.0 * share));
                format!("floor({share} * total)")
            }
        };
        let least = settings.number(&["cosine_min_lr_ratio"])?.unwrap_or(0.0);
        // Its scheduler counts from 1; z / (0.1 + 0.9 z) bends otherwise than the paper's, which kind rex is.
        let left = "max(total - t - 1, 0)";
        let bent = format!("{left} / (0.1 * (total - {warm}) + 0.9 * {left})");
        let bent = match least {
            least if least > 0.0 => format!("peak * ({least} + (1 - {least}) * {bent})"),
            _ => format!("peak * {bent}"),
        };
        let formula =
            if warm == "0" { bent } else { format!("peak * (t + 1) / {warm} if t < {warm} else {bent}") };
        return written(&formula, &[("peak", peak)]);
    }
    let kwargs = settings.table("lr_scheduler_kwargs");
    let pct_start = match (kwargs.number(&["pct_start"])?, share, steps, total) {
        (Some(share), ..) | (None, Some(share), ..) => share,
        (None, None, Some(steps), Some(total)) => steps / total,
        _ => {
            imported.assume("the climb of the cycle was taken as 3 % of the run, axolotl's warmup");
            WARMUP.0
        }
    };
    let anneal =
        if kwargs.text("anneal_strategy") == Some("linear") { Anneal::Linear } else { Anneal::Cosine };
    Ok(Kind::OneCycle(OneCycle {
        peak,
        over: None,
        pct_start,
        div_factor: kwargs.number_or("div_factor", 25.0)?,
        final_div_factor: kwargs.number_or("final_div_factor", 1e4)?,
        anneal,
        three_phase: kwargs.flag("three_phase") == Some(true),
    })
    .into())
}
