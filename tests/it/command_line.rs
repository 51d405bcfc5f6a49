//! The program as people run it: what it prints, what it writes, and its exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anneal_studio::experiment::Experiment;

use crate::support::Fixture;

pub fn anneal(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
    // No display: the studio must not open in a test.
    command.args(arguments).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.output().expect("the program starts")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn experiments() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples").to_owned()
}

const SMALL: &str = r#"
anneal = 1
name = "small"
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [8] }
train = { updates = "60", replicas = 2 }
[[run]]
name = "one"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "one_cycle", peak = 0.1 }
[[run]]
name = "two, with a comma"
optimizer = { kind = "adamw" }
lr = { kind = "constant", peak = 0.01 }
"#;

fn small(folder: &Path) -> String {
    let file = folder.join("small.toml");
    fs::write(&file, SMALL).unwrap();
    file.to_string_lossy().into_owned()
}

#[test]
fn train_writes_the_files_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (small(folder.path()), folder.path().join("out"));
    let done = anneal(&["train", &file, "--out", &out.to_string_lossy()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("two, with a comma"), "the table is data");

    let mut metrics = csv::Reader::from_path(out.join("metrics.csv")).unwrap();
    let header: Vec<_> = metrics.headers().unwrap().iter().map(str::to_owned).collect();
    let expected = [
        "run",
        "replica",
        "update",
        "epoch",
        "lr",
        "momentum",
        "train_loss",
        "grad_norm",
        "update_norm",
        "val_loss",
        "val_accuracy",
    ];
    assert_eq!(header[..expected.len()], expected);
    assert!(["weight_decay", "batch", "rounded_away"].iter().all(|name| header.iter().any(|it| it == name)));
    let rows: Vec<csv::StringRecord> = metrics.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2 * 2 * 60);
    let last = rows.iter().rfind(|row| &row[0] == "one" && &row[1] == "0").unwrap();
    assert_eq!(&last[2], "59");
    assert!(last[9].parse::<f64>().unwrap().is_finite(), "the last update is validated");

    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    let runs = summary["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 4);
    let first = &runs[0];
    for key in [
        "name",
        "replica",
        "seed",
        "updates",
        "final_train_loss",
        "final_val_loss",
        "best_val_loss",
        "final_val_accuracy",
        "diverged_at",
        "seconds",
        "updates_per_second",
    ] {
        assert!(first.get(key).is_some(), "summary.json has no {key}");
    }
    assert_eq!((first["updates"].as_u64(), first["seed"].as_u64()), (Some(60), Some(0)));
    assert_eq!(runs[1]["seed"].as_u64(), Some(1));
    let told = first["final_train_loss"].as_f64().unwrap();
    assert!((told - last[6].parse::<f64>().unwrap()).abs() < 1e-6, "summary and metrics agree");
    let kept = Experiment::open(out.join("experiment.toml")).unwrap();
    let original = Experiment::open(folder.path().join("small.toml")).unwrap();
    assert_eq!(kept, original);
    assert!(out.join("events.jsonl").exists());
}

#[test]
fn the_same_file_gives_the_same_metrics_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let file = small(folder.path());
    let metrics = |name: &str, threads: &str| {
        let out = folder.path().join(name);
        let done = anneal(&["train", &file, "--threads", threads, "--out", &out.to_string_lossy()]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        fs::read(out.join("metrics.csv")).unwrap()
    };
    assert!(metrics("a", "1") == metrics("b", "3"), "the files differ");
}

