//! The audit report: every table recomputed from the raw rows, and the page as a page.

use std::collections::HashMap;

use anneal_studio::analysis::audit::{Audit, Measure, RunRecord, Tally};
use anneal_studio::analysis::baseline;
use anneal_studio::analysis::report::html;
use anneal_studio::telemetry::{Row, Validation};
use anneal_studio::train::cohort::Cohort;

use anneal_studio::jobs::Progress;
use anneal_studio::train::task::prepare;

use super::{cohort, experiment, pool};

fn trained() -> Cohort {
    let mut experiment = experiment("digits-cosine-vs-constant");
    experiment.train.clip_norm = Some(1.0);
    let mut cohort = cohort(experiment);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

/// The cells of a table of the page: run -> data-value of each cell, none where there is none.
fn table(page: &str, id: &str) -> HashMap<String, Vec<Option<f64>>> {
    let body = page.split(&format!("<table id=\"{id}\">")).nth(1).unwrap().split("</table>").next().unwrap();
    let body = body.split("</thead>").nth(1).unwrap();
    let row = |row: &str| {
        let name = row.split("<th scope=\"row\">").nth(1).unwrap().split("</th>").next().unwrap();
        let cells = row.split("<td").skip(1).map(|cell| {
            let value = cell.split("data-value=\"").nth(1)?.split('"').next()?;
            Some(value.parse().unwrap())
        });
        (name.to_owned(), cells.collect())
    };
    body.split("</tr>").filter(|text| text.contains("<th")).map(row).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.expect("a value");
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-9),
        "{expected} expected, found {found}"
    );
}

#[test]
fn the_tables_are_what_the_raw_rows_come_to() {
    let cohort = trained();
    let audit = Audit::of("digits", RunRecord::all(&cohort), 0);
    let page = html(&audit);
    let (results, differences) = (table(&page, "results"), table(&page, "differences"));
    let (stability, rates) = (table(&page, "stability"), table(&page, "rates"));
    assert_eq!((results.len(), differences.len()), (3, 2));
    let lanes = |run: usize| &cohort.lanes()[3 * run..3 * run + 3];
    let finals = |run: usize| -> Vec<f64> {
        lanes(run)
            .iter()
            .map(|lane| f64::from(lane.log.validations().last().unwrap().accuracy.unwrap()))
            .collect()
    };
    let target = mean(&finals(0));
    for (run, name) in ["constant", "warmup + cosine", "one-cycle"].into_iter().enumerate() {
        let last = |f: &dyn Fn(&Validation) -> f64| {
            mean(
                &lanes(run).iter().map(|lane| f(&lane.log.validations().last().unwrap())).collect::<Vec<_>>(),
            )
        };
        let line = &results[name];
        near(line[0], last(&|v| v.loss.into()));
        let best = |lane: &anneal_studio::train::lane::Lane| {
            lane.log.validations().map(|v| f64::from(v.loss)).fold(f64::INFINITY, f64::min)
        };
        near(line[1], mean(&lanes(run).iter().map(best).collect::<Vec<_>>()));
        near(line[2], mean(&finals(run)));
        near(
            line[4],
            mean(
                &lanes(run)
                    .iter()
                    .map(|lane| f64::from(lane.log.rows.last().unwrap().train_loss))
                    .collect::<Vec<_>>(),
            ),
        );
        let mut there: Vec<f64> = lanes(run)
            .iter()
            .filter_map(|lane| {
                let hit = lane.log.validations().find(|v| f64::from(v.accuracy.unwrap()) >= target)?;
                Some(hit.update as f64 + 1.0)
            })
            .collect();
        there.sort_by(f64::total_cmp);
        near(line[7], there.len() as f64);
        if there.len() == 3 {
            near(line[5], there[1]);
        }
        assert_eq!(line[6], None, "no seconds were measured");
        let clipped = lanes(run).iter().flat_map(|l| &l.log.rows).filter(|row| row.grad_norm > 1.0).count();
        let updates = lanes(run).iter().map(|l| l.log.rows.len()).sum::<usize>();
        near(stability[name][3], clipped as f64 / updates as f64);
        let peak = lanes(run)
            .iter()
            .flat_map(|l| &l.log.rows)
            .map(|row| f64::from(row.grad_norm))
            .fold(0.0, f64::max);
        near(stability[name][2], peak);
        let used: Vec<f64> = lanes(run)[0].log.rows.iter().map(|row| row.lr).collect();
        let changes = used.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let variance = mean(&used.iter().map(|rate| (rate - mean(&used)).powi(2)).collect::<Vec<_>>());
        for (at, expected) in [
            (0, used.len() as f64),
            (1, used.iter().copied().fold(f64::INFINITY, f64::min)),
            (2, mean(&used)),
            (3, used.iter().copied().fold(0.0, f64::max)),
            (5, changes as f64),
        ] {
            near(rates[name][at], expected);
        }
        assert!((rates[name][4].unwrap() - variance.sqrt()).abs() < 1e-9);
        if run > 0 {
            let each: Vec<f64> = finals(run).iter().zip(finals(0)).map(|(a, b)| a - b).collect();
            let line = &differences[name];
            near(line[0], mean(&each));
            near(line[3], each.iter().filter(|difference| **difference > 0.0).count() as f64);
            // With three pairs the t-test has a closed form: p = 1 - t / sqrt(t^2 + 2).
            let deviation = (each.iter().map(|d| (d - mean(&each)).powi(2)).sum::<f64>() / 2.0).sqrt();
            let t = (mean(&each) / (deviation / 3.0_f64.sqrt())).abs();
            assert!((line[4].unwrap() - (1.0 - t / (t * t + 2.0).sqrt())).abs() < 1e-9, "{line:?}");
            let reach = 4.302_652_73 * deviation / 3.0_f64.sqrt();
            assert!((line[2].unwrap() - mean(&each) - reach).abs() < 1e-6);
        }
    }
}

