//! Federated clients and data-parallel workers, against plain arithmetic in double precision.

use anneal_studio::data::{Prepared, Samples, Targets, client_order, epoch_order};
use anneal_studio::experiment::Experiment;
use anneal_studio::random::{Stream, rng, shuffle};
use anneal_studio::telemetry::{Column, Row};
use anneal_studio::train::checkpoint::{Checkpoint, Forget};
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;

use crate::support::{Fixture, cohort, pool, revision};

/// A linear classifier: its gradient is written down below.
const LINEAR: &str = r#"
anneal = 1
name = "team"
data = { name = "digits", batch_size = 16, limit = 640 }
model = { kind = "mlp", hidden = [] }
train = { updates = "40", seed = 3 }
TEAM
[[run]]
name = "sgd"
optimizer = { kind = "sgd", momentum = 0.5 }
lr = { kind = "linear", peak = 0.1, from = 1.0, to = 0.2 }
"#;

fn of(team: &str) -> String {
    LINEAR.with("TEAM", team)
}

fn trained(text: &str) -> Cohort {
    let mut cohort = cohort(text, 2);
    cohort.advance(u64::MAX, u64::MAX).unwrap();
    cohort
}

fn weights(cohort: &Cohort) -> Vec<f32> {
    cohort.weights(cohort.lanes()[0].id).unwrap().unwrap()
}

fn training(cohort: &Cohort) -> (&Samples, &[u32]) {
    let Prepared::Samples { train, .. } = &*cohort.task().prepared else { panic!() };
    let Targets::Classes { labels, .. } = &train.targets else { panic!() };
    (train, labels)
}

/// The mean cross-entropy of a linear classifier on some samples, and its gradient: `[64, 10]` weights, then biases.
fn gradient(cohort: &Cohort, at: &[f64], rows: &[u32]) -> (f64, Vec<f64>) {
    let (train, labels) = training(cohort);
    let (mut loss, mut gradient) = (0.0, vec![0.0; 650]);
    for row in rows {
        let input = train.sample(*row as usize).unwrap();
        let label = labels[*row as usize] as usize;
        let mut scores = at[640..].to_vec();
        for (feature, value) in input.iter().enumerate() {
            for (class, score) in scores.iter_mut().enumerate() {
                *score += f64::from(*value) * at[feature * 10 + class];
            }
        }
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - most).exp()).sum();
        loss += most + sum.ln() - scores[label];
        for (class, score) in scores.iter().enumerate() {
            let error = (score - most).exp() / sum - f64::from(u8::from(class == label));
            gradient[640 + class] += error;
            for (feature, value) in input.iter().enumerate() {
                gradient[feature * 10 + class] += error * f64::from(*value);
            }
        }
    }
    let count = rows.len() as f64;
    gradient.iter_mut().for_each(|value| *value /= count);
    (loss / count, gradient)
}

/// PyTorch's SGD.
fn step(at: &mut [f64], velocity: &mut [f64], gradient: &[f64], lr: f64) {
    for ((weight, velocity), gradient) in at.iter_mut().zip(velocity).zip(gradient) {
        *velocity = 0.5 * *velocity + gradient;
        *weight -= lr * *velocity;
    }
}

fn rate(update: u64) -> f64 {
    0.1 * (1.0 + (0.2 - 1.0) * update as f64 / 40.0)
}

#[track_caller]
fn close(found: &[f32], expected: &[f64], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs()),
            "{what}: {found} {expected}"
        );
    }
}

/// A server's step, its kind, momentum and second moment.
fn server(kind: &str, change: &[f64], m: &mut [f64], v: &mut [f64], at: &mut [f64]) {
    let tau = 0.01;
    for (((weight, change), m), v) in at.iter_mut().zip(change).zip(m).zip(v) {
        let square = change * change;
        match kind {
            "sgd" => {
                *m = 0.6 * *m + change;
                *weight += 0.8 * *m;
                continue;
            }
            "adagrad" => *v += square,
            "adam" => *v = 0.9 * *v + 0.1 * square,
            _ => *v -= 0.1 * square * (*v - square).signum(),
        }
        *m = 0.6 * *m + 0.4 * change;
        *weight += 0.05 * *m / (v.sqrt() + tau);
    }
}

