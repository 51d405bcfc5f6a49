//! Scripts of vision papers that share a schedule: a climb from nothing (or from a given rate) and half a
//! cosine, epochs long and moved by every update. DINO, MAE, ConvNeXt and BEiT differ in their names and
//! defaults.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, set, set_betas};
use super::super::shape::{constant, cosine, warmed};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::After;
use crate::schedule::{Ramp, Span};

pub static DINO: Dialect = Dialect {
    id: "dino",
    name: "DINO",
    example: "torchrun main_dino.py --arch vit_small --lr 0.0005 --warmup_epochs 10 --min_lr 1e-6 --epochs 100 \
              --momentum_teacher 0.996 --weight_decay 0.04 --weight_decay_end 0.4\n",
    signs: &[
        (Sign::Flag("momentum_teacher"), 12),
        (Sign::Flag("warmup_teacher_temp_epochs"), 12),
        (Sign::Flag("warmup_teacher_temp"), 10),
        (Sign::Flag("teacher_temp"), 8),
        (Sign::Flag("freeze_last_layer"), 8),
        (Sign::Flag("norm_last_layer"), 8),
        (Sign::Flag("local_crops_number"), 8),
        (Sign::Flag("weight_decay_end"), 5),
        (Sign::Flag("batch_size_per_gpu"), 4),
        (Sign::Flag("out_dim"), 4),
        (Sign::Flag("warmup_epochs"), 1),
    ],
    read: |text, options| {
        let usual = Usual {
            rate: 5e-4,
            base: 256.0,
            scales: true,
            floor: 1e-6,
            warmup: 10.0,
            epochs: 100.0,
            decay: 0.04,
            betas: None,
            has_lars: false,
        };
        read(&DINO, text, options, &usual)
    },
};

pub static MAE: Dialect = Dialect {
    id: "mae",
    name: "MAE",
    example: "torchrun main_pretrain.py --accum_iter 4 --batch_size 64 --mask_ratio 0.75 --epochs 800 --warmup_epochs 40 \
              --blr 1.5e-4 --weight_decay 0.05\n",
    signs: &[
        (Sign::Flag("blr"), 12),
        (Sign::Flag("accum_iter"), 8),
        (Sign::Flag("norm_pix_loss"), 10),
        (Sign::Flag("mask_ratio"), 5),
        (Sign::Flag("warmup_epochs"), 1),
        (Sign::Flag("layer_decay"), 2),
        (Sign::Flag("drop_path"), 2),
    ],
    read: |text, options| {
        let probes = text.raw.contains("linprobe");
        let finetunes = text.settings().is_some_and(|settings| {
            ["finetune", "layer_decay", "nb_classes", "reprob", "drop_path"]
                .iter()
                .any(|flag| settings.has(flag))
        });
        let usual = if probes {
            Usual {
                rate: 0.1,
                base: 256.0,
                scales: true,
                floor: 0.0,
                warmup: 10.0,
                epochs: 90.0,
                decay: 0.0,
                betas: None,
                has_lars: true,
            }
        } else if finetunes {
            Usual {
                rate: 5e-4,
                base: 256.0,
                scales: true,
                floor: 1e-6,
                warmup: 5.0,
                epochs: 50.0,
                decay: 0.05,
                betas: None,
                has_lars: false,
            }
        } else {
            Usual {
                rate: 1e-3,
                base: 256.0,
                scales: true,
                floor: 0.0,
                warmup: 40.0,
                epochs: 400.0,
                decay: 0.05,
                betas: Some([0.9, 0.95]),
                has_lars: false,
            }
        };
        read(&MAE, text, options, &usual)
    },
};

pub static CONVNEXT: Dialect = Dialect {
    id: "convnext",
    name: "ConvNeXt and BEiT",
    example: "python run_with_submitit.py --model convnext_tiny --drop_path 0.1 --batch_size 128 --lr 4e-3 --update_freq 4 \
              --model_ema true --warmup_epochs 20 --epochs 300\n",
    signs: &[
        (Sign::Flag("update_freq"), 9),
        (Sign::Flag("drop_path"), 4),
        (Sign::Flag("model_ema_eval"), 4),
        (Sign::Flag("layer_decay"), 3),
        (Sign::Flag("layer_scale_init_value"), 8),
        (Sign::Flag("start_warmup_value"), 8),
        (Sign::Flag("warmup_epochs"), 2),
        (Sign::Flag("min_lr"), 1),
        (Sign::Flag("lr"), 1),
    ],
    read: |text, options| {
        let usual = Usual {
            rate: 4e-3,
            base: 256.0,
            scales: false,
            floor: 1e-6,
            warmup: 20.0,
            epochs: 300.0,
            decay: 0.05,
            betas: None,
            has_lars: false,
        };
        read(&CONVNEXT, text, options, &usual)
    },
};

