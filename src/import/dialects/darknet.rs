//! darknet's `[net]` section, of YOLO's first versions: a policy that counts batches, under a climb by a power.

use super::super::dialect::{Dialect, Sign};
use super::super::settings::{Settings, set};
use super::super::shape::{constant, polynomial, sequence, written};
use super::super::text::Text;
use super::super::{ImportError, Imported, Options};
use super::wrong_form;
use crate::experiment::{Optimizer, OptimizerKind};
use crate::schedule::kind::{Exponential, Kind, Multistep, Product, Step};
use crate::schedule::{Schedule, Span};

pub static DIALECT: Dialect = Dialect {
    id: "darknet",
    name: "darknet",
    example: "[net]\nbatch=64\nsubdivisions=16\nmomentum=0.9\ndecay=0.0005\nlearning_rate=0.001\nburn_in=1000\nmax_batches = \
              500200\npolicy=steps\nsteps=400000,450000\nscales=.1,.1\n\n[convolutional]\nfilters=32\n",
    signs: &[
        (Sign::Key("net.learning_rate"), 14),
        (Sign::Key("net.policy"), 6),
        (Sign::Key("net.burn_in"), 6),
        (Sign::Key("net.max_batches"), 6),
        (Sign::Key("network.learning_rate"), 14),
    ],
    read,
};

fn read(text: &Text<'_>, options: &Options) -> Result<Imported, ImportError> {
    let Some(whole) = text.settings() else { return Err(wrong_form(&DIALECT, text)) };
    let net = whole.table("net");
    let net = if net.is_empty() { whole.table("network") } else { net };
    // The other sections are the layers.
    whole.names().map(str::to_owned).collect::<Vec<_>>().iter().filter(|name| *name != "net").for_each(
        |name| {
            let section = whole.table(name);
            let names: Vec<String> = section.names().map(str::to_owned).collect();
            names.iter().for_each(|name| section.seen(&[name]));
        },
    );
    net.seen(&[
        "width",
        "height",
        "channels",
        "angle",
        "saturation",
        "exposure",
        "hue",
        "mosaic",
        "letter_box",
        "max_crop",
        "min_crop",
        "aspect",
        "flip",
        "cutmix",
        "random",
    ]);
    let mut imported = Imported::new(&DIALECT, "darknet", constant(0.0));
    let peak = net.number_or("learning_rate", 0.001)?;
    let total = net.number(&["max_batches"])?.filter(|total| *total >= 1.0);
    let power = net.number_or("power", 4.0)?;
    let policy = net.text("policy").unwrap_or("constant").to_owned();
    let body = policy_of(&policy, &net, peak, (total, power))?;
    let burn = net.number_or("burn_in", 0.0)?;
    imported.lr = if burn > 0.0 {
        // The climb hides the beginning of the policy, which counts from the first batch.
        let climb = written("min(t / burn, 1) ** power", &[("burn", burn), ("power", power)])?;
        Kind::Product(Product { of: vec![body, climb] }).into()
    } else {
        body
    };
    imported.name = format!("darknet {policy}");
    imported.updates = options.length.or(total.map(Span::Updates));
    let mut optimizer = Optimizer::new(OptimizerKind::Sgd);
    set(&mut optimizer, "momentum", Some(net.number_or("momentum", 0.9)?));
    set(&mut optimizer, "weight_decay", Some(net.number_or("decay", 1e-4)?));
    imported.optimizer = Some(optimizer);
    let parts = net.number_or("subdivisions", 1.0)?.max(1.0);
    if let Some(batch) = net.number(&["batch"])?.filter(|batch| *batch >= 1.0) {
        imported.accumulate = Some(parts as usize);
        imported.batch_size = Some((batch / parts).max(1.0) as usize);
    }
    Ok(imported)
}

fn policy_of(
    policy: &str,
    net: &Settings,
    peak: f64,
    (total, power): (Option<f64>, f64),
) -> Result<Schedule, ImportError> {
    Ok(match policy {
        "constant" => constant(peak),
        "steps" => {
            let steps = net.numbers("steps")?.unwrap_or_default();
            let scales = net.numbers("scales")?.unwrap_or_default();
            if steps.len() != scales.len() || steps.is_empty() {
                return Err(ImportError::missing("darknet's policy steps", "as many scales as steps"));
            }
            match scales.as_slice() {
                [gamma, rest @ ..] if rest.iter().all(|scale| scale == gamma) => {
                    let milestones = steps.into_iter().map(Span::Updates).collect();
                    Kind::Multistep(Multistep { peak, milestones, gamma: *gamma }).into()
                }
                _ => {
                    let (mut parts, mut rate, mut from) = (Vec::new(), peak, 0.0);
                    for (at, scale) in steps.iter().zip(&scales) {
                        parts.push((Span::Updates(at - from), constant(rate)));
                        (rate, from) = (rate * scale, *at);
                    }
                    sequence(parts, constant(rate))
                }
            }
        }
        "step" => {
            let (every, gamma) = (net.number_or("step", 1.0)?, net.number_or("scale", 1.0)?);
            Kind::Step(Step { peak, every: Span::Updates(every.max(1.0)), gamma }).into()
        }
        "exp" => Kind::Exponential(Exponential { peak, gamma: net.number_or("gamma", 1.0)? }).into(),
        "poly" => polynomial(peak, power, 0.0, total.map(Span::Updates)),
        other => {
            let why = "known are constant, steps, step, exp and poly; a log of its rates can be imported";
            return Err(ImportError::unsupported(format!("darknet's policy {other}"), why));
        }
    })
}
