//! `report.html` of a real training: every figure of its tables worked out again from the CSV files beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Fixture;

/// One row of `metrics.csv` or `baseline.csv`.
struct Row {
    lr: f64,
    train_loss: f64,
    grad_norm: f64,
    /// Update, loss and accuracy.
    validation: Option<(u64, f64, f64)>,
}

/// A run's replicas, each with its rows in order.
type Runs = BTreeMap<String, BTreeMap<u32, Vec<Row>>>;

fn measured(path: &Path) -> Runs {
    let mut runs = Runs::new();
    for record in csv::Reader::from_path(path).unwrap().records() {
        let record = record.unwrap();
        // What was measured in single precision is read as such: the tables are made of the exact values.
        let single = |at: usize| f64::from(record[at].parse::<f32>().unwrap());
        let update: u64 = record[2].parse().unwrap();
        let row = Row {
            lr: record[4].parse().unwrap(),
            train_loss: single(6),
            grad_norm: single(7),
            validation: (!record[9].is_empty()).then(|| (update, single(9), single(10))),
        };
        let lanes = runs.entry(record[0].to_owned()).or_default();
        let rows = lanes.entry(record[1].parse().unwrap()).or_default();
        assert_eq!(rows.len() as u64, update, "updates in order");
        rows.push(row);
    }
    runs
}

/// A table of the page: the numbers of a row's cells, by the name at its head. What a reader sees is those
/// numbers, rounded.
fn table(page: &str, id: &str) -> BTreeMap<String, Vec<Option<f64>>> {
    let number = |(attributes, text): &(String, String)| {
        let value: f64 = attributes.split("data-value=\"").nth(1)?.split('"').next()?.parse().ok()?;
        assert!(shows(text, value), "{id}: {text:?} stands for {value}");
        Some(value)
    };
    cells(page, id).into_iter().map(|(name, cells)| (name, cells.iter().map(number).collect())).collect()
}

/// The attributes and the text of a row's cells, by the name at its head.
fn cells(page: &str, id: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let body =
        page.split(&format!("<table id=\"{id}\">")).nth(1).expect("the table").split("</table>").next();
    let body = body.unwrap().split("</thead>").nth(1).expect("a head");
    let cell = |cell: &str| {
        let (attributes, text) = cell.split("</td>").next().unwrap().split_once('>').unwrap();
        (attributes.to_owned(), text.to_owned())
    };
    let row = |row: &str| {
        let head = row.split("<th scope=\"row\"").nth(1).unwrap();
        let (head, cells) = head.split_once("</th>").unwrap();
        (head.split_once('>').unwrap().1.to_owned(), cells.split("<td").skip(1).map(cell).collect())
    };
    body.split("</tr>").filter(|text| text.contains("<th")).map(row).collect()
}

/// Whether a text begins with this number, in at least three digits; or with its percentage, in one decimal.
fn shows(text: &str, value: f64) -> bool {
    let first: f64 = text.split(' ').next().unwrap().parse().unwrap();
    if text.ends_with('%') {
        return (first / 100.0 - value).abs() <= 0.0005 + 1e-9;
    }
    (first - value).abs() <= 5e-3 * value.abs()
}

/// The number behind the sign of a cell's spread.
fn spread(text: &str) -> Option<f64> {
    text.split(" ± ").nth(1)?.parse().ok()
}

