//! The library of runs: the files are the truth, and the index loses none of them.

mod landing;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;

use anneal_studio::library::{Filter, Index, Measures, Training, differing, groups};
use serde_json::Value;

use crate::command_line::{anneal, text};
use crate::support::Fixture;

const TEXT: &str = r#"anneal = 1
name = "in the library"
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [8] }
train = { updates = "120", replicas = 2 }
[[run]]
name = "constant"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "constant", peak = 0.1 }
[[run]]
name = "cosine"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1 }
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.library()).unwrap();
        place
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("library")
    }

    fn file(&self, name: &str, content: &str) -> String {
        let file = self.0.path().join(name);
        fs::write(&file, content).unwrap();
        file.to_string_lossy().into_owned()
    }

    #[track_caller]
    fn train(&self, experiment: &str) {
        let file = self.file("a.toml", experiment);
        let library = self.library().to_string_lossy().into_owned();
        let done = anneal(&["train", &file, "--library", &library, "--no-baseline"]);
        assert!(done.status.success(), "{}", text(&done.stderr));
    }

    fn ask(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let library = self.library().to_string_lossy().into_owned();
        let done = anneal(&[&["library", &library], more].concat());
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    }

    #[track_caller]
    fn json(&self, more: &[&str]) -> Value {
        let (code, out, error) = self.ask(&[more, &["--json"]].concat());
        assert_eq!(code, Some(0), "{error}");
        serde_json::from_str(&out).unwrap()
    }
}

/// Everything that the index holds, as text.
fn dump(library: &Path) -> String {
    let db = rusqlite::Connection::open(library.join(".anneal-library.sqlite")).unwrap();
    let mut all = String::new();
    for table in ["training", "lane", "record"] {
        let mut asked = db.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3")).unwrap();
        let count = asked.column_count();
        let mut rows = asked.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<String> = (0..count).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect();
            all += &(cells.join("|") + "\n");
        }
    }
    all
}

#[test]
fn a_training_lands_in_the_library_and_is_found_by_what_it_is() {
    let place = Place::new();
    place.train(TEXT);
    place.train(&TEXT.with("peak = 0.1", "peak = 0.2").with("in the library", "another one"));
    let all = place.json(&[]);
    assert_eq!(all["runs"].as_array().unwrap().len(), 8);
    let count = |more: &[&str]| place.json(more)["runs"].as_array().unwrap().len();
    assert_eq!(count(&["--search", "COSINE another"]), 2);
    assert_eq!(count(&["--search", "100%_"]), 0, "signs of a pattern are signs");
    assert_eq!(count(&["--where", "lr.peak=0.2", "--where", "lr.kind=constant"]), 2);
    assert_eq!(count(&["--limit", "3"]), 3);
    let best: Vec<f64> = place.json(&["--sort", "-best_val_loss"])["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["best_val_loss"].as_f64().unwrap())
        .collect();
    assert!(best.is_sorted_by(|a, b| a >= b) && best.first() > best.last());
    assert_eq!(place.ask(&["--sort", "luck"]).0, Some(2));

    let folder = all["runs"][0]["folder"].as_str().unwrap().to_owned();
    let marked = place.ask(&[
        "--change",
        &folder,
        "--add-tag",
        "keep",
        "--add-tag",
        "paper",
        "--star",
        "--note",
        "see 12%",
    ]);
    assert_eq!(marked.0, Some(0), "{}", marked.2);
    assert_eq!(count(&["--tag", "keep"]), 4);
    assert_eq!(count(&["--tag", "kee"]), 0, "a whole tag");
    assert_eq!(count(&["--starred", "--search", "12%"]), 4);
    place.ask(&["--change", &folder, "--remove-tag", "keep"]);
    assert_eq!((count(&["--tag", "keep"]), count(&["--tag", "paper"])), (0, 4));
}

#[test]
fn runs_that_differ_in_their_seed_only_are_one_group_and_what_differs_between_groups_is_said() {
    let place = Place::new();
    place.train(TEXT);
    place.train(&TEXT.with("replicas = 2", "replicas = 2, seed = 7"));
    place.train(&TEXT.with("kind = \"cosine\", peak = 0.1", "kind = \"cosine\", peak = 0.3"));
    let grouped = place.json(&["--group"]);
    let mut sizes: Vec<usize> =
        grouped["groups"].as_array().unwrap().iter().map(|it| it["runs"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 4, 6], "the constant runs of all three, the cosines of two, and the other cosine");
    assert_eq!(grouped["differs"], serde_json::json!(["lr.kind", "lr.peak"]));
}

#[test]
fn an_index_made_again_from_the_files_is_the_same() {
    let place = Place::new();
    place.train(TEXT);
    place.train(&TEXT.with("peak = 0.1", "peak = 1e30"));
    let folder = place.json(&[])["runs"][0]["folder"].as_str().unwrap().to_owned();
    place.ask(&["--change", &folder, "--add-tag", "a", "--note", "b"]);
    let grown = dump(&place.library());
    assert_eq!(grown.lines().count(), 2 + 8 + 8);
    place.json(&["--reindex"]);
    assert_eq!(dump(&place.library()), grown);
    // Files that go, and files that change, are seen without being told.
    fs::remove_dir_all(place.library().join(&folder)).unwrap();
    assert_eq!(place.json(&[])["runs"].as_array().unwrap().len(), 4);
    let left = place.json(&[])["runs"][0]["folder"].as_str().unwrap().to_owned();
    let metrics = place.library().join(&left).join("metrics.csv");
    let whole = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, whole.lines().take(11).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let updates: u64 =
        place.json(&[])["runs"].as_array().unwrap().iter().map(|run| run["updates"].as_u64().unwrap()).sum();
    assert_eq!(updates, 10);
    // A damaged one is said, and what is before the damage is there.
    fs::write(&metrics, whole.with("constant,0,3,", "constant,0,x,")).unwrap();
    let (code, out, error) = place.ask(&[]);
    assert!(
        code == Some(0) && error.contains("\"x\" is not a whole number") && out.contains("constant"),
        "{error}"
    );
    fs::write(place.library().join(&left).join("experiment.toml"), "no experiment").unwrap();
    let (code, _, error) = place.ask(&[]);
    assert!(code == Some(0) && error.contains("not in the list"), "{error}");
}

#[test]
fn several_that_make_an_index_at_once_wait_for_each_other() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let begin = Barrier::new(8);
        std::thread::scope(|scope| {
            let open = || {
                begin.wait();
                Index::open(folder.path()).map(drop).map_err(|error| error.to_string())
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            for one in all {
                assert_eq!(one.join().unwrap(), Ok(()));
            }
        });
    }
}

