//! Traps in pasted Hugging Face, timm and DeepSpeed configurations.

use super::{Remedy, Severity, Warning};
use crate::import::text::Text;
use crate::import::{ImportError, deepspeed_settings, huggingface_settings, pyyaml_texts, yaml};

pub(super) fn hugging_face(text: &Text<'_>) -> Result<Vec<Warning>, ImportError> {
    let (settings, _) = huggingface_settings(text)?;
    let line = |name: &str| settings.line(name);
    let mut warnings: Vec<Warning> =
        pyyaml_texts(text).filter_map(|(line, content)| Some(pyyaml(content)?.at(line))).collect();
    if settings.get("warmup_ratio").is_some() {
        let message =
            "transformers 5.16 no longer knows warmup_ratio; from 5.0 on warmup_steps below 1 is the share";
        let remedy = Remedy::Replace { from: "warmup_ratio".to_owned(), to: "warmup_steps".to_owned() };
        let warning = Warning::new(Severity::Warning, "warmup-ratio-removed", message).with(remedy);
        warnings.push(warning.at(line("warmup_ratio")));
    }
    let kind = settings.text("lr_scheduler_type").or(settings.text("lr_scheduler")).unwrap_or("linear");
    let kwargs = settings.table("lr_scheduler_kwargs");
    let peak = settings.number(&["learning_rate"])?.unwrap_or(5e-5);
    let has_warmup = settings.number(&["warmup_steps", "warmup_ratio"])?.is_some_and(|warmup| warmup > 0.0);
    let named = if settings.has("lr_scheduler_type") { "lr_scheduler_type" } else { "lr_scheduler" };
    let at = line(named);
    if let Some(least) = kwargs.number(&["min_lr"])?.filter(|least| *least > peak)
        && kind != "greedy"
    {
        let message = format!("min_lr={least} is above learning_rate={peak}: {kind} raises the rate");
        let warning =
            Warning::new(Severity::Warning, "floor-above-rate", message).at(line("lr_scheduler_kwargs"));
        warnings.push(warning.replacing(format!("{least}"), format!("{:.0e}", peak / 10.0)));
    }
    match kind {
        "greedy" => {
            let least = kwargs.number(&["min_lr"])?.unwrap_or(1e-3);
            if least >= peak {
                let message = format!(
                    "GreedyLR never cuts: its min_lr, {least}, is not below the rate, {peak}; 1e-3 is its default"
                );
                let text = format!("\"min_lr\": {:e}", peak / 100.0);
                let warning = Warning::new(Severity::Warning, "greedy-never-cuts", message);
                warnings.push(warning.at(at).with(Remedy::Add { text }));
            }
        }
        "constant" if has_warmup => {
            let message = "the type constant ignores the warmup";
            let remedy = Remedy::Replace { from: "constant".into(), to: "constant_with_warmup".into() };
            let warning = Warning::new(Severity::Warning, "constant-ignores-warmup", message).with(remedy);
            warnings.push(warning.at(at));
        }
        "warmup_stable_decay" if kwargs.get("num_decay_steps").is_none() => {
            let message = "warmup_stable_decay needs num_decay_steps in lr_scheduler_kwargs";
            let warning = Warning::new(Severity::Error, "wsd-without-decay", message).at(at);
            warnings.push(warning.adding("\"num_decay_steps\": 100"));
        }
        "cosine_with_min_lr" | "cosine_warmup_with_min_lr"
            if kwargs.get("min_lr").is_none() && kwargs.get("min_lr_rate").is_none() =>
        {
            let message = format!("{kind} needs min_lr or min_lr_rate in lr_scheduler_kwargs");
            let warning = Warning::new(Severity::Error, "no-minimum", message).at(at);
            warnings.push(warning.adding("\"min_lr_rate\": 0.1"));
        }
        "reduce_lr_on_plateau" => {
            let message = "the plateau reports at each evaluation and cuts after patience + 1 of them without improvement";
            let warning = Warning::new(Severity::Hint, "plateau-patience-differs", message).at(at);
            warnings.push(warning.adding("\"patience\", one less than the evaluations that are meant"));
        }
        _ => {}
    }
    Ok(warnings)
}

/// A number that PyYAML reads as a text.
fn pyyaml(line: &str) -> Option<Warning> {
    let (key, value) = line.split('#').next()?.split_once(':')?;
    let value = value.trim();
    if !yaml::is_text_to_pyyaml(value) {
        return None;
    }
    let (mantissa, exponent) = value.split_once(['e', 'E'])?;
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    let to = format!("{mantissa}{dot}e{sign}{exponent}");
    let key: String = key.trim().chars().filter(|c| !c.is_control()).take(40).collect();
    let message = format!("PyYAML reads {key}'s {value} as a text; {to} is a number to it");
    let remedy = Remedy::Replace { from: value.to_owned(), to };
    Some(Warning::new(Severity::Warning, "yaml-number-is-text", message).with(remedy))
}