#[test]
fn rounds_of_clients_are_what_the_papers_write_down() {
    for (kind, prox) in
        [("average", 0.0), ("sgd", 0.0), ("sgd", 0.3), ("adagrad", 0.0), ("adam", 0.1), ("yogi", 0.0)]
    {
        let lr = if kind == "sgd" { 0.8 } else { 0.05 };
        let step_of = match kind {
            "average" => String::new(),
            "sgd" => format!("server = {{ optimizer = \"sgd\", lr = {lr}, momentum = 0.6 }}\n"),
            _ => format!(
                "server = {{ optimizer = \"{kind}\", lr = {lr}, momentum = 0.6, beta2 = 0.9, tau = 0.01 }}\n"
            ),
        };
        let text = of(&format!(
            "[federated]\nclients = 7\nshare = 0.6\nlocal = \"6\"\nskew = 0.4\nprox = {prox}\n{step_of}"
        ));
        let begun = cohort(&text, 1);
        let mut at: Vec<f64> = weights(&begun).iter().map(|weight| f64::from(*weight)).collect();
        let (mut m, mut v) = (vec![0.0; 650], vec![1e-4; 650]);
        let team = begun.task().team.clone().unwrap();
        let mut dealt = [0_u64; 7];
        let mut losses = Vec::new();
        for round in 0..7 {
            let mut chosen: Vec<usize> = (0..7).collect();
            shuffle(&mut rng(3, Stream::Clients { round }), &mut chosen);
            chosen.truncate(4);
            chosen.sort_unstable();
            let updates = (round * 6..(round * 6 + 6).min(40)).collect::<Vec<_>>();
            let mut changed = Vec::new();
            let mut of_round = vec![0.0; updates.len()];
            for client in chosen {
                let rows = team.samples(client);
                let batch = rows.len().min(16);
                let (mut own, mut velocity) = (at.clone(), vec![0.0; 650]);
                for (local, update) in updates.iter().enumerate() {
                    let per_epoch = (rows.len() / batch) as u64;
                    let mut order = Vec::new();
                    client_order(3, client, dealt[client] / per_epoch, rows, &mut order);
                    let from = (dealt[client] % per_epoch) as usize * batch;
                    let (loss, mut slope) = gradient(&begun, &own, &order[from..from + batch]);
                    of_round[local] += loss / 4.0;
                    for ((slope, weight), server) in slope.iter_mut().zip(&own).zip(&at) {
                        *slope += prox * (weight - server);
                    }
                    step(&mut own, &mut velocity, &slope, rate(*update));
                    dealt[client] += 1;
                }
                changed.push((rows.len() as f64, own));
            }
            losses.extend(of_round);
            let all: f64 = changed.iter().map(|(samples, _)| samples).sum();
            let change: Vec<f64> = (0..650)
                .map(|place| {
                    changed.iter().map(|(samples, own)| samples / all * (own[place] - at[place])).sum()
                })
                .collect();
            if kind == "average" {
                at.iter_mut().zip(&change).for_each(|(weight, change)| *weight += change);
            } else {
                server(kind, &change, &mut m, &mut v, &mut at);
            }
        }
        let cohort = trained(&text);
        close(&weights(&cohort), &at, &format!("{kind}, prox {prox}"));
        let found: Vec<f32> = cohort.lanes()[0].log.rows.iter().map(|row| row.train_loss).collect();
        assert_eq!(found.len(), 40);
        close(&found, &losses, kind);
    }
}

