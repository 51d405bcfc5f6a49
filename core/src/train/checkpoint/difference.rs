//! What makes two experiments two, as far as a checkpoint cares.

use crate::experiment::{Experiment, Source, Start, Train};
use crate::train::diff;

/// What `new` does differently, in words; nothing when a training of `old` is one of `new`.
///
/// Names of experiments do not count, nor where a data file lies: its content is compared by its checksum.
pub fn between(old: &Experiment, new: &Experiment) -> Option<String> {
    // Where rates are listed does not count either.
    let (old, new) = (&old.contained(), &new.contained());
    let mut parts = Vec::new();
    let (a, b) = (&old.data, &new.data);
    let same_source = match (&a.source, &b.source) {
        (Source::File { label: a, .. }, Source::File { label: b, .. }) => a == b,
        (a, b) => a == b,
    };
    let mut other = |same: bool, what: &str| {
        if !same {
            parts.push(format!("another {what}"));
        }
    };
    other(same_source, "data set");
    other(a.batch_size == b.batch_size, "batch size");
    other(a.drop_last == b.drop_last, "use of an epoch's last batch");
    other(a.validation == b.validation, "validation share");
    other(a.label_noise == b.label_noise, "label noise");
    other(a.limit == b.limit, "limit");
    other(a.columns == b.columns, "what is said of columns");
    other(a.phases == b.phases, "list of [[data.phase]]");
    other(old.model == new.model, "model");
    // Where the weights to begin with lie does not count: they are in the checkpoint.
    let taken = |start: &Option<Start>| start.as_ref().map(|start| (start.run.clone(), start.head));
    other(taken(&old.start) == taken(&new.start), "choice of weights to begin with");
    other(old.team == new.team, "[federated] or [parallel]");
    other(old.snapshots == new.snapshots, "[snapshots]");
    let Train { updates, seed, replicas, accumulate, clip_norm, loss, stop, attack, .. } = &old.train;
    let Train { weights, rounding, gradients, loss_scale, .. } = &old.train;
    other(*updates == new.train.updates, "length of the run");
    other(*seed == new.train.seed, "seed");
    other(*replicas == new.train.replicas, "number of replicas");
    other(*accumulate == new.train.accumulate, "accumulation");
    other(*clip_norm == new.train.clip_norm, "clip_norm");
    other(*loss == new.train.loss, "loss");
    other(*weights == new.train.weights, "weight format");
    other(*rounding == new.train.rounding, "rounding");
    other(*gradients == new.train.gradients, "format of gradients");
    other(*loss_scale == new.train.loss_scale, "loss scale");
    other(*stop == new.train.stop, "early stopping");
    other(*attack == new.train.attack, "attack");
    for run in &old.runs {
        match new.runs.iter().find(|other| other.name == run.name) {
            None => parts.push(format!("no run \"{}\"", run.name)),
            Some(other) if other != run => {
                parts.push(format!("run \"{}\": {}", run.name, diff::describe(run, other)));
            }
            Some(_) => {}
        }
    }
    for run in &new.runs {
        if old.runs.iter().all(|other| other.name != run.name) {
            parts.push(format!("a new run \"{}\"", run.name));
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
