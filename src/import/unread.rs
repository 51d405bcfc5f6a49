//! What of a text was not understood.

/// Something in a text that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub name: String,
    /// The value, as the text spells it, not too long.
    pub value: String,
    /// 0 where the text is no lines.
    pub line: usize,
    /// Whether its name says that it may shape the schedule.
    pub matters: bool,
}

impl Unread {
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>, line: usize) -> Self {
        let name = name.into();
        let matters = may_shape(&name);
        Self { name, value: value.into(), line, matters }
    }

    /// Something that does shape the training, on its line.
    pub(super) fn telling(what: impl Into<String>, line: usize) -> Self {
        Self { name: what.into(), value: String::new(), line, matters: true }
    }
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.name)?;
        if self.value.is_empty() { Ok(()) } else { write!(f, " = {}", self.value) }
    }
}

/// Whether a name says that what it holds may shape the schedule.
fn may_shape(name: &str) -> bool {
    let name = name.to_lowercase();
    let last = name.rsplit('.').next().unwrap_or(&name);
    let aside = [
        "profiler",
        "logger",
        "callback",
        "checkpoint",
        "dataloader",
        "dataset",
        "ema",
        "eval",
        "infer",
        "arch",
    ];
    let holder = name.strip_suffix(last).unwrap_or_default();
    if aside.iter().any(|word| holder.split('.').any(|part| part.contains(word))) {
        return false;
    }
    let idle = [
        "log",
        "save",
        "eval",
        "val_",
        "valid",
        "checkpoint",
        "print",
        "dropout",
        "drop_rate",
        "sample_rate",
        "frame",
        "lora",
        "seed",
        "display",
        "report",
        "strategy",
        "worker",
        "inference",
        "cache",
        "timestep",
        "resume",
    ];
    let telling = [
        "lr",
        "learn",
        "rate",
        "warm",
        "sched",
        "decay",
        "step",
        "epoch",
        "iter",
        "update",
        "momentum",
        "beta",
        "optim",
        "cycle",
        "gamma",
        "anneal",
        "cooldown",
        "milestone",
        "accum",
        "clip",
        "power",
        "batch",
    ];
    telling.iter().any(|word| last.contains(word)) && !idle.iter().any(|word| last.contains(word))
}
