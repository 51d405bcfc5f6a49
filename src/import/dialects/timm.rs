//! timm's `train.py` arguments, with what its scheduler factory makes of them.

use super::super::dialect::{Dialect, Sign};
use super::super::python::Expr;
use super::super::settings::{Settings, number, numbers, optimizer_kind, set, set_betas};
use super::super::shape::{constant, cosine, polynomial, restarts, ticking, warmed, written, wsd};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use crate::experiment::{Controller, Metric, Optimizer, Plateau, PlateauMode};
use crate::schedule::kind::{
    After, Bent, Choice, Decay, InverseSqrt, KDecay, Kind, Multistep, Noise, Product, Spread, Step, Tanh,
};
use crate::schedule::plateau::PlateauRule;
use crate::schedule::{Clock, Joins, Ramp, Schedule, Span, Tick};

/// Arguments of `train.py` that do not shape the schedule.
const IDLE: [&str; 12] = [
    "model",
    "data_dir",
    "dataset",
    "aa",
    "amp",
    "workers",
    "j",
    "output",
    "experiment",
    "smoothing",
    "reprob",
    "mixup",
];

/// The arguments that shape the curve, in epochs.
struct Args {
    kind: String,
    peak: f64,
    floor: f64,
    epochs: f64,
    warmup: f64,
    warmup_lr: f64,
    prefix: bool,
    on_updates: bool,
    k: f64,
    decay_rate: f64,
    cycles: f64,
    cycle_mul: f64,
    cycle_decay: f64,
}

/// Where timm's tanh begins and ends.
const TANH: (f64, f64) = (-7.0, 3.0);

impl Args {
    /// timm's tanh after so many epochs.
    fn tanh(&self, epochs: f64) -> f64 {
        let share = (epochs / self.epochs).min(1.0);
        let height = 0.5 * (1.0 - (TANH.0 * (1.0 - share) + TANH.1 * share).tanh());
        self.floor + (self.peak - self.floor) * height
    }
}

