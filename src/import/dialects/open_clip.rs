//! The flags of open_clip, whose warmup counts updates and whose length is in epochs.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::set;
use super::super::shape::{constant, cosine, linear, sequence};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::After;
use crate::schedule::{Cooldown, Ramp, Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "open_clip",
    name: "open_clip",
    example: "torchrun -m training.main --train-data d.tar --dataset-type webdataset --warmup 2000 --batch-size 256 --lr \
              1e-3 --wd 0.1 --epochs 32 --model ViT-B-32\n",
    signs: &[
        (Sign::Flag("lr_cooldown_end"), 12),
        (Sign::Flag("lr_cooldown_power"), 12),
        (Sign::Flag("epochs_cooldown"), 12),
        (Sign::Flag("imagenet_val"), 8),
        (Sign::Flag("local_loss"), 8),
        (Sign::Flag("gather_with_grad"), 8),
        (Sign::Flag("train_num_samples"), 8),
        (Sign::Flag("csv_img_key"), 8),
        (Sign::Flag("zeroshot_frequency"), 6),
        (Sign::Flag("train_data"), 4),
        (Sign::Flag("dataset_type"), 4),
        (Sign::Flag("warmup"), 5),
        (Sign::Flag("wd"), 4),
        (Sign::Flag("force_quick_gelu"), 5),
        (Sign::Flag("lr"), 1),
    ],
    read,
};

const IDLE: [&str; 14] = [
    "train_data",
    "val_data",
    "imagenet_val",
    "dataset_type",
    "model",
    "workers",
    "report_to",
    "save_frequency",
    "zeroshot_frequency",
    "csv_img_key",
    "csv_caption_key",
    "precision",
    "local_loss",
    "gather_with_grad",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    settings.seen(&IDLE);
    let mut imported = Imported::new(&DIALECT, "open_clip", constant(0.0));
    let or = |name: &str, usual: f64, imported: &mut Imported| -> Result<f64, ImportError> {
        Ok(match settings.number(&[name])? {
            Some(value) => value,
            None => {
                imported.assume(format!(
                    "--{} is not given: {usual} was taken, the default",
                    name.replace('_', "-")
                ));
                usual
            }
        })
    };
    let peak = or("lr", 5e-4, &mut imported)?;
    let epochs = or("epochs", 32.0, &mut imported)?;
    let warmup = or("warmup", 10_000.0, &mut imported)?;
    let kind = settings.text("lr_scheduler").unwrap_or("cosine").to_owned();
    let body: Schedule = match kind.as_str() {
        "cosine" => cosine(peak, 0.0, None, After::Hold),
        "const" => constant(peak),
        "const-cooldown" => {
            let Some(length) = settings.number(&["epochs_cooldown"])? else {
                return Err(ImportError::missing("const-cooldown", "--epochs-cooldown"));
            };
            let (power, end) =
                (settings.number_or("lr_cooldown_power", 1.0)?, settings.number_or("lr_cooldown_end", 0.0)?);
            let shape = match power {
                1.0 => Ramp::Linear,
                2.0 => Ramp::Quadratic,
                _ => {
                    let why = "its power is neither 1 nor 2; a log of its rates can be imported";
                    return Err(ImportError::unsupported("--lr-cooldown-power", why));
                }
            };
            let to = if peak > 0.0 { end / peak } else { 0.0 };
            let cooldown = Cooldown { over: Span::Epochs(length), to: to.clamp(0.0, 1.0), shape };
            Schedule { cooldown: Some(cooldown), ..constant(peak) }
        }
        other => {
            let why = "open_clip knows cosine, const and const-cooldown";
            return Err(ImportError::unsupported(format!("--lr-scheduler {other}"), why));
        }
    };
    // Its climb is one update ahead, (i + 1) / W, so that it has arrived before what follows begins.
    imported.lr = if warmup >= 2.0 {
        let climb = linear(peak, 1.0 / warmup, 1.0, Some(Span::Updates(warmup - 1.0)));
        let cooldown = body.cooldown.clone();
        let whole = sequence(vec![(Span::Updates(warmup), climb)], Schedule { cooldown: None, ..body });
        Schedule { cooldown, ..whole }
    } else {
        body
    };
    imported.name = format!("open_clip {kind}");
    imported.updates = Some(options.length.unwrap_or(Span::Epochs(epochs)));
    let mut optimizer = Optimizer::new(OptimizerKind::AdamW);
    set(&mut optimizer, "weight_decay", Some(or("wd", 0.2, &mut imported)?));
    let is_vit = settings.text("model").is_none_or(|model| model.to_lowercase().contains("vit"));
    set(&mut optimizer, "beta1", Some(settings.number_or("beta1", 0.9)?));
    set(&mut optimizer, "beta2", Some(settings.number_or("beta2", if is_vit { 0.98 } else { 0.999 })?));
    set(&mut optimizer, "eps", Some(settings.number_or("eps", if is_vit { 1e-6 } else { 1e-8 })?));
    imported.optimizer = Some(optimizer);
    // Its script spares gains and biases.
    imported.decays_matrices();
    imported.accumulate = settings.count("accum_freq")?.map(|count| count.max(1) as usize);
    imported.batch_size = settings.count("batch_size")?.map(|size| size as usize);
    imported.clip_norm = settings.number(&["grad_clip_norm"])?.filter(|norm| *norm > 0.0);
    Ok(imported)
}