#[test]
fn the_page_stands_alone_and_every_element_is_closed() {
    let mut records = RunRecord::all(&trained());
    records[1].name = "<script>alert('&')</script>".into();
    let page = html(&Audit::of("a \"title\" & <more>", records, 0));
    for absent in ["<script", "http://", "https://", "src=", "@import", "url(", "NaN", "inf\""] {
        assert!(!page.contains(absent), "{absent}");
    }
    for present in [
        "prefers-color-scheme: dark",
        "@media print",
        "&lt;script&gt;",
        "<title>a &quot;title&quot; &amp; &lt;more&gt;",
    ] {
        assert!(page.contains(present), "{present}");
    }
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && !["!DOCTYPE", "meta"].contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    assert_eq!(page.matches("<figure>").count(), 3);
    if let Ok(path) = std::env::var("AUDIT_PAGE") {
        std::fs::write(path, &page).unwrap();
    }
}

fn row(update: u64, lr: f64, train_loss: f32) -> Row {
    Row { update, lr, momentum: 0.9, train_loss, grad_norm: 1.0, update_norm: 0.1, ..Row::default() }
}

fn record(name: &str, accuracies: &[f32]) -> RunRecord {
    let lanes = accuracies.iter().enumerate().map(|(seed, &accuracy)| {
        let mut rows: Vec<Row> = (0..10).map(|update| row(update, 0.1, 1.0)).collect();
        (rows[9].val_loss, rows[9].val_accuracy) = (Some(1.0 - accuracy), Some(accuracy));
        Tally::of(seed as u64, None, &rows)
    });
    RunRecord { name: name.into(), schedule: String::new(), lanes: lanes.collect() }
}