#[test]
fn kills_of_two_that_write_at_once_lose_no_training_and_double_none() {
    let place = Place::new();
    let file = place.file("a.toml", &TEXT.with("\"120\"", "\"20\""));
    let library = place.library().to_string_lossy().into_owned();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
        command.args(["train", &file, "--library", &library, "--no-baseline", "--threads", "1"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut ended = 0;
    for turn in 0..25_u64 {
        let mut both = [start(), start()];
        // At another moment each time, from the very beginning to after the end.
        std::thread::sleep(Duration::from_millis(4 * turn * turn));
        for child in &mut both {
            let _ = child.kill();
            ended += usize::from(child.wait().unwrap().success());
        }
    }
    assert!(ended > 0, "some come to their end");
    let index = Index::open(&place.library()).unwrap();
    let before = index.rows(&Filter::default()).unwrap();
    drop(index);
    // Every folder that is a training's is there once, with what its files say.
    let mut index = Index::open(&place.library()).unwrap();
    let refreshed = index.refresh(|_, _| {}).unwrap();
    let rows = index.rows(&Filter::default()).unwrap();
    let mut folders: Vec<PathBuf> = fs::read_dir(place.library())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("metrics.csv").exists() && path.join("experiment.toml").exists())
        .collect();
    folders.sort();
    assert_eq!(refreshed.refused, [] as [String; 0]);
    assert_eq!(rows.len(), 4 * folders.len());
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy();
        let said = Training::read(folder).unwrap();
        for lane in &said.lanes {
            let found: Vec<_> = rows
                .iter()
                .filter(|row| row.folder == *name && row.run == lane.run && row.replica == lane.replica)
                .collect();
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!((found[0].updates, found[0].final_val_loss), (lane.updates, lane.final_val_loss));
        }
    }
    let finished = rows.iter().filter(|row| row.finished).count();
    assert!(finished >= 4 * ended, "{finished} of {ended} trainings");
    // What had ended was there before anybody looked.
    assert!(before.iter().filter(|row| row.finished).count() >= 4 * ended);
    let grown = dump(&place.library());
    place.json(&["--reindex"]);
    assert_eq!(dump(&place.library()), grown);
}

#[test]
fn convergence_and_cost_are_what_the_librarys_file_says() {
    let place = Place::new();
    place.train(&TEXT.with("kind = \"cosine\", peak = 0.1", "kind = \"cosine\", peak = 1e30"));
    let halved = place.json(&["--measures"]);
    assert!(halved["converged_means"][0].as_str().unwrap().contains("half of what it was"));
    assert_eq!((&halved["measures"]["runs"], &halved["measures"]["diverged"]), (&4.into(), &2.into()));
    assert_eq!(halved["measures"]["divergence_rate"], 0.5);
    assert_eq!(halved["measures"]["error_budget_used"], 25.0);
    let rules = "anneal_library = 1\nprice_per_hour = 36.0\nerror_budget = 0.5\n[[task]]\ndata = \"moons\"\n\
                 accuracy_at_least = 0.0\n";
    fs::write(place.library().join("library.toml"), rules).unwrap();
    let said = place.json(&["--measures"]);
    let measures = &said["measures"];
    assert_eq!((&measures["converged"], &measures["success_rate"]), (&2.into(), &0.5.into()));
    assert_eq!(measures["error_budget_used"], 1.0);
    let hours = measures["hours"].as_f64().unwrap();
    assert!((measures["cost_per_converged"].as_f64().unwrap() - 18.0 * hours).abs() < 1e-12);
    for name in measures.as_object().unwrap().keys() {
        let counted = ["converged", "diverged", "failed"].contains(&name.as_str());
        assert!(counted || said["definitions"].get(name).is_some(), "{name} has no definition");
    }
    fs::write(place.library().join("library.toml"), "anneal_library = 1\n[[task]]\ndata = \"*\"\n").unwrap();
    assert_eq!(place.ask(&["--measures"]).0, Some(2));
}

