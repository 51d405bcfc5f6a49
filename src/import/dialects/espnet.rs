//! ESPnet's YAML: `scheduler` by name with `scheduler_conf`, and `optim_conf`.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{optimizer_kind, set};
use super::super::shape::constant;
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::Optimizer;
use crate::schedule::Span;
use crate::schedule::kind::{Kind, Noam};

pub static DIALECT: Dialect = Dialect {
    id: "espnet",
    name: "ESPnet",
    example: "optim: adam\noptim_conf:\n  lr: 0.002\nscheduler: warmuplr\nscheduler_conf:\n  warmup_steps: 25000\nmax_epoch: 50\n",
    signs: &[
        (Sign::Is("scheduler", "warmuplr"), 12),
        (Sign::Key("scheduler_conf.warmup_steps"), 8),
        (Sign::Key("optim_conf.lr"), 8),
        (Sign::Key("accum_grad"), 3),
        (Sign::Key("max_epoch"), 2),
        (Sign::Key("batch_bins"), 3),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let (optim, sched) = (settings.table("optim_conf"), settings.table("scheduler_conf"));
    let mut imported = Imported::new(&DIALECT, "ESPnet", constant(0.0));
    let Some(peak) = optim.number(&["lr"])? else { return Err(ImportError::missing("optim_conf", "an lr")) };
    imported.lr = match settings.text("scheduler") {
        None => constant(peak),
        Some("warmuplr") => {
            let warmup = sched.number_or("warmup_steps", 25_000.0)?;
            // lr·W^0.5·min(s^-0.5, s·W^-1.5): Noam's curve, scaled so that its top is the rate.
            let scale = peak * warmup.sqrt();
            Kind::Noam(Noam { scale, d_model: 1.0, warmup: Span::Updates(warmup) }).into()
        }
        Some(other) => {
            let why = "of ESPnet's schedulers warmuplr is read; a log of its rates can be imported";
            return Err(ImportError::unsupported(format!("scheduler: {other}"), why));
        }
    };
    let epochs = settings.number(&["max_epoch"])?.filter(|epochs| *epochs > 0.0);
    imported.updates = options.length.or(epochs.map(Span::Epochs));
    let name = settings.text("optim").unwrap_or("adam").to_owned();
    match optimizer_kind(&name) {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            set(&mut optimizer, "weight_decay", optim.number(&["weight_decay"])?);
            imported.optimizer = Some(optimizer);
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.accumulate = settings.count("accum_grad")?.map(|count| count.max(1) as usize);
    imported.clip_norm = settings.number(&["grad_clip"])?.filter(|norm| *norm > 0.0);
    Ok(imported)
}