#[test]
fn a_difference_is_called_what_it_is() {
    let verdict = |base: &[f32], run: &[f32]| {
        let audit = Audit::of("t", vec![record("base", base), record("run", run)], 0);
        audit.lines[1].difference.clone().unwrap().verdict
    };
    let base = [0.80, 0.81, 0.79, 0.80, 0.82];
    assert!(
        verdict(&base, &[0.85, 0.86, 0.845, 0.85, 0.87])
            .starts_with("Better in 5 of 5 seeds, and more than noise")
    );
    assert!(
        verdict(&base, &[0.75, 0.76, 0.745, 0.75, 0.77])
            .starts_with("Worse in 5 of 5 seeds, and more than noise")
    );
    assert!(verdict(&base, &[0.81, 0.78, 0.83, 0.79, 0.83]).contains("may be noise"));
    assert_eq!(verdict(&base, &base), "No difference.");
    assert!(verdict(&base[..1], &[0.9]).starts_with("One seed cannot"));
    // Pairs are of the same seed; a diverged seed is left out.
    let audit = Audit::of("t", vec![record("base", &base), record("run", &[f32::NAN, 0.9])], 0);
    assert_eq!(audit.lines[1].difference.as_ref().unwrap().pairs, 1);
    assert!(html(&Audit::of("nothing", Vec::new(), 3)).contains("No run was trained"));
}

#[test]
fn a_tally_counts_spikes_divergence_and_keeps_few_rates() {
    let mut rows: Vec<Row> = (0..5000).map(|update| row(update, 1e-3 * update as f64, 1.0)).collect();
    rows[10].train_loss = 50.0;
    rows[700].train_loss = 10.0;
    rows[4000].train_loss = f32::INFINITY;
    rows[4001].train_loss = f32::NAN;
    let tally = Tally::of(0, Some(0.5), &rows);
    assert_eq!((tally.spikes, tally.diverged_at, tally.clipped), (1, Some(4000), 5000));
    assert!(tally.rates.len() <= 1024 && tally.rates.len() > 500);
    assert!(tally.rates.windows(2).all(|pair| pair[1].0 - pair[0].0 == tally.rates[1].0));
    assert_eq!(tally.last(Measure::Loss), None);
}

#[test]
fn the_baseline_is_the_best_constant_rate_of_its_grid() {
    let mut experiment = experiment("digits-cosine-vs-constant");
    experiment.train.replicas = 2;
    let prepared = prepare(&experiment).unwrap();
    let mut updates = 0;
    let tuned = baseline::tune(&experiment, &prepared, &pool(2), &Progress::default(), |_, lane| {
        updates += lane.log.rows.len();
    })
    .unwrap();
    let whole = cohort(experiment.clone()).task().clock.updates as usize;
    assert_eq!(updates, tuned.tried.len() * 2 * whole, "every rate is trained to the end");
    assert!(tuned.tried.windows(2).all(|pair| pair[0].0 < pair[1].0), "{:?}", tuned.tried);
    let best = tuned.tried.iter().filter_map(|(_, result)| *result).fold(0.0, f64::max);
    let at = tuned.tried.iter().position(|(rate, _)| *rate == tuned.rate).unwrap();
    assert_eq!(tuned.tried[at].1, Some(best));
    assert!(at > 0 && at + 1 < tuned.tried.len(), "worse rates on both sides: {:?}", tuned.tried);
    assert!(best > 0.95, "{:?}", tuned.tried);
    assert_eq!(tuned.record.lanes.len(), 2);
    assert_eq!(tuned.record.lanes[0].rate_changes, 0);
}

/// The text between a table's tags, without markup, row by row.
fn cells(page: &str, id: &str) -> Vec<Vec<String>> {
    let table = page.split(&format!("<table id=\"{id}\">")).nth(1).unwrap_or_else(|| panic!("{id}: {page}"));
    let table = table.split("</table>").next().unwrap();
    let text =
        |cell: &str| cell.split_once('>').map_or("", |(_, text)| text.split('<').next().unwrap()).to_owned();
    table.split("<tr>").skip(1).map(|row| row.split("<t").skip(1).map(text).collect()).collect()
}