pub(super) fn timm(text: &Text<'_>) -> Vec<Warning> {
    let settings = text.settings().cloned().unwrap_or_default();
    let first = settings.names().map(|name| settings.line(name)).min().unwrap_or_default();
    let line = |name: &str| if settings.has(name) { settings.line(name) } else { first };
    let mut warnings = Vec::new();
    let number = |name: &str, usual: f64| settings.number(&[name]).ok().flatten().unwrap_or(usual);
    let kind = settings.text("sched").unwrap_or("cosine");
    let (epochs, warmup) = (number("epochs", 300.0), number("warmup_epochs", 5.0));
    let truncates =
        matches!(kind, "cosine" | "tanh" | "poly") && settings.flag("warmup_prefix") != Some(true);
    if truncates && warmup > 0.0 && epochs > 0.0 {
        let message = format!(
            "without --warmup-prefix the {kind} starts at epoch 0, and the warmup of {warmup} epochs hides its top: the \
             peak is never reached (with it the run is {warmup} epochs longer)"
        );
        let remedy = Remedy::Add { text: "--warmup-prefix".to_owned() };
        let warning = Warning::new(Severity::Warning, "timm-truncates-peak", message).with(remedy);
        warnings.push(warning.at(line("warmup_epochs")));
    }
    if warmup >= epochs {
        let message = format!("the warmup of {warmup} epochs is as long as the run of {epochs}");
        let warning = Warning::new(Severity::Warning, "warmup-longer-than-run", message);
        let fewer = format!("--warmup-epochs {}", (epochs / 10.0).floor());
        warnings
            .push(warning.at(line("warmup_epochs")).replacing(format!("--warmup-epochs {warmup}"), fewer));
    }
    match kind {
        "poly" if settings.get("decay_rate").is_none() => {
            let message = "timm passes --decay-rate as the power of poly, and it is not given: 0.1";
            let warning = Warning::new(Severity::Warning, "timm-poly-power", message).at(line("sched"));
            warnings.push(warning.adding("--decay-rate 0.5, or the power that is meant"));
        }
        "multistep" => {
            let message = "timm's multistep drops one epoch before each milestone";
            let warning = Warning::new(Severity::Hint, "timm-drops-early", message).at(line("sched"));
            warnings.push(warning.adding("1 to each of --decay-milestones"));
        }
        "plateau" => {
            let message = "timm will remove its plateau scheduler";
            let warning = Warning::new(Severity::Hint, "timm-plateau-deprecated", message).at(line("sched"));
            warnings.push(warning.replacing("--sched plateau", "--sched cosine"));
        }
        _ => {}
    }
    if kind == "cosine" && number("lr_cycle_mul", 1.0) == 3.0 {
        let message =
            "with --lr-cycle-mul 3 timm misses the restart at 121 times the first cycle: the rate is 0 there";
        let warning = Warning::new(Severity::Warning, "restarts-by-three", message).at(line("lr_cycle_mul"));
        warnings.push(warning.replacing("--lr-cycle-mul 3", "--lr-cycle-mul 2"));
    }
    warnings
}

pub(super) fn deepspeed(text: &Text<'_>) -> Result<Vec<Warning>, ImportError> {
    let settings = deepspeed_settings(text)?;
    let at = settings.line("scheduler");
    let scheduler = settings.table("scheduler");
    let params = scheduler.table("params");
    let kind = scheduler.text("type").unwrap_or_default();
    let mut warnings = Vec::new();
    if matches!(kind, "WarmupLR" | "WarmupDecayLR" | "WarmupCosineLR") {
        if params.get("warmup_type").is_none() {
            let message = "DeepSpeed's warmup is logarithmic unless warmup_type says \"linear\"";
            let remedy = Remedy::Add { text: "\"warmup_type\": \"linear\"".to_owned() };
            let warning = Warning::new(Severity::Warning, "deepspeed-log-warmup", message).with(remedy);
            warnings.push(warning.at(at));
        }
        let message = "DeepSpeed lags by an update: the first two updates both have the warmup's first rate";
        let warning = Warning::new(Severity::Hint, "deepspeed-lags", message).at(at);
        warnings.push(warning.adding("one update to warmup_num_steps, where the update matters"));
    }
    if kind == "WarmupCosineLR" {
        let message = "WarmupCosineLR never uses the peak: after the warmup its cosine is an update ahead";
        let warning = Warning::new(Severity::Hint, "deepspeed-skips-peak", message).at(at);
        warnings.push(warning.adding("WarmupDecayLR, or a scheduler of PyTorch's, where the peak matters"));
    }
    if kind == "OneCycle" && params.flag("cycle_momentum") != Some(false) {
        let message = "DeepSpeed's OneCycle sets beta2 to 0.99";
        let warning = Warning::new(Severity::Warning, "deepspeed-sets-beta2", message).at(at);
        warnings.push(warning.adding("\"cycle_momentum\": false"));
        if params.number(&["decay_mom_rate"])?.is_some_and(|rate| rate > 0.0) {
            let message = "decay_mom_rate above 0 pushes beta1 past 1 in the end";
            let warning = Warning::new(Severity::Error, "deepspeed-momentum-grows", message).at(at);
            warnings.push(warning.replacing("\"decay_mom_rate\"", "\"decay_mom_rate\": 0, for this one"));
        }
    }
    Ok(warnings)
}