/// What a script takes where nothing is said.
struct Usual {
    rate: f64,
    /// The batch that the rate is for, and whether the script makes it another for another batch.
    base: f64,
    scales: bool,
    floor: f64,
    warmup: f64,
    epochs: f64,
    decay: f64,
    betas: Option<[f64; 2]>,
    /// The script trains with LARS, which no run here can.
    has_lars: bool,
}

fn or(settings: &Settings, name: &str, usual: f64, imported: &mut Imported) -> Result<f64, ImportError> {
    Ok(match settings.number(&[name])? {
        Some(value) => value,
        None => {
            imported.assume(format!("--{name} is not given: {usual} was taken, the script's default"));
            usual
        }
    })
}

fn read(
    dialect: &'static Dialect,
    text: &Text<'_>,
    options: &Options,
    usual: &Usual,
) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(dialect, text)) };
    settings.seen(&[
        "arch",
        "model",
        "data_path",
        "data_set",
        "output_dir",
        "mixup",
        "cutmix",
        "drop_path",
        "nb_classes",
        "mask_ratio",
        "momentum_teacher",
        "teacher_temp",
        "warmup_teacher_temp",
        "warmup_teacher_temp_epochs",
    ]);
    let mut imported = Imported::new(dialect, dialect.name, constant(0.0));
    let absolute = settings.number(&["lr"])?;
    let relative = settings.number(&["blr"])?;
    let accumulate = settings.count("accum_iter")?.or(settings.count("update_freq")?).unwrap_or(1).max(1);
    let batch = settings.number(&["batch_size", "batch_size_per_gpu"])?;
    let peak = match (absolute, relative) {
        (Some(rate), _) if dialect.id != "dino" => rate,
        (rate, blr) => {
            let rate = match rate.or(blr) {
                Some(rate) => rate,
                None => {
                    imported
                        .assume(format!("no rate is given: {} was taken, the script's default", usual.rate));
                    usual.rate
                }
            };
            if usual.scales {
                imported.assume(format!(
                    "{} multiplies this rate by the whole batch over {}; how many devices there are the text does not \
                     say, so {rate} was taken as it is",
                    dialect.name, usual.base
                ));
            }
            rate
        }
    };
    let warmup = or(settings, "warmup_epochs", usual.warmup, &mut imported)?;
    let epochs = or(settings, "epochs", usual.epochs, &mut imported)?;
    let floor = or(settings, "min_lr", usual.floor, &mut imported)?;
    if let Some(steps) = settings.number(&["warmup_steps"])?.filter(|steps| *steps > 0.0) {
        imported.note(format!("warmup_steps={steps} overrules warmup_epochs"));
        imported.lr = warmed(cosine(peak, floor, None, After::Hold), Span::Updates(steps), 0.0, Ramp::Linear);
    } else {
        if epochs <= warmup {
            return Err(ImportError::missing("epochs", "more of them than warmup_epochs"));
        }
        let first = settings.number_or("start_warmup_value", 0.0)?;
        let from = if peak > 0.0 { first / peak } else { 0.0 };
        let body = cosine(peak, floor, Some(Span::Epochs(epochs - warmup)), After::Hold);
        imported.lr = warmed(body, Span::Epochs(warmup), from, Ramp::Linear);
    }
    if dialect.id != "mae" && warmup > 0.0 {
        imported.note("the script's climb arrives one update before its end; here it arrives at its end");
    }
    imported.name = format!("{} cosine", dialect.id);
    imported.updates = Some(options.length.unwrap_or(Span::Epochs(epochs)));
    let mut optimizer = Optimizer::new(OptimizerKind::AdamW);
    set(&mut optimizer, "weight_decay", Some(settings.number_or("weight_decay", usual.decay)?));
    if let Some(betas) = settings.numbers("opt_betas")?.or(usual.betas.map(|betas| betas.to_vec())) {
        set_betas(&mut optimizer, &betas);
    }
    set(&mut optimizer, "eps", settings.number(&["opt_eps"])?);
    match settings.text("opt").or(settings.text("optimizer")) {
        None if usual.has_lars => {
            imported.note(
                "the script trains with LARS, which is not an optimizer known here; only its rate was taken",
            );
        }
        None | Some("adamw") => imported.optimizer = Some(optimizer),
        Some(other) => imported.note(format!("the optimizer {other} was left out")),
    }
    // These scripts put biases and norms into a group without decay.
    imported.decays_matrices();
    if let Some(end) = settings.number(&["weight_decay_end"])? {
        imported.note(format!(
            "weight_decay_end={end}: the weight decay follows a cosine of its own there; here it stays"
        ));
    }
    imported.accumulate = Some(accumulate as usize);
    imported.batch_size = batch.filter(|size| *size >= 1.0).map(|size| size as usize);
    imported.clip_norm = settings.number(&["clip_grad"])?.filter(|norm| *norm > 0.0);
    imported.layer_decay = settings.number(&["layer_decay"])?.filter(|decay| *decay > 0.0 && *decay <= 1.0);
    Ok(imported)
}