fn deviation(values: &[f64]) -> f64 {
    let center = mean(values);
    (values.iter().map(|value| (value - center).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

#[track_caller]
fn near(found: Option<f64>, expected: Option<f64>, what: &str) {
    match (found, expected) {
        (Some(found), Some(expected)) => {
            let off = (found - expected).abs();
            assert!(off <= 1e-9 * expected.abs().max(1e-6), "{what}: {expected} expected, found {found}");
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

/// The last, and the best, over a lane's validations.
fn last(rows: &[Row]) -> (u64, f64, f64) {
    rows.iter().rev().find_map(|row| row.validation).expect("a validation")
}

fn best(rows: &[Row], of: fn((u64, f64, f64)) -> f64, better: fn(f64, f64) -> f64) -> f64 {
    rows.iter().filter_map(|row| row.validation).map(of).reduce(better).expect("a validation")
}

/// Losses over three times the average, with weights falling by 0.98, of those before; the first 20 apart.
fn spikes(rows: &[Row]) -> f64 {
    let mut count = 0;
    for at in 20..rows.len() {
        let past = || rows[..at].iter().rev().zip(0..).map(|(row, age)| (row.train_loss, 0.98_f64.powi(age)));
        let weight: f64 = past().map(|(_, weight)| weight).sum();
        let average = past().map(|(loss, weight)| loss * weight).sum::<f64>() / weight;
        count += usize::from(rows[at].train_loss > 3.0 * average);
    }
    count as f64
}

/// The chance of a t at least so far from zero, by Simpson's rule over the density with 4 degrees of freedom.
fn p_of_five_pairs(t: f64) -> f64 {
    let density = |x: f64| 0.375 * (1.0 + x * x / 4.0).powf(-2.5);
    let steps = 20_000;
    let h = t / f64::from(steps);
    let inner: f64 =
        (1..steps).map(|at| density(h * f64::from(at)) * if at % 2 == 1 { 4.0 } else { 2.0 }).sum();
    1.0 - 2.0 * h / 3.0 * (density(0.0) + inner + density(t))
}

#[test]
#[cfg_attr(debug_assertions, ignore = "trains 45 runs: run it with --release")]
fn every_figure_of_the_report_follows_from_the_csv_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fashion-decay.toml");
    // Shorter than the experiment is, and all its runs and seeds.
    let text = fs::read_to_string(file).unwrap().with("\"2500\"", "\"500\"");
    let (file, out) = (folder.path().join("fashion.toml"), folder.path().join("out"));
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
    let done = command.arg("train").arg(&file).arg("--out").arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let (runs, trials) = (measured(&out.join("metrics.csv")), measured(&out.join("baseline.csv")));
    assert_eq!(runs.len(), 6);
    assert!(runs.values().chain(trials.values()).all(|lanes| lanes.len() == 5));
    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    let seconds = summary["runs"][0]["seconds"].as_f64().unwrap();

    let final_accuracy =
        |lanes: &BTreeMap<u32, Vec<Row>>| -> Vec<f64> { lanes.values().map(|rows| last(rows).2).collect() };
    // The baseline: the best of the constant rates.
    let tried = table(&page, "baseline");
    assert_eq!(tried.len(), trials.len());
    let mut tuned: Option<&BTreeMap<u32, Vec<Row>>> = None;
    for lanes in trials.values() {
        let diverged = lanes.values().flatten().any(|row| !row.train_loss.is_finite());
        let found = tried
            .values()
            .any(|cells| cells[0].is_some_and(|cell| (cell - mean(&final_accuracy(lanes))).abs() < 1e-9));
        assert!(found || diverged);
        if !diverged && tuned.is_none_or(|best| mean(&final_accuracy(lanes)) > mean(&final_accuracy(best))) {
            tuned = Some(lanes);
        }
    }
    let tuned = tuned.expect("a rate that trains");
    let target = mean(&final_accuracy(tuned));

    let results_shown = cells(&page, "results");
    let (results, differences) = (table(&page, "results"), table(&page, "differences"));
    let (stability, rates) = (table(&page, "stability"), table(&page, "rates"));
    assert_eq!((results.len(), differences.len(), stability.len(), rates.len()), (7, 6, 7, 7));
    for (name, lanes) in
        runs.iter().map(|(name, lanes)| (name.as_str(), lanes)).chain([("constant, tuned", tuned)])
    {
        let over = |of: &dyn Fn(&[Row]) -> f64| {
            let values: Vec<f64> = lanes.values().map(|rows| of(rows)).collect();
            Some(mean(&values))
        };
        let spreads: Vec<Option<f64>> = results_shown[name].iter().map(|(_, text)| spread(text)).collect();
        let values = |of: &dyn Fn(&[Row]) -> f64| lanes.values().map(|rows| of(rows)).collect::<Vec<f64>>();
        for (at, expected) in [
            (0, deviation(&values(&|rows| last(rows).1))),
            (2, deviation(&values(&|rows| last(rows).2))),
            (4, deviation(&values(&|rows| rows[rows.len() - 1].train_loss))),
        ] {
            let found = spreads[at].unwrap_or_else(|| panic!("{name}: no spread"));
            assert!((found - expected).abs() <= 0.06 * expected, "{name}, {at}: ± {expected}, found {found}");
        }
        let cells = &results[name];
        near(cells[0], over(&|rows| last(rows).1), &format!("{name}: final loss"));
        near(cells[1], over(&|rows| best(rows, |v| v.1, f64::min)), &format!("{name}: best loss"));
        near(cells[2], over(&|rows| last(rows).2), &format!("{name}: final accuracy"));
        near(cells[3], over(&|rows| best(rows, |v| v.2, f64::max)), &format!("{name}: best accuracy"));
        near(cells[4], over(&|rows| rows[rows.len() - 1].train_loss), &format!("{name}: training loss"));
        let reached: Vec<f64> = lanes
            .values()
            .filter_map(|rows| rows.iter().filter_map(|row| row.validation).find(|v| v.2 >= target))
            .map(|(update, ..)| update as f64 + 1.0)
            .collect();
        near(cells[5], median(reached.clone()), &format!("{name}: updates to target"));
        let time = reached.iter().map(|updates| seconds * updates / 500.0).collect();
        near(cells[6], median(time), &format!("{name}: seconds to target"));
        near(cells[7], Some(reached.len() as f64), &format!("{name}: seeds there"));

        let cells = &stability[name];
        let all = || lanes.values().flatten();
        let diverged = lanes.values().filter(|rows| rows.iter().any(|row| !row.train_loss.is_finite()));
        near(cells[0], Some(diverged.count() as f64), &format!("{name}: diverged"));
        near(cells[1], Some(lanes.values().map(|rows| spikes(rows)).sum()), &format!("{name}: spikes"));
        let greatest = all().map(|row| row.grad_norm).fold(0.0, f64::max);
        near(cells[2], Some(greatest), &format!("{name}: gradient norm"));
        near(cells[3], Some(0.0), &format!("{name}: nothing clips here"));

        let cells = &rates[name];
        let used: Vec<f64> = lanes[&0].iter().map(|row| row.lr).collect();
        let variance = mean(&used.iter().map(|rate| (rate - mean(&used)).powi(2)).collect::<Vec<_>>());
        let changes = used.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let lowest = used.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = used.iter().copied().fold(0.0, f64::max);
        let expected = [500.0, lowest, mean(&used), highest, variance.sqrt(), changes as f64];
        for (at, expected) in expected.into_iter().enumerate() {
            let near_zero = at == 4 && expected < 1e-9 && cells[at].is_some_and(|found| found < 1e-9);
            assert!(
                near_zero || (cells[at].unwrap() - expected).abs() <= 1e-9 * expected.max(1e-6),
                "{name}, {at}"
            );
        }
        if name == "constant, tuned" {
            continue;
        }
        let cells = &differences[name];
        let each: Vec<f64> =
            final_accuracy(lanes).iter().zip(final_accuracy(tuned)).map(|(run, base)| run - base).collect();
        let center = mean(&each);
        near(cells[0], Some(center), &format!("{name}: difference"));
        let wins = each.iter().filter(|difference| **difference > 0.0).count();
        near(cells[3], Some(wins as f64), &format!("{name}: seeds won"));
        let error = (each.iter().map(|value| (value - center).powi(2)).sum::<f64>() / 4.0 / 5.0).sqrt();
        // The 97.5th percentile of t with 4 degrees of freedom.
        let reach = 2.776_445_105 * error;
        for (at, expected) in
            [(1, center - reach), (2, center + reach), (4, p_of_five_pairs((center / error).abs()))]
        {
            assert!((cells[at].unwrap() - expected).abs() < 1e-7, "{name}, {at}: {expected} {:?}", cells[at]);
        }
    }
}
