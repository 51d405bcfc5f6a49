//! Texts of other frameworks against what their own schedulers give: `tests/golden/peers.py` made the values.

use serde_json::Value;

use super::*;

#[test]
fn every_peers_text_has_the_rates_of_its_own_scheduler() {
    let entries: Vec<Value> = serde_json::from_str(include_str!("../../golden/peers.json")).unwrap();
    assert!(entries.len() >= 24);
    let mut wrong = Vec::new();
    for entry in &entries {
        let name = entry["name"].as_str().unwrap();
        let rates: Vec<f64> =
            entry["rates"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect();
        let by_epoch = entry["unit"] == "epoch";
        let per_epoch = if by_epoch { 4 } else { 1 };
        let updates_per_epoch = (!by_epoch).then_some(1.0);
        let options = Options { updates_per_epoch, ..Options::default() };
        let imported = match import(entry["text"].as_str().unwrap(), &options) {
            Ok(imported) => imported,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let clock = Clock { updates: per_epoch * rates.len() as u64, updates_per_epoch: per_epoch };
        let curve = imported.lr.resolve(clock).unwrap_or_else(|error| panic!("{name}: {error}"));
        let tolerance = entry["tolerance"].as_f64().unwrap();
        let top = rates.iter().copied().fold(0.0, f64::max);
        for (tick, rate) in rates.iter().enumerate() {
            let ours = curve.at(tick as u64 * per_epoch);
            if (ours - rate).abs() > tolerance * top {
                wrong.push(format!("{name}: {ours} for {rate} at {tick} of {}", imported.lr.kind.name()));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