#[test]
fn averaged_gradients_and_averaged_weights_are_what_they_say() {
    for every in [1, 5] {
        let text = of(&format!("[parallel]\nworkers = 4\nsync = \"every {every}\"\n"));
        let begun = cohort(&text, 1);
        assert_eq!(begun.task().clock.updates_per_epoch, 10);
        let start: Vec<f64> = weights(&begun).iter().map(|weight| f64::from(*weight)).collect();
        let mut workers = vec![(start, vec![0.0; 650]); 4];
        for update in 0..40_u64 {
            let slopes: Vec<Vec<f64>> = (0..4)
                .map(|worker| {
                    let dealt = update * 4 + worker;
                    let mut order = Vec::new();
                    epoch_order(3, dealt / 40, 640, &mut order);
                    let from = (dealt % 40) as usize * 16;
                    gradient(&begun, &workers[worker as usize].0, &order[from..from + 16]).1
                })
                .collect();
            let mean: Vec<f64> =
                (0..650).map(|place| slopes.iter().map(|own| own[place] / 4.0).sum()).collect();
            for ((at, velocity), slope) in workers.iter_mut().zip(&slopes) {
                step(at, velocity, if every == 1 { &mean } else { slope }, rate(update));
            }
            if every > 1 && (update + 1) % every == 0 {
                let mean: Vec<f64> =
                    (0..650).map(|place| workers.iter().map(|(at, _)| at[place] / 4.0).sum()).collect();
                workers.iter_mut().for_each(|(at, _)| at.clone_from(&mean));
            }
        }
        let cohort = trained(&text);
        close(&weights(&cohort), &workers[0].0, &format!("every {every}"));
        let drifts: Vec<f64> =
            cohort.lanes()[0].log.rows.iter().filter_map(|row| row.get(Column::MemberDrift)).collect();
        assert_eq!(drifts.len(), if every == 1 { 40 } else { 8 });
        assert!(drifts.iter().all(|drift| (*drift == 0.0) == (every == 1)), "{drifts:?}");
    }
}

/// Every fault of a worker, and every server.
fn teams() -> Vec<String> {
    let faults = ["lr_factor = 1.5", "stale = true", "dropped = true", "other_seed = true"];
    let parallel = ["every 1", "every 4"].into_iter().flat_map(move |sync| {
        faults.map(|fault| {
            format!("[parallel]\nworkers = 3\nsync = \"{sync}\"\nfault = {{ worker = 1, {fault} }}\n")
        })
    });
    let federated = ["sgd", "adam", "yogi", "adagrad"].map(|server| {
        format!(
            "[federated]\nclients = 5\nshare = 0.5\nlocal = \"7\"\nskew = 0.3\nprox = 0.1\nserver = {{ optimizer = \
             \"{server}\", momentum = 0.5, lr = {{ kind = \"cosine\", peak = 0.5 }} }}\n"
        )
    });
    parallel.chain(federated).collect()
}

fn bits(rows: &[Row]) -> Vec<Vec<Option<u64>>> {
    rows.iter().map(|row| Column::ALL.map(|column| row.get(column).map(f64::to_bits)).to_vec()).collect()
}

#[test]
fn teams_resume_to_the_same_bits_wherever_training_stops() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.safetensors");
    for team in teams() {
        let adam = "[[run]]\nname = \"adam\"\noptimizer = { kind = \"adamw\" }\nlr = { kind = \"cosine\", peak = 0.01 }\n";
        let text = of(&team).with("seed = 3", "seed = 3, replicas = 2, clip_norm = 1.0") + adam;
        let whole = trained(&text);
        for stop in [1, 6, 7, 8, 13, 20, 39] {
            let mut first = cohort(&text, 1);
            first.advance(stop, u64::MAX).unwrap();
            first.checkpoint().unwrap().save(&file).unwrap();
            let mut second = cohort(&text, 2);
            second.restore(&Checkpoint::open(&file).unwrap(), Forget::default()).unwrap();
            second.advance(u64::MAX, u64::MAX).unwrap();
            for (lane, other) in second.lanes().iter().zip(whole.lanes()) {
                assert_eq!(bits(&lane.log.rows), bits(&other.log.rows[stop as usize..]), "{team} at {stop}");
            }
            let rows = |cohort: &Cohort| cohort.rows().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(rows(&second), rows(&whole), "{team} at {stop}");
        }
    }
}

#[test]
fn a_team_gives_the_same_bits_on_any_number_of_cores() {
    for team in teams() {
        let on = |threads| {
            let mut cohort = cohort(&of(&team), threads);
            cohort.advance(u64::MAX, u64::MAX).unwrap();
            weights(&cohort).iter().map(|weight| weight.to_bits()).collect::<Vec<_>>()
        };
        let alone = on(1);
        assert!(on(2) == alone && on(5) == alone, "{team}");
    }
}

