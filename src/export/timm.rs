//! timm's command line. Its lengths are whole epochs, also where the schedule is stepped every update.

use super::Draft;
use super::groups::Groups;
use super::outline::closest;
use super::recipe::{Carries, Recipe};
use super::simulate::timm::{Cycle, Kind, Scheduler, Wsd};
use super::text::{float, line};
use crate::experiment::{Decay, OptimizerKind};

const CARRIES: Carries = Carries {
    schedules: false,
    weight_decay: true,
    clipping: true,
    accumulation: true,
    layer_decay: true,
    groups: Groups::Decay,
    mirror: false,
    schedule_free: false,
    batches: false,
};

const WHY: &str = "its schedulers count whole epochs, most of their warmups cut into the curve, and their milestones \
                   come one tick early; this is the nearest of them";

/// Arguments, and the scheduler that timm makes of them.
struct Candidate {
    scheduler: Scheduler,
    on_updates: bool,
    epochs: u64,
    warmup_epochs: u64,
    sched: &'static str,
    arguments: Vec<String>,
}

impl Candidate {
    fn at(&self, update: u64, updates_per_epoch: u64) -> f64 {
        self.scheduler.at(if self.on_updates { update } else { update / updates_per_epoch })
    }
}

pub fn write(recipe: &Recipe<'_>) -> Draft {
    let per_epoch = recipe.clock.updates_per_epoch;
    let best =
        closest(&recipe.drawn, candidates(recipe), |candidate, update| candidate.at(update, per_epoch));
    let (lines, predicted) = match &best {
        Some(best) => (arguments(recipe, best), recipe.predict(|update| best.at(update, per_epoch))),
        None => (Vec::new(), recipe.predict(|_| recipe.peak)),
    };
    let name = line(&recipe.experiment.name);
    let run = line(&recipe.run.name);
    let text = format!(
        "# {name}: run \"{run}\", {} updates of {per_epoch} an epoch, for timm 1.0.31.\npython train.py DATA \\\n  {}\n",
        recipe.updates(),
        lines.join(" \\\n  ")
    );
    // Under --layer-decay vectors do not decay, whatever one says.
    let groups = if recipe.run.layer_decay.is_some() { Groups::Matrices } else { Groups::Decay };
    let mut notes = recipe.notes(Carries { groups, ..CARRIES });
    if optimizer(recipe).is_none() {
        notes.push(recipe.refused("timm has none of the kind, and without --opt it trains with sgd"));
    }
    if recipe.kind() == OptimizerKind::Adafactor {
        let how = "Changed: timm's Adafactor does not keep the rate below one over the root of the update's number.";
        notes.push(how.to_owned());
    }
    if !recipe.updates().is_multiple_of(per_epoch) {
        notes.push(format!(
            "Rounded: {} updates are no whole number of epochs of {per_epoch}.",
            recipe.updates()
        ));
    }
    if best.is_some_and(|best| best.sched == "wsd") {
        notes.push("`--sched wsd` and its --lr-decay-fn need timm 1.0.31.".to_owned());
    }
    Draft { text, predicted, table: None, approximated: WHY, notes }
}

