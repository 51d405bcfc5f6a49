//! `anneal find-lr`: the learning-rate range test.

use std::sync::Arc;

use serde_json::json;

use super::{Failure, FindLrArgs, headless, output, read};
use crate::analysis::range_test::{Options, Proof, RangeTest, prove, range_test};

pub fn run(args: &FindLrArgs) -> Result<(), Failure> {
    let experiment = read(&args.file)?;
    let pool = Arc::new(crate::train::pool(Some(headless::cores()))?);
    let options = Options { updates: args.updates, seeds: args.seeds, ..Options::default() };
    let mut tests = Vec::new();
    for run in &experiment.runs {
        if args.run.as_ref().is_some_and(|name| *name != run.name) {
            continue;
        }
        let test = range_test(&experiment, &run.name, &options, &pool)?;
        let proof = match test.recommended() {
            Some(rate) if args.prove => Some(prove(&experiment, &run.name, rate, args.seeds, &pool)?),
            _ => None,
        };
        tests.push((test, proof));
    }
    if tests.is_empty() {
        return Err(Failure::BadFile(anyhow::anyhow!(
            "there is no run of that name in {}",
            args.file.display()
        )));
    }
    let text = if args.json {
        serde_json::to_string_pretty(
            &tests.iter().map(|(test, proof)| as_json(test, proof.as_ref())).collect::<Vec<_>>(),
        )? + "\n"
    } else {
        tests.iter().map(|(test, proof)| table(test, proof.as_ref())).collect()
    };
    Ok(output::print(&text)?)
}

fn table(test: &RangeTest, proof: Option<&Proof>) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.3e}"));
    let decades =
        |decades: Option<f64>| decades.map_or_else(|| "-".to_owned(), |decades| format!("{decades:.2}"));
    let mut text = format!("run \"{}\", {} seeds\n", test.run, test.curves.len());
    text += &format!("  {:<16} {:>10}  {:>16}  what it looks for\n", "rule", "suggests", "spread (decades)");
    for (rule, spread) in &test.suggestions {
        text += &format!(
            "  {:<16} {:>10}  {:>16}  {}\n",
            rule.name(),
            rate(spread.median),
            decades(spread.decades),
            rule.help()
        );
    }
    text += &format!(
        "  {:<16} {:>10}  {:>16}\n",
        "stability limit",
        rate(test.limit.median),
        decades(test.limit.decades)
    );
    text += &format!("  use as peak: {}\n", rate(test.recommended()));
    for seed in proof.iter().flat_map(|proof| &proof.seeds) {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        text += &format!(
            "  proof, seed {}: validation loss {}, accuracy {}\n",
            seed.seed,
            number(seed.val_loss),
            number(seed.val_accuracy)
        );
    }
    text
}

fn as_json(test: &RangeTest, proof: Option<&Proof>) -> serde_json::Value {
    let suggestions: Vec<_> = test
        .suggestions
        .iter()
        .map(|(rule, spread)| {
            json!({ "rule": rule.name(), "rate": spread.median, "per_seed": spread.per_seed, "decades": spread.decades })
        })
        .collect();
    let curves: Vec<_> = test
        .curves
        .iter()
        .map(|curve| json!({ "seed": curve.seed, "rates": curve.rates, "losses": curve.losses }))
        .collect();
    let proof = proof.map(|proof| {
        let seeds: Vec<_> = proof
            .seeds
            .iter()
            .map(|seed| json!({ "seed": seed.seed, "val_loss": seed.val_loss, "val_accuracy": seed.val_accuracy, "diverged_at": seed.diverged_at }))
            .collect();
        json!({ "rate": proof.rate, "seeds": seeds })
    });
    json!({
        "run": test.run,
        "recommended": test.recommended(),
        "suggestions": suggestions,
        "stability_limit": test.limit.median,
        "curves": curves,
        "proof": proof,
    })
}