#[test]
fn a_worker_with_a_fault_drifts_from_the_others_and_without_one_nobody_does() {
    let drift = |fault: &str| {
        let cohort = trained(&of(&format!("[parallel]\nworkers = 4\n{fault}")));
        cohort.lanes()[0].log.rows.last().unwrap().member_drift.unwrap()
    };
    assert_eq!(drift(""), 0.0);
    for fault in ["lr_factor = 1.2", "stale = true", "dropped = true", "other_seed = true"] {
        let far = drift(&format!("fault = {{ worker = 2, {fault} }}\n"));
        assert!(far > 1e-3, "{fault}: {far}");
    }
}

#[test]
fn skew_and_longer_rounds_take_clients_further_apart() {
    for seed in 0..5 {
        let measured = |skew: &str, local: u64| {
            let text = of(&format!("[federated]\nclients = 10\nlocal = \"{local}\"\n{skew}"));
            let text =
                text.with("seed = 3", &format!("seed = {seed}")).with("momentum = 0.5", "momentum = 0.0");
            let cohort = trained(&text);
            let of = |column| {
                let rows = cohort.lanes()[0].log.rows.iter().filter_map(move |row| row.get(column));
                let all: Vec<f64> = rows.collect();
                all.iter().sum::<f64>() / all.len() as f64
            };
            (of(Column::MemberDrift), of(Column::MemberCosine))
        };
        let (alike, skewed) = (measured("", 10), measured("skew = 0.1\n", 10));
        assert!(skewed.0 > alike.0 && skewed.1 < alike.1, "seed {seed}: {alike:?} {skewed:?}");
        let short = measured("skew = 0.1\n", 2);
        assert!(short.0 < skewed.0, "seed {seed}: {short:?} {skewed:?}");
    }
}

#[test]
fn teams_are_written_as_they_are_read_and_what_cannot_be_is_refused_by_line() {
    for team in teams() {
        let experiment = Experiment::parse(&of(&team), "t.toml").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Experiment::parse(&experiment.to_toml(), "again.toml").unwrap(), experiment);
    }
    for (team, told) in [
        (
            "[federated]\nclients = 0",
            "t.toml:8:11: federated.clients: found 0, allowed: a whole number from 1 to 1024",
        ),
        ("[federated]\nclients = 4\nshare = 0", "t.toml:9:9: federated.share: found 0"),
        ("[federated]\nclients = 4\nskew = 0", "federated.skew: found 0, allowed: a number above 0"),
        ("[federated]\nclients = 4\nserver = { optimizer = \"adm\" }", "did you mean `adam`"),
        (
            "[parallel]\nworkers = 4\nsync = \"often\"",
            "t.toml:9:8: parallel.sync: found \"often\", allowed: \"every N\" updates",
        ),
        (
            "[parallel]\nworkers = 4\nfault = { worker = 4, stale = true }",
            "parallel.fault.worker: found 4, allowed: a whole number from 0 to below 4",
        ),
        ("[parallel]\nworkers = 4\nfault = { worker = 1, stale = true, dropped = true }", "exactly one of"),
        ("[parallel]\nworkers = 4\n[federated]\nclients = 4", "either [federated] or [parallel]"),
    ] {
        let error = Experiment::parse(&of(team), "t.toml").unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let federated = of("[federated]\nclients = 4");
    for (from, to, told) in [
        ("seed = 3", "accumulate = 2", "no train.accumulate beside it"),
        ("seed = 3", "weights = \"bf16\"", "train.weights = \"f32\""),
        ("batch_size = 16", "batch_size = \"all\"", "a batch_size in samples"),
        ("kind = \"sgd\", momentum = 0.5", "kind = \"schedule_free_sgd\"", "not schedule-free"),
        ("lr = {", "layer_decay = 0.5\nlr = {", "no parameter groups, no layer_decay"),
    ] {
        let error = Experiment::parse(&federated.with(from, to), "t.toml").unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let reference = Cohort::at(revision(&federated, 0), TrainDevice::reference(pool(1)));
    assert!(reference.err().unwrap().to_string().contains("choose the CPU"));
}