#[test]
fn schedule_prints_the_goldens() {
    // OneCycleLR with 10 updates, as PyTorch runs it.
    let golden: serde_json::Value = serde_json::from_str(include_str!("../golden/schedules.json")).unwrap();
    let entry = golden["entries"].as_array().unwrap().iter().find(|entry| {
        entry["framework"] == "torch"
            && entry["schedule"] == "OneCycleLR"
            && entry["args"]["total_steps"] == 10
    });
    let entry = entry.expect("the golden one-cycle");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cycle.toml");
    let cycle = SMALL
        .with("\"60\"", "\"10\"")
        .with("peak = 0.1 }", "peak = 1.0 }")
        .with("momentum = 0.9", "momentum = { kind = \"mirror\", low = 0.85, high = 0.95 }");
    fs::write(&file, cycle).unwrap();
    let done = anneal(&["schedule", &file.to_string_lossy()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let mut printed = csv::Reader::from_reader(&done.stdout[..]);
    assert_eq!(printed.headers().unwrap(), vec!["run", "update", "epoch", "lr", "momentum", "weight_decay"]);
    let rows: Vec<csv::StringRecord> =
        printed.records().map(Result::unwrap).filter(|row| &row[0] == "one").collect();
    assert_eq!(rows.len(), 10);
    for (at, row) in rows.iter().enumerate() {
        let close = |column: usize, name: &str| {
            let (ours, theirs) = (row[column].parse::<f64>().unwrap(), entry[name][at].as_f64().unwrap());
            assert!(
                (ours - theirs).abs() <= 1e-12 * theirs.abs(),
                "{name} of update {at}: {ours} is not {theirs}"
            );
        };
        close(3, "lr");
        close(4, "momentum");
    }
}

#[test]
fn without_a_display_the_studio_says_so_and_trains() {
    let folder = tempfile::tempdir().unwrap();
    let done = anneal(&[&small(folder.path())]);
    assert!(done.status.success());
    let said = text(&done.stderr);
    assert!(said.lines().any(|line| line.contains("no display") && line.contains("\"small\"")), "{said}");
    assert!(text(&done.stdout).lines().count() >= 5, "a header and four rows");
}

#[test]
fn with_nothing_to_open_it_trains_the_opening_experiment() {
    let done = anneal(&[]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    for name in ["constant", "step", "cosine"] {
        assert!(text(&done.stdout).contains(name));
    }
}

/// Runs a bad file and returns the one line it says.
fn refused(content: &[u8], code: i32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    fs::write(&file, content).unwrap();
    let done = anneal(&["train", &file.to_string_lossy()]);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{said}");
    assert!(done.stdout.is_empty(), "stdout carries data only");
    assert_eq!(said.trim().lines().count(), 1, "one error: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn bad_files_are_refused_with_file_line_and_field() {
    let cases = [
        ("kind = \"one_cycle\"", "kind = \"one_cicle\"", "one_cycle"),
        ("peak = 0.1", "peek = 0.1", "peak"),
        ("\"moons\"", "\"mons\"", "moons"),
        ("\"60\"", "\"0\"", "updates"),
        ("peak = 0.1", "peak = nan", "peak"),
        ("peak = 0.1", "peak = -0.1", "peak"),
        ("two, with a comma", "one", "one"),
    ];
    for (good, bad, word) in cases {
        let said = refused(SMALL.with(good, bad).as_bytes(), 2);
        let numbered = said.split("bad.toml:").nth(1).and_then(|rest| rest.split(':').next());
        assert!(numbered.is_some_and(|line| line.parse::<u32>().is_ok()), "file and line: {said}");
        assert!(said.contains(word), "{bad}: {said}");
    }
    refused(b"", 2);
    refused(b"\xff\xfe\x00", 2);
    refused(&vec![b'#'; 100 << 20], 2);
}

#[test]
fn a_file_that_is_not_there_and_a_folder_that_cannot_be_written() {
    let done = anneal(&["train", "no/such/file.toml"]);
    assert_eq!(done.status.code(), Some(2), "{}", text(&done.stderr));
    let folder = tempfile::tempdir().unwrap();
    let file = small(folder.path());
    // A file where a folder is wanted cannot be written into by anybody.
    let done = anneal(&["train", &file, "--out", &format!("{file}/out")]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("cannot write"), "{}", text(&done.stderr));
    assert_eq!(anneal(&["train"]).status.code(), Some(2), "bad usage");
}

#[test]
fn bench_prints_json_and_nothing_else() {
    let done = anneal(&["bench", "--json", "--lanes", "2", "--quick"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    for key in ["machine", "device", "threads", "results"] {
        assert!(report.get(key).is_some(), "no {key}");
    }
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    for result in results {
        assert_eq!(result["lanes"], 2);
        assert!(result["lane_updates_per_second"].as_f64().unwrap() > 0.0);
        assert!(result["gflops"].as_f64().unwrap() > 0.0);
        assert!(result["workload"].is_string());
    }
}

#[test]
fn bench_tells_how_the_cost_grows() {
    let done = anneal(&["bench", "--growth", "--json", "--quick"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let costs: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let costs = costs.as_array().unwrap();
    assert_eq!(costs.len(), 9);
    for cost in costs {
        let number = |key: &str| cost[key].as_f64().unwrap();
        let samples = number("updates") * number("lanes") * number("batch");
        assert!((number("nanoseconds_a_sample") * samples / 1e6 / number("milliseconds") - 1.0).abs() < 1e-9);
    }
}

#[test]
fn bench_tells_what_a_frame_costs_and_that_rest_costs_nothing() {
    let done = anneal(&["bench", "--interface", "--json", "--quick"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let work: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let number = |key: &str| work[key].as_f64().unwrap();
    assert_eq!((number("runs"), number("frames"), number("idle_repaints")), (8.0, 120.0, 0.0));
    assert!(
        number("median_milliseconds") > 0.0 && number("p99_milliseconds") >= number("median_milliseconds")
    );
}

#[test]
fn fashions_constant_rate_ends_below_every_decay() {
    // Lesson: a constant rate has a noise floor that any decay removes.
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = format!("{}/fashion-decay.toml", experiments());
    let done = anneal(&["train", &file, "--out", &out.to_string_lossy()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    let accuracy = |name: &str| {
        let of: Vec<f64> = summary["runs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|run| run["name"] == name)
            .map(|run| run["final_val_accuracy"].as_f64().unwrap())
            .collect();
        assert_eq!(of.len(), 5, "five replicas of {name}");
        of.iter().sum::<f64>() / 5.0
    };
    let constant = accuracy("constant");
    for decay in ["step at half", "cosine", "linear to zero", "wsd"] {
        assert!(accuracy(decay) > constant + 0.03, "{decay}: {} against {constant}", accuracy(decay));
    }
    let events = fs::read_to_string(out.join("events.jsonl")).unwrap();
    assert!(events.lines().any(|line| line.contains("rate_change")), "the plateau controller cuts");
}

#[test]
fn a_training_that_was_cut_short_goes_on_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (small(folder.path()), folder.path().join("out"));
    let path = out.to_string_lossy().into_owned();
    assert!(anneal(&["train", &file, "--out", &path]).status.success());
    let whole = fs::read(out.join("metrics.csv")).unwrap();
    let report = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("two, with a comma") && report.contains("<svg"));

    // As if it had been killed: the newest checkpoint is damaged, and half a row was written.
    let mut checkpoints: Vec<_> =
        fs::read_dir(out.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    checkpoints.sort();
    assert!(checkpoints.len() >= 2, "{checkpoints:?}");
    let newest = checkpoints.last().unwrap();
    let bytes = fs::read(newest).unwrap();
    fs::write(newest, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(out.join("metrics.csv"), &whole[..whole.len() - 30]).unwrap();
    fs::remove_file(out.join("summary.json")).unwrap();

    let done = anneal(&["train", &file, "--resume", &path]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let said = text(&done.stderr);
    assert!(said.contains("not taken") && said.contains("resumed from"), "{said}");
    assert!(fs::read(out.join("metrics.csv")).unwrap() == whole, "the metrics differ");
    assert!(out.join("summary.json").exists());

    // Another experiment is refused, and says what differs.
    let other = folder.path().join("other.toml");
    fs::write(&other, SMALL.with("hidden = [8]", "hidden = [9]")).unwrap();
    let done = anneal(&["train", &other.to_string_lossy(), "--resume", &path]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
}

#[test]
fn what_went_wrong_is_said_at_the_end_with_its_evidence_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    let text_of = |rate: &str| SMALL.with("\"one_cycle\", peak = 0.1", rate).with("\"60\"", "\"200\"");
    fs::write(&file, text_of("\"constant\", peak = 1e6")).unwrap();
    let done = anneal(&["train", &file.to_string_lossy()]);
    assert!(done.status.success(), "a diverged run is a result: {}", text(&done.stderr));
    let said = text(&done.stderr);
    let line = said.lines().find(|line| line.contains("\"one\"")).unwrap_or_else(|| panic!("{said}"));
    for part in
        ["anneal: \"one\" (2 of 2 replicas): Divergence: ", " at update ", "too high", "lower the rate"]
    {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    assert!(!said.contains("two, with a comma") && !text(&done.stdout).contains("Divergence"), "{said}");
    // The events of the folder say it, too, and a sound training says nothing.
    let out = folder.path().join("out");
    assert!(
        anneal(&["train", &file.to_string_lossy(), "--no-baseline", "--out", &out.to_string_lossy()])
            .status
            .success()
    );
    assert!(fs::read_to_string(out.join("events.jsonl")).unwrap().contains("Divergence"));
    fs::write(&file, text_of("\"constant\", peak = 0.05")).unwrap();
    assert_eq!(text(&anneal(&["train", &file.to_string_lossy()]).stderr), "");
}

#[test]
fn export_import_lint_and_find_lr_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = small(folder.path());
    let list = anneal(&["export", "--list"]);
    assert!(text(&list.stdout).contains("pytorch") && text(&list.stdout).contains("optax"));
    let exported = anneal(&["export", &file, "--run", "one", "--to", "pytorch"]);
    assert!(exported.status.success(), "{}", text(&exported.stderr));
    assert!(text(&exported.stdout).contains("def build(model)"));
    assert!(text(&exported.stderr).contains("native"), "what it really does goes to stderr");
    let torch = folder.path().join("scheduler.py");
    fs::write(&torch, &exported.stdout).unwrap();
    let imported = anneal(&["import", &torch.to_string_lossy()]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    // An export carries the experiment: its data too, on which lengths in epochs depend.
    let mut alone = Experiment::open(&file).unwrap();
    alone.runs.retain(|run| run.name == "one");
    assert_eq!(text(&imported.stdout), alone.to_toml());
    assert_eq!(anneal(&["export", &file, "--run", "one", "--to", "tensorflow"]).status.code(), Some(2));
    assert_eq!(anneal(&["export", &file, "--run", "none", "--to", "optax"]).status.code(), Some(2));

    let truth = anneal(&["export", &file, "--run", "one", "--truth"]);
    assert!(text(&truth.stdout).lines().count() > 10);
    let lint = anneal(&["lint", &file]);
    assert!(lint.status.success(), "{}", text(&lint.stdout));
    // What no lint reads is linted by the experiment it came from, while nobody changed it.
    let rust = folder.path().join("scheduler.rs");
    let exported = anneal(&["export", &file, "--run", "one", "--to", "burn"]);
    fs::write(&rust, &exported.stdout).unwrap();
    let lint = anneal(&["lint", &rust.to_string_lossy()]);
    assert!(lint.status.success(), "{}", text(&lint.stderr));
    assert!(text(&lint.stderr).contains("the experiment at its end"), "{}", text(&lint.stderr));
    fs::write(&rust, text(&exported.stdout).replace("0.", "1.")).unwrap();
    let lint = anneal(&["lint", &rust.to_string_lossy()]);
    assert_eq!(lint.status.code(), Some(2));
    assert!(text(&lint.stderr).contains("Rust code"), "{}", text(&lint.stderr));

    let found = anneal(&["find-lr", &file, "--run", "one", "--seeds", "2", "--updates", "60", "--json"]);
    assert!(found.status.success(), "{}", text(&found.stderr));
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found[0]["suggestions"].as_array().unwrap().len(), 7);
}