fn candidates(recipe: &Recipe<'_>) -> Vec<Candidate> {
    let outline = &recipe.outline;
    let per_epoch = recipe.clock.updates_per_epoch;
    let epochs = recipe.epochs().max(1);
    let whole = |updates: u64| (updates as f64 / per_epoch as f64).round() as u64;
    let mut warmups: Vec<u64> = outline.warmups.iter().map(|warmup| whole(*warmup).min(epochs - 1)).collect();
    warmups.dedup();
    let mut found = Vec::new();
    for (on_updates, warmup_epochs, warmup_prefix) in warmups
        .iter()
        .flat_map(|warmup| [(true, *warmup), (false, *warmup)])
        .flat_map(|(on_updates, warmup)| {
            // Without a warmup there is nothing to put in front.
            [false, true]
                .into_iter()
                .filter(move |prefix| !prefix || warmup > 0)
                .map(move |prefix| (on_updates, warmup, prefix))
        })
    {
        let unit = if on_updates { per_epoch } else { 1 };
        let body_epochs = if warmup_prefix { epochs - warmup_epochs } else { epochs };
        let mut add = |sched, kind, body_epochs, arguments: Vec<String>| {
            let scheduler = Scheduler {
                kind,
                lr: outline.peak,
                warmup_t: warmup_epochs * unit,
                warmup_lr_init: outline.first.min(outline.peak),
                warmup_prefix,
            };
            found.push(Candidate {
                scheduler,
                on_updates,
                epochs: body_epochs,
                warmup_epochs,
                sched,
                arguments,
            });
        };
        add("constant", Kind::Step { decay_t: 1.0, decay_rate: 1.0 }, body_epochs, Vec::new());
        for floor in outline.floors() {
            let once = Cycle::once(body_epochs * unit, floor);
            for bend in &outline.bends {
                let bent =
                    if *bend == 1.0 { Vec::new() } else { vec![format!("--lr-k-decay {}", float(*bend))] };
                add("cosine", Kind::Cosine { cycle: once, k_decay: *bend }, body_epochs, bent.clone());
                for power in &outline.powers {
                    let mut arguments = vec![format!("--decay-rate {}", float(*power))];
                    arguments.extend(bent.iter().cloned());
                    add(
                        "poly",
                        Kind::Poly { cycle: once, power: *power, k_decay: *bend },
                        body_epochs,
                        arguments,
                    );
                }
            }
            add("tanh", Kind::Tanh { cycle: once, lb: -7.0, ub: 3.0 }, body_epochs, Vec::new());
            if let Some((first, mul, decay)) = outline.cycles {
                let first = whole(first).max(1);
                let limit = cycles(first, mul, body_epochs);
                let cycle = Cycle { t_initial: first * unit, lr_min: floor, mul, decay, limit };
                let arguments = vec![
                    format!("--lr-cycle-mul {} --lr-cycle-decay {}", float(mul), float(decay)),
                    format!("--lr-cycle-limit {limit}"),
                ];
                add("cosine", Kind::Cosine { cycle, k_decay: 1.0 }, first, arguments);
            }
            // The decay of these is in whole ticks of what is not warmup.
            let rest = (epochs - warmup_epochs) * unit;
            for decay in &outline.decays {
                let decay_epochs = whole(*decay).clamp(1, epochs - warmup_epochs);
                for decay_fn in ["linear", "1-sqrt", "cosine"] {
                    let wsd = Wsd {
                        t_initial: rest,
                        decay_t: decay_epochs * unit,
                        lr_min: floor,
                        stable_fn: "constant",
                        stable_timescale: 1.0,
                        stable_power: 0.5,
                        decay_fn,
                        decay_power: 0.5,
                        decay_ratio: 0.1,
                    };
                    let arguments = vec![format!("--decay-epochs {decay_epochs} --lr-decay-fn {decay_fn}")];
                    add("wsd", Kind::Wsd(wsd), body_epochs, arguments);
                }
            }
        }
        if let Some((every, rate)) = outline.steps {
            let every = whole(every).max(1);
            let kind = Kind::Step { decay_t: (every * unit) as f64, decay_rate: rate };
            let arguments = vec![format!("--decay-epochs {every} --decay-rate {}", float(rate))];
            add("step", kind, body_epochs, arguments);
        }
        if let Some((milestones, rate)) = &outline.milestones {
            for later in [0, 1] {
                let epochs: Vec<u64> = milestones.iter().map(|at| whole(*at) + later).collect();
                let decay_t = epochs.iter().map(|at| at * unit).collect();
                let shown: Vec<String> = epochs.iter().map(u64::to_string).collect();
                let arguments =
                    vec![format!("--decay-milestones {} --decay-rate {}", shown.join(" "), float(*rate))];
                add("multistep", Kind::MultiStep { decay_t, decay_rate: *rate }, body_epochs, arguments);
            }
        }
    }
    // The newest scheduler last: an older one that is as close works in more versions.
    found.sort_by_key(|candidate| candidate.sched == "wsd");
    found
}

/// The cycles that start within `total`, the first of length `first`.
fn cycles(first: u64, mul: f64, total: u64) -> u64 {
    let (mut end, mut length, mut count) = (0.0, first as f64, 0);
    while end < total as f64 && count < 1000 {
        end += length;
        length *= mul.max(1.0);
        count += 1;
    }
    count.max(1)
}

fn arguments(recipe: &Recipe<'_>, best: &Candidate) -> Vec<String> {
    let scheduler = &best.scheduler;
    let mut lines = vec![
        format!("--sched {} --epochs {} --lr {}", best.sched, best.epochs, float(scheduler.lr)),
        format!("--warmup-epochs {} --warmup-lr {}", best.warmup_epochs, float(scheduler.warmup_lr_init)),
    ];
    if let Some(floor) = floor(&scheduler.kind) {
        lines.push(format!("--min-lr {}", float(floor)));
    }
    lines.extend(best.arguments.iter().cloned());
    if best.on_updates {
        lines.push("--sched-on-updates".to_owned());
    }
    if scheduler.warmup_prefix {
        lines.push("--warmup-prefix".to_owned());
    }
    lines.push("--cooldown-epochs 0".to_owned());
    let optimizer = optimizer(recipe);
    let mut kwargs = match &optimizer {
        Some(_) => kwargs(recipe),
        None => Vec::new(),
    };
    lines.extend(optimizer);
    if recipe.run.decay == Decay::All && recipe.decays() && recipe.run.layer_decay.is_none() {
        kwargs.push("filter_bias_and_bn=False".to_owned());
    }
    if !kwargs.is_empty() {
        lines.push(format!("--opt-kwargs {}", kwargs.join(" ")));
    }
    lines.push(format!("--weight-decay {}", float(recipe.number("weight_decay"))));
    lines.push(format!("--batch-size {}", recipe.batch_size()));
    if let Some(norm) = recipe.clip_norm() {
        lines.push(format!("--clip-grad {} --clip-mode norm", float(norm)));
    }
    if recipe.accumulate() > 1 {
        lines.push(format!("--grad-accum-steps {}", recipe.accumulate()));
    }
    if let Some(decay) = recipe.run.layer_decay {
        lines.push(format!("--layer-decay {}", float(decay)));
    }
    lines
}

