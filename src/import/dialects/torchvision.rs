//! The flags of torchvision's reference scripts, whose schedules count epochs.

use super::super::dialect::{Dialect, Sign};
use super::super::groups::Told;
use super::super::settings::{optimizer_kind, set};
use super::super::shape::{constant, cosine, linear, sequence, ticking};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::kind::{After, Exponential, Kind, Multistep, Step};
use crate::schedule::{Schedule, Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "torchvision",
    name: "torchvision's references",
    example: "torchrun --nproc_per_node=8 train.py --model resnet50 --lr 0.5 --lr-scheduler cosineannealinglr \
              --lr-warmup-epochs 5 --lr-warmup-method linear --epochs 600\n",
    signs: &[
        (Sign::Flag("lr_warmup_epochs"), 10),
        (Sign::Flag("lr_warmup_method"), 12),
        (Sign::Flag("lr_warmup_decay"), 12),
        (Sign::Flag("lr_step_size"), 10),
        (Sign::Flag("lr_gamma"), 8),
        (Sign::Flag("lr_steps"), 8),
        (Sign::Flag("lr_min"), 4),
        (Sign::Flag("norm_weight_decay"), 6),
        (Sign::Flag("ra_sampler"), 5),
        (Sign::Flag("lr_scheduler"), 2),
        (Sign::Flag("auto_augment"), 2),
        (Sign::Flag("val_resize_size"), 4),
        (Sign::Flag("weights_backbone"), 5),
        (Sign::Flag("lr"), 1),
        (Sign::Flag("epochs"), 1),
    ],
    read,
};

const IDLE: [&str; 12] = [
    "model",
    "data_path",
    "device",
    "nproc_per_node",
    "amp",
    "auto_augment",
    "label_smoothing",
    "mixup_alpha",
    "workers",
    "random_erase",
    "train_crop_size",
    "dataset",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    settings.seen(&IDLE);
    let mut imported = Imported::new(&DIALECT, "torchvision", constant(0.0));
    // Detection has milestones and another default rate.
    let is_detection = settings.has("lr_steps") || settings.has("weights_backbone");
    let or = |name: &str, usual: f64, imported: &mut Imported| -> Result<f64, ImportError> {
        Ok(match settings.number(&[name])? {
            Some(value) => value,
            None => {
                let flag = name.replace('_', "-");
                imported.assume(format!("--{flag} is not given: {usual} was taken, the script's default"));
                usual
            }
        })
    };
    let peak = or("lr", if is_detection { 0.02 } else { 0.1 }, &mut imported)?;
    let epochs = or("epochs", if is_detection { 26.0 } else { 90.0 }, &mut imported)?;
    let warmup = settings.number_or("lr_warmup_epochs", 0.0)?;
    if epochs <= warmup {
        return Err(ImportError::missing("--epochs", "more epochs than --lr-warmup-epochs"));
    }
    let span = Span::Epochs;
    let kind = settings
        .text("lr_scheduler")
        .unwrap_or(if is_detection { "multisteplr" } else { "steplr" })
        .to_lowercase();
    let floor = settings.number_or("lr_min", 0.0)?;
    let gamma = settings.number_or("lr_gamma", 0.1)?;
    let main: Schedule = match kind.as_str() {
        "steplr" => {
            let every = or("lr_step_size", 30.0, &mut imported)?;
            Kind::Step(Step { peak, every: span(every), gamma }).into()
        }
        "multisteplr" => {
            let milestones = settings.numbers("lr_steps")?.unwrap_or_else(|| vec![16.0, 22.0]);
            let milestones = milestones.into_iter().map(span).collect();
            Kind::Multistep(Multistep { peak, milestones, gamma }).into()
        }
        "cosineannealinglr" => cosine(peak, floor, Some(span(epochs - warmup)), After::Rebound),
        "exponentiallr" => Kind::Exponential(Exponential { peak, gamma }).into(),
        other => {
            let why = "the references know steplr, multisteplr, cosineannealinglr and exponentiallr";
            return Err(ImportError::unsupported(format!("--lr-scheduler {other}"), why));
        }
    };
    let decay = settings.number_or("lr_warmup_decay", 0.01)?;
    let method = settings.text("lr_warmup_method").unwrap_or("constant").to_owned();
    let schedule = if warmup > 0.0 {
        let climb = match method.as_str() {
            "linear" => linear(peak, decay, 1.0, Some(span(warmup))),
            "constant" => constant(peak * decay),
            other => {
                let why = "the references know linear and constant";
                return Err(ImportError::unsupported(format!("--lr-warmup-method {other}"), why));
            }
        };
        sequence(vec![(span(warmup), climb)], main)
    } else {
        main
    };
    imported.lr = ticking(schedule, Tick::Epoch);
    imported.name = format!("torchvision {kind}");
    imported.updates = Some(options.length.unwrap_or(span(epochs)));
    let name = settings.text("opt").unwrap_or("sgd").to_lowercase();
    match optimizer_kind(&name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "momentum", Some(settings.number_or("momentum", 0.9)?));
            set(
                &mut optimizer,
                "weight_decay",
                Some(settings.number(&["weight_decay", "wd"])?.unwrap_or(1e-4)),
            );
            optimizer.switch("nesterov", name.contains("nesterov"));
            imported.optimizer = Some(optimizer);
            let mut told = Vec::new();
            let flags = [
                ("bias", "bias_weight_decay"),
                ("embedding", "transformer_embedding_decay"),
                ("norm", "norm_weight_decay"),
            ];
            for (part, flag) in flags {
                if let Some(decay) = settings.number(&[flag])? {
                    told.push(Told { decay: Some(decay), ..Told::new(part, settings.line(flag)) });
                }
            }
            imported.tell_groups(told);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.batch_size = settings.count("batch_size")?.map(|size| size as usize);
    imported.clip_norm = settings.number(&["clip_grad_norm"])?.filter(|norm| *norm > 0.0);
    Ok(imported)
}