pub static DIALECT: Dialect = Dialect {
    id: "timm",
    name: "timm",
    example: "python train.py /data --model resnet50 --sched cosine --lr 0.5 --epochs 100 --warmup-epochs 5 \\\n  \
              --warmup-lr 1e-4 --min-lr 1e-5 --opt sgd --weight-decay 1e-4\n",
    signs: &[
        (Sign::Flag("sched"), 12),
        (Sign::Flag("sched_on_updates"), 12),
        (Sign::Flag("warmup_prefix"), 10),
        (Sign::Flag("lr_cycle_limit"), 12),
        (Sign::Flag("lr_cycle_mul"), 12),
        (Sign::Flag("lr_cycle_decay"), 12),
        (Sign::Flag("lr_k_decay"), 12),
        (Sign::Flag("lr_base"), 8),
        (Sign::Flag("decay_milestones"), 8),
        (Sign::Flag("decay_epochs"), 4),
        (Sign::Flag("cooldown_epochs"), 4),
        (Sign::Flag("opt_betas"), 3),
        (Sign::Flag("opt"), 3),
        (Sign::Flag("warmup_lr"), 4),
        (Sign::Flag("model_ema"), 2),
        (Sign::Flag("clip_grad"), 1),
        (Sign::Flag("amp"), 1),
        (Sign::Flag("aa"), 2),
        (Sign::Key("sched"), 12),
        (Sign::Key("sched_on_updates"), 12),
        (Sign::Key("lr_cycle_limit"), 12),
        (Sign::Key("warmup_prefix"), 10),
        (Sign::Key("warmup_lr"), 4),
        (Sign::Key("decay_epochs"), 4),
        (Sign::Key("opt"), 3),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(settings) = text.settings() else {
        return Err(ImportError::WrongForm { dialect: DIALECT.name, form: text.written_in() });
    };
    settings.seen(&IDLE);
    of_settings(settings, options)
}

/// What `train.py` makes of its arguments.
pub(super) fn of_settings(settings: &Settings, options: &Options) -> Result<Imported, ImportError> {
    let mut imported = Imported::new(&DIALECT, "timm", constant(0.0));
    let args = args(settings, &mut imported)?;
    imported.name = format!("timm {}", args.kind);
    imported.lr = schedule(&args, settings, &mut imported)?;
    if args.on_updates {
        imported.note("--sched-on-updates: the curve moves with every update");
    } else {
        imported.lr = ticking(imported.lr, Tick::Epoch);
    }
    let cooldown = settings.number(&["cooldown_epochs"])?.unwrap_or(0.0);
    let cycles = if args.cycles > 1.0 { args.cycles } else { 1.0 };
    let prefix = if args.prefix { args.warmup } else { 0.0 };
    imported.updates = Some(options.length.unwrap_or(Span::Epochs(args.epochs * cycles + prefix + cooldown)));
    if let Some(range) = settings.numbers("lr_noise")? {
        imported.lr = noisy(imported.lr, &range, args.epochs, settings)?;
    }
    imported.optimizer = optimizer(settings, &mut imported)?;
    // Unless it is told otherwise, timm spares biases and norms.
    if settings.table("opt_kwargs").flag("filter_bias_and_bn") != Some(false) && !keeps_vectors(settings) {
        imported.decays_matrices();
    }
    imported.clip_norm = settings.number(&["clip_grad"])?.filter(|norm| *norm > 0.0);
    imported.accumulate = settings.count("grad_accum_steps")?.map(|count| count.max(1) as usize);
    imported.batch_size = settings.count("batch_size")?.map(|size| size as usize);
    imported.layer_decay = settings.number(&["layer_decay"])?.filter(|decay| *decay > 0.0 && *decay <= 1.0);
    Ok(imported)
}

fn args(settings: &Settings, imported: &mut Imported) -> Result<Args, ImportError> {
    let or =
        |name: &str, otherwise: f64| Ok::<f64, ImportError>(settings.number(&[name])?.unwrap_or(otherwise));
    let peak = match settings.number(&["lr"])? {
        Some(rate) => rate,
        None => {
            let (base, size) = (or("lr_base", 0.1)?, or("lr_base_size", 256.0)?);
            imported.assume(format!(
                "no --lr: timm makes it of --lr-base {base} for batches of {size}; {base} was taken"
            ));
            base
        }
    };
    let epochs = or("epochs", 300.0)?;
    let warmup = or("warmup_epochs", 5.0)?;
    if !(1.0..=1e6).contains(&epochs) || !(0.0..=1e6).contains(&warmup) {
        return Err(ImportError::missing(
            "--epochs",
            "a number from 1 to 1e6, and --warmup-epochs at least 0",
        ));
    }
    let kind = settings.text("sched").unwrap_or("cosine").to_owned();
    Ok(Args {
        prefix: settings.flag("warmup_prefix") == Some(true),
        on_updates: settings.flag("sched_on_updates") == Some(true),
        peak,
        floor: or("min_lr", 0.0)?,
        epochs,
        warmup,
        warmup_lr: or("warmup_lr", 1e-5)?,
        k: or("lr_k_decay", 1.0)?,
        decay_rate: or("decay_rate", 0.1)?,
        cycles: or("lr_cycle_limit", 1.0)?,
        cycle_mul: or("lr_cycle_mul", 1.0)?,
        cycle_decay: or("lr_cycle_decay", 0.5)?,
        kind,
    })
}

fn schedule(args: &Args, settings: &Settings, imported: &mut Imported) -> Result<Schedule, ImportError> {
    let epochs = Some(Span::Epochs(args.epochs));
    let warm = |body: Schedule, joins: Joins| {
        let top = if joins == Joins::Into { args.tanh(args.warmup) } else { args.peak };
        let from = if top > 0.0 { args.warmup_lr / top } else { 0.0 };
        let mut schedule = warmed(body, Span::Epochs(args.warmup), from, Ramp::Linear);
        if let Some(warmup) = &mut schedule.warmup {
            warmup.joins = joins;
        }
        schedule
    };
    let body = match args.kind.as_str() {
        "cosine" if args.cycles > 1.0 => {
            restarts(args.peak, args.floor, Span::Epochs(args.epochs), args.cycle_mul, args.cycle_decay)
        }
        "cosine" if args.k == 1.0 => cosine(args.peak, args.floor, epochs, After::Hold),
        "cosine" => k_decay(args, Bent::Cosine, 1.0),
        "tanh" => {
            let tanh =
                Tanh { peak: args.peak, floor: args.floor, over: epochs, lower: TANH.0, upper: TANH.1 };
            Kind::Tanh(tanh).into()
        }
        "poly" => {
            imported.note("timm's factory passes --decay-rate as the power of poly");
            if args.k == 1.0 {
                polynomial(args.peak, args.decay_rate, args.floor, epochs)
            } else {
                k_decay(args, Bent::Polynomial, args.decay_rate)
            }
        }
        "step" => {
            let every = settings.number(&["decay_epochs"])?.unwrap_or(90.0);
            Kind::Step(Step { peak: args.peak, every: Span::Epochs(every), gamma: args.decay_rate }).into()
        }
        "multistep" => {
            let given = settings.get("decay_milestones");
            let milestones =
                given.map_or(Ok(vec![90.0, 180.0, 270.0]), |value| numbers("decay_milestones", value))?;
            imported.note("timm's multistep drops one epoch before each milestone, as here");
            let before = |milestone: f64| Span::Epochs((milestone - 1.0).max(0.0));
            let milestones = milestones.into_iter().map(before).collect();
            Kind::Multistep(Multistep { peak: args.peak, milestones, gamma: args.decay_rate }).into()
        }
        "wsd" | "rsqrt" => stable(args, settings, imported)?,
        "plateau" => {
            let rule = PlateauRule {
                mode: PlateauMode::Min,
                factor: args.decay_rate,
                patience: settings.count("patience_epochs")?.unwrap_or(10),
                min_lr: args.floor,
                ..PlateauRule::default()
            };
            imported.controller = Some(Controller::Plateau(Plateau { metric: Metric::ValLoss, rule }));
            imported.note("timm's plateau watches --eval-metric; here it is the validation loss");
            constant(args.peak)
        }
        "constant" | "none" => constant(args.peak),
        other => {
            let why = "known are cosine, tanh, poly, step, multistep, wsd, plateau, constant and none";
            return Err(ImportError::unsupported(format!("--sched {other}"), why));
        }
    };
    let starts_after = args.prefix || matches!(args.kind.as_str(), "wsd" | "rsqrt" | "plateau" | "constant");
    if args.kind == "none" {
        return Ok(body);
    }
    if args.warmup == 0.0 || starts_after {
        return Ok(warm(body, Joins::Before));
    }
    // Of all its schedulers only this one climbs to where its curve is by then.
    let joins = if args.kind == "tanh" { Joins::Into } else { Joins::Over };
    let schedule = warm(body, joins);
    say_highest(args, &schedule, imported);
    Ok(schedule)
}

fn k_decay(args: &Args, shape: Bent, power: f64) -> Schedule {
    let (peak, floor, k) = (args.peak, args.floor, args.k);
    Kind::KDecay(KDecay { peak, floor, over: Some(Span::Epochs(args.epochs)), k, shape, power }).into()
}

/// The schedule with timm's noise between two shares of its length. timm sets the first rate without it.
fn noisy(
    schedule: Schedule,
    range: &[f64],
    epochs: f64,
    settings: &Settings,
) -> Result<Schedule, ImportError> {
    let at = |share: f64| Span::Epochs(share * epochs);
    let from = range.first().map(|share| at(*share)).filter(|from| from.amount() > 0.0);
    let noise = Noise {
        peak: 1.0,
        limit: settings.number_or("lr_noise_pct", 0.67)?,
        std: settings.number_or("lr_noise_std", 1.0)?,
        seed: settings.number_or("seed", 42.0)?,
        spread: Spread::Normal,
        from: from.or(Some(if schedule.tick == Tick::Epoch {
            Span::Epochs(1.0)
        } else {
            Span::Updates(1.0)
        })),
        until: range.get(1).map(|share| at(*share)),
    };
    let tick = schedule.tick;
    Ok(ticking(Kind::Product(Product { of: vec![schedule, Kind::Noise(noise).into()] }).into(), tick))
}

/// Timm's `wsd` and `rsqrt`, whose warmup comes before the rest also where it counts as part of `--epochs`.
fn stable(args: &Args, settings: &Settings, imported: &mut Imported) -> Result<Schedule, ImportError> {
    let rest = if args.prefix { args.epochs } else { args.epochs - args.warmup };
    let decay = settings.number(&["decay_epochs"])?.unwrap_or(0.2);
    let decay = Span::Epochs(if decay < 1.0 { decay * rest } else { decay }.round());
    if decay.amount() < 1.0 || decay.amount() > rest {
        let needed = "--decay-epochs from 1 to the epochs after the warmup";
        return Err(ImportError::missing(format!("--sched {}", args.kind), needed));
    }
    let is_rsqrt = args.kind == "rsqrt";
    let usual = if is_rsqrt { Decay::Linear } else { Decay::OneMinusSqrt };
    let shape = match settings.text("lr_decay_fn").unwrap_or(usual.name()) {
        "linear" => Decay::Linear,
        "cosine" => Decay::Cosine,
        "1-sqrt" => Decay::OneMinusSqrt,
        other => {
            imported.note(format!("the decay {other} is not known here: {} was taken", usual.name()));
            usual
        }
    };
    if !is_rsqrt {
        return Ok(wsd(args.peak, args.floor, decay, shape));
    }
    let timescale = settings.number(&["lr_stable_timescale"])?.unwrap_or(args.warmup).max(1.0);
    if args.floor > 0.0 && !args.on_updates {
        let constants = [
            ("peak", args.peak),
            ("floor", args.floor),
            ("timescale", timescale),
            ("decay", decay.amount()),
            ("end", rest),
        ];
        let done = "max(0, t - end + decay) / decay";
        let left = match shape {
            Decay::Cosine => format!("(1 + cos(pi * {done})) / 2"),
            Decay::OneMinusSqrt => format!("(1 - sqrt({done}))"),
            _ => format!("(1 - {done})"),
        };
        let slow = "max(peak / sqrt(1 + t / timescale), floor) - floor";
        return written(&format!("floor + ({slow}) * {left} if t < end else floor"), &constants);
    }
    if args.floor > 0.0 {
        imported.note("--min-lr was left out: no schedule that counts updates has this floor here");
    }
    let timescale = Span::Epochs(timescale);
    let slow = Kind::InverseSqrt(InverseSqrt { peak: args.peak, timescale, floor: 0.0 });
    Ok(Kind::Product(Product { of: vec![slow.into(), wsd(1.0, 0.0, decay, shape)] }).into())
}

/// Without `--warmup-prefix` the curve starts at epoch 0 and the warmup hides its beginning.
fn say_highest(args: &Args, schedule: &Schedule, imported: &mut Imported) {
    // Its lengths are epochs, so that an epoch may as well be an update.
    let clock = Clock { updates: args.epochs as u64, updates_per_epoch: 1 };
    let Ok(highest) = schedule.resolve(clock).map(|curve| curve.range().1) else { return };
    if highest < args.peak * (1.0 - 1e-9) {
        imported.note(format!(
            "without --warmup-prefix timm's curve starts at epoch 0, so the peak of {} is never reached: the \
             highest rate is {highest:.3e}",
            args.peak
        ));
    }
}

/// Whether a command line says `--opt-kwargs filter_bias_and_bn=False`.
fn keeps_vectors(settings: &Settings) -> bool {
    let says =
        |value: &Expr| value.shown().to_lowercase().replace(' ', "").contains("filter_bias_and_bn=false");
    match settings.get("opt_kwargs") {
        Some(Expr::List(items)) => items.iter().any(says),
        Some(value) => says(value),
        None => false,
    }
}

fn optimizer(settings: &Settings, imported: &mut Imported) -> Result<Option<Optimizer>, ImportError> {
    let name = settings.text("opt").unwrap_or("sgd");
    // timm's `sgd` looks ahead; `momentum` does not.
    let (plain, option) = match name {
        "momentum" => ("sgd", None),
        "sgd" | "nesterov" => ("sgd", Some("nesterov")),
        "nmuon" => ("muon", Some("nesterov")),
        "radamw" => ("radam", Some("decoupled_weight_decay")),
        "cadamw" => ("adamw", Some("cautious")),
        "clion" => ("lion", Some("cautious")),
        other => (other, None),
    };
    let Some(kind) = optimizer_kind(plain) else {
        imported.note(format!("the optimizer {name} is not known here"));
        return Ok(None);
    };
    let mut optimizer = Optimizer::new(kind);
    let or =
        |name: &str, otherwise: f64| Ok::<f64, ImportError>(settings.number(&[name])?.unwrap_or(otherwise));
    set(&mut optimizer, "momentum", Some(or("momentum", 0.9)?));
    set(&mut optimizer, "weight_decay", Some(or("weight_decay", 2e-5)?));
    if let Some(eps) = settings.get("opt_eps") {
        set(&mut optimizer, "eps", Some(number("--opt-eps", eps)?));
    }
    if let Some(betas) = settings.get("opt_betas") {
        set_betas(&mut optimizer, &numbers("--opt-betas", betas)?);
    }
    optimizer.switch("nesterov", false);
    if let Some(option) = option {
        optimizer.switch(option, true);
    }
    Ok(Some(optimizer))
}
