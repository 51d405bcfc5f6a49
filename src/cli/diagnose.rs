//! `anneal diagnose`: what a recording holds, and what goes wrong in it.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Failure, output};
use crate::analysis::recorded::{Recorded, diagnose};
use crate::recording::{Recorder, Recording, Role};
use crate::telemetry::Column;

/// One finding, as JSON has it.
#[derive(Serialize)]
struct FindingLine<'a> {
    kind: String,
    update: u64,
    sentence: &'a str,
    /// The section of the runbook that says what to do.
    runbook: String,
}

/// Prints what the file or folder records; what was left out goes to stderr.
pub fn run(path: &Path, as_json: bool) -> Result<(), Failure> {
    let recorder = Recorder::open(path).map_err(|error| Failure::BadFile(error.into()))?;
    let all: Vec<(String, &Recording, Vec<Recorded>)> =
        recorder.recordings().map(|(name, recording)| (name, recording, diagnose(recording))).collect();
    tell(&recorder);
    let text = if as_json {
        serde_json::to_string_pretty(&whole(&recorder, &all))? + "\n"
    } else {
        all.iter().map(|(name, recording, found)| page(&recorder, name, recording, found)).collect()
    };
    Ok(output::print(&text)?)
}

fn tell(recorder: &Recorder) {
    for sentence in recorder.left_out().sentences() {
        output::say(format!("anneal: {sentence}"));
    }
}

/// The first recording's series and findings, and all runs where there are several.
fn whole(recorder: &Recorder, all: &[(String, &Recording, Vec<Recorded>)]) -> Value {
    let run = |(name, recording, found): &(String, &Recording, Vec<Recorded>)| {
        let findings: Vec<FindingLine<'_>> = found
            .iter()
            .map(|found| FindingLine {
                kind: found.kind.name().to_lowercase().replace(' ', "_"),
                update: found.update,
                sentence: &found.sentence,
                runbook: found.kind.runbook_link(),
            })
            .collect();
        json!({
            "name": name,
            "counts": recording.tick.plural(),
            "length": recording.length(),
            "series": series(recording),
            "findings": findings,
        })
    };
    let mut object = all.first().map_or_else(|| json!({}), run);
    if let Value::Object(fields) = &mut object {
        let dialect = recorder.claim().map(|claim| claim.dialect.name);
        fields.insert("dialect".into(), json!(dialect));
        fields.insert("left_out".into(), json!(recorder.left_out().sentences()));
        if all.len() > 1 {
            fields.insert("runs".into(), all.iter().map(run).collect());
        }
    }
    object
}

/// Each series by its name in the file, and the rate by its own.
fn series(recording: &Recording) -> Map<String, Value> {
    let named = recording.series.iter().filter(|named| !named.points.is_empty());
    named
        .map(|named| {
            let first =
                named.points.finest().next().map(|bucket| bucket.first).filter(|value| value.is_finite());
            let last = named.points.last().map(|sample| sample.value).filter(|value| value.is_finite());
            let key = match named.role {
                Role::Main(Column::Lr) => "learning_rate".to_owned(),
                _ => named.name.clone(),
            };
            let entry =
                json!({ "points": named.points.len(), "first": first, "last": last, "name": named.name });
            (key, entry)
        })
        .collect()
}

/// What a person reads of a recording.
fn page(recorder: &Recorder, name: &str, recording: &Recording, found: &[Recorded]) -> String {
    let dialect = recorder.claim().map_or("", |claim| claim.dialect.name);
    let series: Vec<_> = recording.series.iter().filter(|named| !named.points.is_empty()).collect();
    let widest = series.iter().map(|named| named.name.chars().count()).max().unwrap_or(0).clamp(6, 40);
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.6e}"));
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = writeln!(text, "{name} ({dialect}): {} {}", recording.length(), recording.tick.plural());
    let _ = writeln!(
        text,
        "  {:<widest$}  {:>9}  {:>13}  {:>13}  {:>13}  {:>13}",
        "series", "points", "first", "last", "least", "greatest"
    );
    for named in series {
        let bounds = named.points.finite_bounds(0..=u64::MAX);
        let _ = writeln!(
            text,
            "  {:<widest$}  {:>9}  {:>13}  {:>13}  {:>13}  {:>13}",
            named.name,
            named.points.len(),
            number(named.points.finest().next().map(|bucket| bucket.first)),
            number(named.points.last().map(|sample| sample.value)),
            number(bounds.map(|(least, _)| least)),
            number(bounds.map(|(_, greatest)| greatest)),
        );
    }
    if found.is_empty() {
        text.push_str("  nothing was found to go wrong\n");
    }
    for found in found {
        let _ = writeln!(text, "  at {} {}: {}", recording.tick.singular(), found.update, found.sentence);
    }
    text
}
