//! `anneal export --resume-at`: what the framework really does when the run is resumed there, and the code that does what
//! is wished.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::json;

use super::{Failure, output};
use crate::experiment::{Experiment, Run};
use crate::export::resume::{Change, Resumption, changed, resume};
use crate::export::{Options, Target};
use crate::files;
use crate::schedule::{Clock, Span};

/// Rates of each way that are told.
const SHOWN: usize = 4;

/// Below this share of the peak a deviation is rounding in single precision.
const ROUNDING: f64 = 1e-6;

#[derive(Args, Default)]
pub struct Arguments {
    /// What the framework does when the run is resumed at this update.
    #[arg(long, value_name = "UPDATE")]
    resume_at: Option<u64>,
    /// The whole run's new length, such as 20000 or 90ep.
    #[arg(long, value_name = "LENGTH", requires = "resume_at")]
    then: Option<Span>,
    /// What else changes: lr=PEAK, epochs=N or updates=N, with commas between them.
    #[arg(long, value_name = "CHANGES", requires = "resume_at", value_delimiter = ',')]
    changed: Vec<String>,
}

impl Arguments {
    pub fn is_asked(&self) -> bool {
        self.resume_at.is_some()
    }

    fn change(&self) -> Result<Change, Failure> {
        let mut change = Change { length: self.then, lr: None };
        for asked in &self.changed {
            let bad = |why: &str| Failure::BadFile(anyhow!("--changed {asked}: {why}"));
            let Some((name, value)) = asked.split_once('=') else {
                return Err(bad("write lr=PEAK, epochs=N or updates=N"));
            };
            let number: f64 = value.trim().parse().map_err(|_| bad("a number is needed after the ="))?;
            let length = match name.trim() {
                "lr" => {
                    change.lr = Some(number);
                    continue;
                }
                "epochs" => Span::Epochs(number),
                "updates" => Span::Updates(number),
                _ => return Err(bad("known are lr, epochs and updates")),
            };
            if !(number.is_finite() && number > 0.0) {
                return Err(bad("a length is a number above 0"));
            }
            if change.length.is_some() {
                return Err(bad("the length is said twice"));
            }
            change.length = Some(length);
        }
        Ok(change)
    }
}

/// Prints the code that does what is wished; what the framework does otherwise goes to stderr.
pub fn run(
    args: &Arguments,
    (experiment, run, clock): (&Experiment, &Run, Clock),
    (target, options): (&'static Target, &Options),
    (as_json, out): (bool, Option<&Path>),
) -> Result<(), Failure> {
    let change = args.change()?;
    let bad = |error: crate::export::resume::ResumeError| Failure::BadFile(error.into());
    let after = changed(run, &change).map_err(bad)?;
    let updates = change.length.map_or(clock.updates, |length| length.whole_updates(clock));
    let then = Clock { updates, ..clock };
    let at = args.resume_at.unwrap_or_default();
    let resumption = resume(experiment, (run, clock), (&after, then), at, target, options).map_err(bad)?;
    if as_json {
        let text = serde_json::to_string_pretty(&as_value(&resumption, then))? + "\n";
        return Ok(output::print(&text)?);
    }
    tell(&resumption, then);
    match out {
        None => output::print(&resumption.code)?,
        Some(out) => files::replace(out, |file| file.write_all(resumption.code.as_bytes()))
            .with_context(|| format!("cannot write {}", out.display()))?,
    }
    Ok(())
}

fn as_value(resumption: &Resumption, then: Clock) -> serde_json::Value {
    let ways: Vec<_> = resumption
        .ways
        .iter()
        .map(|way| {
            json!({
                "kept": way.kept.word(),
                "how": way.how,
                "because": way.because,
                "seam": way.seam,
                "counts_anew": way.counts_anew,
                "right": way.is_right(ROUNDING),
                "rates": way.rates,
                "deviation": { "of_peak": way.deviation.of_peak, "at": resumption.at + way.deviation.at_update },
            })
        })
        .collect();
    json!({
        "target": resumption.target.id,
        "framework": resumption.target.framework,
        "resume_at": resumption.at,
        "updates": then.updates,
        "before": resumption.before,
        "wish": resumption.wish,
        "ways": ways,
        "code": resumption.code,
    })
}

fn tell(resumption: &Resumption, then: Clock) {
    output::say(format!(
        "{}: resumed at update {} of a run of {} updates",
        resumption.target.framework, resumption.at, then.updates
    ));
    let first = |rates: &[f64]| {
        let shown: Vec<String> = rates.iter().take(SHOWN).map(|rate| format!("{rate:.4e}")).collect();
        shown.join(", ")
    };
    output::say(format!("wished: {}, ...", first(&resumption.wish)));
    for way in &resumption.ways {
        let verdict = if way.is_right(ROUNDING) {
            "as wished".to_owned()
        } else if way.counts_anew {
            "a new run".to_owned()
        } else {
            format!(
                "deviates by {:.1} % of the peak, most at update {}",
                100.0 * way.deviation.of_peak,
                resumption.at + way.deviation.at_update
            )
        };
        output::say(format!("with {}: {verdict}", way.how));
        output::say(format!("  rates: {}, ...", first(&way.rates)));
        output::say(format!("  {}: {}", way.seam, way.because));
    }
    output::say("the code that does what is wished follows");
}