/// A training that was resumed at another rate than its checkpoint had, changed over the API, and metered.
fn resumed_and_changed(place: &Place) {
    place.train(&TEXT.with("in the library", "resumed"));
    let folder = place.library().join("resumed-0001");
    let at = |update: u64| {
        let metrics = fs::read_to_string(folder.join("metrics.csv")).unwrap();
        let line = metrics.lines().find(|line| line.starts_with(&format!("cosine,0,{update},"))).unwrap();
        line.split(',').nth(4).unwrap().to_owned()
    };
    let resume = |update: u64, rate: &str| {
        format!("{}\n", serde_json::json!({ "update": update, "run": "cosine", "replica": 0, "rate": rate }))
    };
    let noted = [resume(50, &at(50)), resume(70, &at(71)), resume(5000, "1")].concat();
    fs::write(folder.join("resumes.jsonl"), noted).unwrap();
    let change = |from: u64, applied: Option<u64>| {
        format!("{}\n", serde_json::json!({ "run": "cosine", "from": from, "applied": applied }))
    };
    let changes = [change(10, Some(10)), change(20, Some(23)), change(30, None)].concat();
    fs::write(folder.join("changes.jsonl"), changes).unwrap();
    let summary = fs::read_to_string(folder.join("summary.json")).unwrap();
    fs::write(folder.join("summary.json"), summary.replacen('{', "{\"joules\": 12.5,", 1)).unwrap();
}

/// The measures once more, by a program that shares no line with ours: `tests/library/measures.py`, plain Python.
#[test]
fn the_measures_are_those_of_an_independent_script() {
    let place = Place::new();
    place.train(TEXT);
    place.train(&TEXT.with("\"120\"", "\"400\"").with("replicas = 2", "replicas = 3, seed = 3"));
    place.train(&TEXT.with("kind = \"constant\", peak = 0.1", "kind = \"constant\", peak = 1e30"));
    resumed_and_changed(&place);
    let rules = "anneal_library = 1\nprice_per_hour = 2.5\n[[task]]\ndata = \"*\"\nloss_at_most = 0.4\n";
    fs::write(place.library().join("library.toml"), rules).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library/measures.py");
    let Ok(done) = Command::new("python3").arg(script).arg(place.library()).output() else {
        eprintln!("skipped: there is no python3");
        return;
    };
    assert!(done.status.success(), "{}", text(&done.stderr));
    let theirs: Value = serde_json::from_slice(&done.stdout).unwrap();
    let ours = &place.json(&["--measures"])["measures"];
    let (ours, theirs) = (ours.as_object().unwrap(), theirs.as_object().unwrap());
    assert!(ours.keys().eq(theirs.keys()), "{ours:?} {theirs:?}");
    let close = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
        // Losses have single precision; the decimals that files have for them are other doubles than ours.
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs().max(1e-9),
        _ => a == b,
    };
    for (name, ours) in ours {
        let theirs = &theirs[name];
        let same = match (ours.as_object(), theirs.as_object()) {
            (Some(ours), Some(theirs)) => ours.iter().all(|(key, value)| close(value, &theirs[key])),
            _ => close(ours, theirs),
        };
        assert!(same, "{name}: {ours} and {theirs}");
    }
    assert!(ours["converged"].as_u64().unwrap() > 0 && ours["diverged"] == 2, "{ours:?}");
    assert_eq!((&ours["resumes"], &ours["checkpoint_consistency"]), (&Value::from(2), &Value::from(0.5)));
    assert_eq!((&ours["scheduler_latency"]["p95"], &ours["joules"]), (&Value::from(3.0), &Value::from(12.5)));
}

#[test]
fn nothing_is_measured_of_nothing() {
    let place = Place::new();
    let mut index = Index::open(&place.library()).unwrap();
    assert_eq!(index.refresh(|_, _| {}).unwrap().read, 0);
    let rows = index.rows(&Filter::default()).unwrap();
    assert!(groups(&rows).is_empty() && differing([]).is_empty());
    let measures = Measures::of(&[], &index.criteria().unwrap());
    assert_eq!(measures, Measures::default());
    assert_eq!(place.ask(&["--change", "nowhere", "--star"]).0, Some(1));
}
