//! YOLO's `args.yaml` and `hyp.yaml`: a rate that falls by epochs, under a climb by updates.

use super::super::dialect::{Dialect, Sign};
use super::super::python::{Call, Expr};
use super::super::settings::{Settings, set};
use super::super::shape::{constant, cosine, linear, ticking};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::{After, Kind, Product};
use crate::schedule::{Span, Tick};

pub static DIALECT: Dialect = Dialect {
    id: "yolo",
    name: "YOLO",
    example: "task: detect\nepochs: 100\nbatch: 16\noptimizer: SGD\nlr0: 0.01\nlrf: 0.01\nmomentum: 0.937\nweight_decay: \
              0.0005\nwarmup_epochs: 3.0\nwarmup_bias_lr: 0.1\ncos_lr: false\n",
    signs: &[
        (Sign::Key("lr0"), 8),
        (Sign::Key("lrf"), 8),
        (Sign::Key("warmup_bias_lr"), 8),
        (Sign::Key("warmup_momentum"), 5),
        (Sign::Key("cos_lr"), 6),
        (Sign::Key("mosaic"), 3),
        (Sign::Key("hsv_h"), 2),
        (Sign::Import("ultralytics"), 12),
        (Sign::Call("YOLO"), 6),
        (Sign::Call("RTDETR"), 6),
    ],
    read,
};

const IDLE: [&str; 24] = [
    "task",
    "mode",
    "model",
    "data",
    "imgsz",
    "device",
    "workers",
    "project",
    "name",
    "box",
    "cls",
    "dfl",
    "hsv_h",
    "hsv_s",
    "hsv_v",
    "degrees",
    "translate",
    "scale",
    "shear",
    "perspective",
    "flipud",
    "fliplr",
    "mosaic",
    "mixup",
];

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let of_call;
    let settings = match (text.settings(), text.program()) {
        (Some(settings), _) => settings,
        (None, Some(program)) => {
            let given = |call: &&Call| {
                call.name == "train"
                    && call.named.iter().any(|(name, _)| {
                        matches!(name.as_str(), "epochs" | "data" | "lr0" | "optimizer" | "imgsz")
                    })
            };
            let calls: Vec<&Call> = program.calls().into_iter().map(|(_, call)| call).collect();
            let Some(call) = calls.into_iter().rfind(given) else {
                return Err(ImportError::NoSchedule(
                    "a call of the model's train() with its settings is looked for",
                ));
            };
            let mut settings = Settings::of_call(program, call, &[]);
            if !settings.has("optimizer") {
                settings.push("optimizer", Expr::Text("auto".to_owned()));
            }
            of_call = settings;
            &of_call
        }
        _ => return Err(wrong_form(&DIALECT, text)),
    };
    settings.seen(&IDLE);
    let mut imported = Imported::new(&DIALECT, "YOLO", constant(0.0));
    let or = |name: &str, usual: f64, imported: &mut Imported| -> Result<f64, ImportError> {
        Ok(match settings.number(&[name])? {
            Some(value) => value,
            None => {
                imported.assume(format!("{name} is not given: {usual} was taken, the default"));
                usual
            }
        })
    };
    let peak = or("lr0", 0.01, &mut imported)?;
    let share = or("lrf", 0.01, &mut imported)?;
    let epochs = match (options.length, or("epochs", 100.0, &mut imported)?) {
        (Some(Span::Epochs(epochs)), _) => epochs,
        (_, epochs) => epochs,
    };
    let warmup = or("warmup_epochs", 3.0, &mut imported)?;
    if epochs < 1.0 {
        return Err(ImportError::missing("epochs", "a number of at least 1"));
    }
    let is_cosine = settings.flag("cos_lr") == Some(true);
    let over = Some(Span::Epochs(epochs));
    let body = if is_cosine {
        cosine(peak, share * peak, over, After::Hold)
    } else {
        linear(peak, 1.0, share, over)
    };
    let body = ticking(body, Tick::Epoch);
    imported.lr = if warmup > 0.0 {
        // Within the climb the rate is that of its epoch, times the share of the climb that is done.
        let climb = linear(1.0, 0.0, 1.0, Some(Span::Epochs(warmup)));
        imported.note(
            "the climb takes at least 100 updates in YOLO, biases climb down from warmup_bias_lr, and the momentum climbs \
             from warmup_momentum; here it takes its epochs, for all weights, and the momentum stays",
        );
        Kind::Product(Product { of: vec![body, climb] }).into()
    } else {
        body
    };
    settings.seen(&["warmup_bias_lr", "warmup_momentum"]);
    imported.name = format!("YOLO {}", if is_cosine { "cosine" } else { "linear" });
    imported.updates = Some(options.length.unwrap_or(Span::Epochs(epochs)));
    // "auto" is nothing to settings, and means something here.
    let name = settings.peek("optimizer").unwrap_or_else(|| "SGD".to_owned());
    settings.seen(&["optimizer"]);
    let momentum = or("momentum", 0.937, &mut imported)?;
    let kind = match name.as_str() {
        "auto" => {
            imported.note(
                "optimizer: auto chooses the optimizer and its rate by the length of the run and leaves lr0 and momentum \
                 aside; here SGD with lr0 was taken",
            );
            Some(OptimizerKind::Sgd)
        }
        "SGD" => Some(OptimizerKind::Sgd),
        other => super::super::settings::optimizer_kind(other),
    };
    match kind {
        Some(kind) => {
            let mut optimizer = Optimizer::new(kind);
            // For Adam its beta1 is what is called momentum.
            let momentum_name = if kind == OptimizerKind::Sgd { "momentum" } else { "beta1" };
            set(&mut optimizer, momentum_name, Some(momentum));
            set(&mut optimizer, "weight_decay", Some(settings.number_or("weight_decay", 5e-4)?));
            optimizer.switch("nesterov", kind == OptimizerKind::Sgd);
            imported.optimizer = Some(optimizer);
            // YOLO spares biases and norms.
            imported.decays_matrices();
        }
        None => imported.note(format!("the optimizer {name} is not known here")),
    }
    imported.batch_size =
        settings.number(&["batch", "batch_size"])?.filter(|size| *size >= 1.0).map(|size| size as usize);
    imported.clip_norm = Some(10.0);
    imported.assume("gradients are clipped at 10, as the trainer does");
    if text.program().is_some() {
        settings.unknown().into_iter().for_each(|sentence| imported.note(sentence));
        settings.unread("").into_iter().for_each(|unread| imported.leave(unread));
    }
    Ok(imported)
}