#[test]
fn the_report_has_a_section_on_the_scenario_and_a_plain_training_has_none() {
    let page = |text: &str| {
        let mut cohort = crate::support::cohort(text, 2);
        cohort.advance(u64::MAX, u64::MAX).unwrap();
        let records = RunRecord::all(&cohort);
        html(&Audit::of_runs(&cohort.revision().experiment, records))
    };
    let text = |data: &str, train: &str, section: &str| {
        format!(
            "anneal = 1\nname = \"s\"\n{section}\n[data]\nname = \"digits\"\nbatch_size = 16\nlimit = 400\n{data}\n[model]\nkind = \
             \"mlp\"\nhidden = [8]\n[train]\nupdates = \"60\"\nreplicas = 2\n{train}\n[[run]]\nname = \"r\"\noptimizer = {{ kind = \
             \"sgd\" }}\nlr = {{ kind = \"constant\", peak = 0.1 }}\n"
        )
    };
    assert!(!page(&text("", "", "")).contains("Scenario"));
    let phases = "phase = [{ name = \"a<b\", for = \"50%\", classes = [0, 1] }, { name = \"c\", poison = { share = 0.4, to = 0 } }]";
    for (data, train, section, told, columns) in [
        (
            phases,
            "",
            "",
            "“a&lt;b” (50%, classes 0, 1); “c” (the rest, 40 % labelled as class 0)",
            vec!["Prequential loss"],
        ),
        (
            "label_noise = 0.3",
            "stop = { patience = 1, min_delta = 9 }",
            "",
            "30 % of the training labels",
            vec![
                "Accuracy on clean training labels",
                "Accuracy on wrong training labels",
                "Updates until it stopped",
            ],
        ),
        (
            "",
            "",
            "[federated]\nclients = 4\nshare = 0.5\nlocal = \"5\"\nskew = 0.3",
            "4 clients, 2 of them in a round of 5 local updates, classes dealt out with skew 0.3.",
            vec!["Spread of losses", "Drift of members"],
        ),
        (
            "",
            "",
            "[parallel]\nworkers = 2\nfault = { worker = 1, lr_factor = 1.5 }",
            "2 workers average the gradients of every update; worker 1 has 1.5 times the rate.",
            vec!["Drift of members"],
        ),
        (
            "",
            "weights = \"bf16\"",
            "",
            "Weights are stored in bf16, rounded to the nearest number.",
            vec!["Rounded away"],
        ),
        (
            "",
            "gradients = \"f16\"\nloss_scale = 64",
            "",
            "Gradients are stored in f16, under a loss scale of 64.",
            vec!["Loss scale", "Gradient underflow"],
        ),
        (
            "",
            "attack = { kind = \"fgsm\", eps = 0.1 }",
            "",
            "attacked by fgsm within 0.1.",
            vec!["Robust accuracy"],
        ),
    ] {
        let page = page(&text(data, train, section));
        assert!(page.contains("<h2>Scenario</h2>") && page.contains(told), "{told}: {page}");
        let table = cells(&page, "scenario");
        for column in columns {
            let at = table[0]
                .iter()
                .position(|head| head == column)
                .unwrap_or_else(|| panic!("{column}: {table:?}"));
            assert!(table[1][at].contains(" ± "), "{column}: {table:?}");
        }
        if data == phases {
            let table = cells(&page, "phases");
            let number = |text: &str| text.split(' ').next().unwrap().parse::<f64>().unwrap();
            assert_eq!((table.len(), table[1][0].as_str()), (3, "r, a&lt;b"));
            let [best, last, lost] = [1, 2, 3].map(|at| number(&table[1][at]));
            assert!(best >= last && (best - last - lost).abs() < 2e-3, "{table:?}");
        }
    }
}