/// What train.py hands to the optimizer beside its own arguments.
fn kwargs(recipe: &Recipe<'_>) -> Vec<String> {
    match recipe.kind() {
        // timm's clips too, unless told otherwise, and leaves what does not decay to Adam.
        OptimizerKind::Lamb => vec!["max_grad_norm=None".to_owned(), "always_adapt=True".to_owned()],
        OptimizerKind::Muon => {
            let adjust = if recipe.has("match_rms_adamw") { "match_rms_adamw" } else { "original" };
            vec![format!("ns_steps={:.0}", recipe.say("ns_steps")), format!("adjust_lr_fn={adjust}")]
        }
        OptimizerKind::Sgd => unusual(recipe, "dampening", "dampening").into_iter().collect(),
        OptimizerKind::Adam | OptimizerKind::AdamW => option(recipe, "amsgrad").into_iter().collect(),
        // timm's own default is another.
        OptimizerKind::RmsProp => {
            let alpha = format!("alpha={}", float(recipe.say("alpha")));
            [alpha].into_iter().chain(option(recipe, "centered")).collect()
        }
        OptimizerKind::Adagrad => ["lr_decay", "initial_accumulator_value"]
            .into_iter()
            .filter_map(|name| unusual(recipe, name, name))
            .collect(),
        OptimizerKind::NAdam => unusual(recipe, "momentum_decay", "momentum_decay")
            .into_iter()
            .chain(option(recipe, "decoupled_weight_decay"))
            .collect(),
        OptimizerKind::Adafactor => {
            let names = [("beta2_decay", "decay_rate"), ("d", "clip_threshold"), ("eps2", "eps_scale")];
            names.into_iter().filter_map(|(name, theirs)| unusual(recipe, name, theirs)).collect()
        }
        _ => Vec::new(),
    }
}

/// A number of the optimizer under timm's name, where it is not the default.
fn unusual(recipe: &Recipe<'_>, name: &str, theirs: &str) -> Option<String> {
    let value = recipe.say(name);
    let info = recipe.kind().numbers().iter().find(|info| info.name == name)?;
    (value != info.default).then(|| format!("{theirs}={}", float(value)))
}

/// An option of the optimizer, where it is on.
fn option(recipe: &Recipe<'_>, name: &str) -> Option<String> {
    recipe.has(name).then(|| format!("{name}=True"))
}

/// The run's optimizer, where timm has it.
fn optimizer(recipe: &Recipe<'_>) -> Option<String> {
    let number = |name| float(recipe.say(name));
    let betas = || format!("--opt-betas {} {}", number("beta1"), number("beta2"));
    Some(match recipe.kind().base() {
        // timm's `sgd` is Nesterov's, its `momentum` is not.
        OptimizerKind::Sgd => {
            let name = if recipe.has("nesterov") { "sgd" } else { "momentum" };
            format!("--opt {name} --momentum {}", number("momentum"))
        }
        OptimizerKind::NAdam => format!("--opt nadam {} --opt-eps {}", betas(), number("eps")),
        OptimizerKind::RAdam => {
            let name = if recipe.has("decoupled_weight_decay") { "radamw" } else { "radam" };
            format!("--opt {name} {} --opt-eps {}", betas(), number("eps"))
        }
        OptimizerKind::Lamb => format!("--opt lamb {} --opt-eps {}", betas(), number("eps")),
        OptimizerKind::Adafactor => "--opt adafactor".to_owned(),
        OptimizerKind::Muon => {
            let name = if recipe.has("nesterov") { "nmuon" } else { "muon" };
            format!("--opt {name} --momentum {} {}", number("momentum"), betas())
        }
        OptimizerKind::Adam => format!("--opt adam {} --opt-eps {}", betas(), number("eps")),
        // timm's names for cautious ones begin with a c.
        OptimizerKind::AdamW => {
            let name = if recipe.has("cautious") { "cadamw" } else { "adamw" };
            format!("--opt {name} {} --opt-eps {}", betas(), number("eps"))
        }
        OptimizerKind::RmsProp => {
            format!("--opt rmsprop --momentum {} --opt-eps {}", number("momentum"), number("eps"))
        }
        OptimizerKind::Adagrad => format!("--opt adagrad --opt-eps {}", number("eps")),
        OptimizerKind::Lion => {
            format!("--opt {} {}", if recipe.has("cautious") { "clion" } else { "lion" }, betas())
        }
        _ => return None,
    })
}

fn floor(kind: &Kind) -> Option<f64> {
    match kind {
        Kind::Cosine { cycle, .. } | Kind::Tanh { cycle, .. } | Kind::Poly { cycle, .. } => {
            Some(cycle.lr_min)
        }
        Kind::Wsd(wsd) => Some(wsd.lr_min),
        Kind::Step { .. } | Kind::MultiStep { .. } => None,
    }
}
