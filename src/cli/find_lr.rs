//! `anneal find-lr`: the learning-rate range test.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{Failure, output, read};
use crate::analysis::proof::{Proof, Under, neighbours, prove};
use crate::analysis::range_test::{Options, RangeTest, range_test};
use crate::analysis::suggest::Rule;

/// What `anneal find-lr` is given.
#[derive(Args)]
pub struct Arguments {
    pub file: PathBuf,
    /// Only this run.
    #[arg(long)]
    pub run: Option<String>,
    /// Updates of the sweep.
    #[arg(long, default_value_t = 200)]
    pub updates: usize,
    /// Seeds, swept side by side.
    #[arg(long, default_value_t = 3)]
    pub seeds: usize,
    /// Train the suggestion as the peak of one cycle, beside a third and three times of it.
    #[arg(long)]
    pub prove: bool,
    /// Print JSON, curves included.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Arguments) -> Result<(), Failure> {
    let experiment = read(&args.file)?;
    let pool = Arc::new(crate::train::pool(Some(crate::machine::cores()))?);
    let options = Options { updates: args.updates, seeds: args.seeds, ..Options::default() };
    let mut tests = Vec::new();
    for run in &experiment.runs {
        if args.run.as_ref().is_some_and(|name| *name != run.name) {
            continue;
        }
        let test = range_test(&experiment, &run.name, &options, &pool)?;
        let proof = match test.recommended() {
            Some(rate) if args.prove => {
                prove(&experiment, &run.name, &neighbours(rate), args.seeds, Under::OneCycle, &pool)?
            }
            _ => Vec::new(),
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
            &tests.iter().map(|(test, proof)| as_json(test, proof)).collect::<Vec<_>>(),
        )? + "\n"
    } else {
        tests.iter().map(|(test, proof)| table(test, proof)).collect()
    };
    Ok(output::print(&text)?)
}

fn table(test: &RangeTest, proofs: &[Proof]) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.3e}"));
    let decades =
        |decades: Option<f64>| decades.map_or_else(|| "-".to_owned(), |decades| format!("{decades:.2}"));
    let mut text = format!("run \"{}\", {} seeds\n", crate::plain::name(&test.run), test.curves.len());
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
    text += &format!(
        "  use as peak: {} (the default; fastai's would be valley: {})\n",
        rate(test.recommended()),
        rate(test.suggestion(Rule::Valley))
    );
    for proof in proofs {
        for seed in &proof.seeds {
            let number =
                |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
            text += &format!(
                "  proof, peak {}, seed {}: validation loss {}, accuracy {}{}\n",
                rate(Some(proof.rate)),
                seed.seed,
                number(seed.val_loss),
                number(seed.val_accuracy),
                seed.diverged_at.map_or_else(String::new, |at| format!(", diverged at update {at}"))
            );
        }
    }
    text
}

fn as_json(test: &RangeTest, proofs: &[Proof]) -> serde_json::Value {
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
    let one = |proof: &Proof| {
        let seeds: Vec<_> = proof
            .seeds
            .iter()
            .map(|seed| json!({ "seed": seed.seed, "val_loss": seed.val_loss, "val_accuracy": seed.val_accuracy, "diverged_at": seed.diverged_at }))
            .collect();
        json!({ "rate": proof.rate, "seeds": seeds })
    };
    let proof: Vec<_> = proofs.iter().map(one).collect();
    json!({
        "run": test.run,
        "recommended": test.recommended(),
        "suggestions": suggestions,
        "stability_limit": test.limit.median,
        "curves": curves,
        "proof": proof,
    })
}
