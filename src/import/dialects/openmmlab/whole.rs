//! mmengine's schedulers that set the rate instead of multiplying it.

use super::super::super::ImportError;
use super::super::super::settings::Settings;
use super::super::super::shape::{cosine, sequence};
use crate::schedule::kind::{After, Anneal, Kind, OneCycle};
use crate::schedule::{Schedule, Span};

/// The curve of `OneCycleLR` or `CosineRestartLR`; nothing for others.
pub(super) fn read(
    name: &str,
    settings: &Settings,
    base: f64,
    span: impl Fn(f64) -> Span,
) -> Result<Option<Schedule>, ImportError> {
    Ok(match name {
        "OneCycleLR" => {
            let Some(peak) = settings.number(&["eta_max"])? else {
                return Err(ImportError::missing("OneCycleLR", "an eta_max"));
            };
            let anneal = match settings.text("anneal_strategy") {
                Some("linear") => Anneal::Linear,
                _ => Anneal::Cosine,
            };
            let over = settings.number(&["total_steps", "end"])?.filter(|steps| *steps > 0.0).map(span);
            Some(
                Kind::OneCycle(OneCycle {
                    peak,
                    over,
                    pct_start: settings.number_or("pct_start", 0.3)?,
                    div_factor: settings.number_or("div_factor", 25.0)?,
                    final_div_factor: settings.number_or("final_div_factor", 1e4)?,
                    anneal,
                    three_phase: settings.flag("three_phase") == Some(true),
                })
                .into(),
            )
        }
        "CosineRestartLR" => {
            let periods = settings.numbers("periods")?.unwrap_or_default();
            let weights = settings.numbers("restart_weights")?.unwrap_or_else(|| vec![1.0]);
            let floor = match (settings.number(&["eta_min"])?, settings.number(&["eta_min_ratio"])?) {
                (_, Some(ratio)) => ratio * base,
                (floor, None) => floor.unwrap_or(0.0),
            };
            let weight = |at: usize| weights.get(at).or(weights.last()).copied().unwrap_or(1.0);
            let cycle = |(at, period): (usize, &f64)| {
                (span(*period), cosine(base * weight(at), floor, Some(span(*period)), After::Hold))
            };
            let mut cycles: Vec<(Span, Schedule)> = periods.iter().enumerate().map(cycle).collect();
            match cycles.pop() {
                Some((_, last)) if cycles.is_empty() => Some(last),
                Some((_, last)) => Some(sequence(cycles, last)),
                None => return Err(ImportError::missing("CosineRestartLR", "periods")),
            }
        }
        _ => None,
    })
}
