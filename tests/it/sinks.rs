//! Sinks: what TensorBoard and Prometheus are given is what was measured.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anneal_studio::recording::Recorder;
use anneal_studio::telemetry::Column;
use anneal_studio::telemetry::metrics::Reader;

use crate::command_line::{anneal, text};
use crate::support::{Fixture, wait};

const TEXT: &str = r#"anneal = 1
name = "sinks"
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [8] }
train = { updates = "300", replicas = 2 }
[[run]]
name = "one/cycle \"quoted\""
optimizer = { kind = "sgd", momentum = 0.9, nesterov = true }
lr = { kind = "one_cycle", peak = 0.1 }
[[run]]
name = "one_cycle _quoted_"
optimizer = { kind = "adamw" }
lr = { kind = "constant", peak = 0.01, warmup = { over = "10%" } }
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new(experiment: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("a.toml"), experiment).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }
}

/// Values by the number of updates made, of whatever they are of.
type Values<K> = BTreeMap<K, Vec<(u64, f32)>>;

/// Every value of `metrics.csv`, by lane and column, as TensorBoard's 32-bit scalars.
fn measured(out: &Path) -> Values<(String, u32, &'static str)> {
    let mut all: Values<_> = BTreeMap::new();
    for line in Reader::open(&out.join("metrics.csv")).unwrap() {
        let line = line.unwrap();
        for column in Column::ALL {
            if let Some(value) = line.row.get(column) {
                let key = (line.run.to_string(), line.replica, column.name());
                all.entry(key).or_default().push((line.row.update + 1, value as f32));
            }
        }
    }
    all
}

/// Every value of the event files below a folder, by lane's folder and column, read by our own reader of recordings.
fn events(folder: &Path) -> Values<(String, String)> {
    let mut all = BTreeMap::new();
    for run in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for seed in fs::read_dir(run.path()).unwrap().flatten() {
            let log = Recorder::open(&seed.path()).unwrap();
            let place = seed.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            for (_, recording) in log.recordings() {
                for named in &recording.series {
                    let column = named.name.rsplit('/').next().unwrap().to_owned();
                    let values = named.points.finest().map(|bucket| (bucket.last_update, bucket.last as f32));
                    all.insert((place.clone(), column), values.collect());
                }
            }
        }
    }
    all
}

/// Whether the event files hold every value that was measured, and no other.
#[track_caller]
fn agree(out: &Path, folder: &Path) {
    let places =
        [("one/cycle \"quoted\"", "one_cycle__quoted_"), ("one_cycle _quoted_", "one_cycle__quoted_-2")];
    let (measured, events) = (measured(out), events(folder));
    assert!(!measured.is_empty() && measured.len() == events.len(), "{} {}", measured.len(), events.len());
    for ((run, replica, column), values) in measured {
        let place = places.iter().find(|(name, _)| *name == run).unwrap().1;
        let found = &events[&(format!("{place}/seed-{replica}"), column.to_owned())];
        assert_eq!(found, &values, "{run} {replica} {column}");
    }
}

#[test]
fn event_files_written_while_training_hold_every_value() {
    let place = Place::new(TEXT);
    let (file, out, board) = (place.at("a.toml"), place.at("out"), place.at("board"));
    let done = anneal(&["train", &file, "--out", &out, "--tensorboard", &board, "--no-baseline"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    agree(&place.path("out"), &place.path("board"));
}

#[test]
fn a_folder_is_synced_once_whatever_was_written_of_it_before() {
    let place = Place::new(TEXT);
    let (file, out, board) = (place.at("a.toml"), place.at("out"), place.at("board"));
    assert!(anneal(&["train", &file, "--out", &out, "--no-baseline"]).status.success());
    // As it was in the middle: half a line at the end, no summary.
    let metrics = place.path("out/metrics.csv");
    let whole = fs::read(&metrics).unwrap();
    let summary = fs::read(place.path("out/summary.json")).unwrap();
    fs::remove_file(place.path("out/summary.json")).unwrap();
    fs::write(&metrics, &whole[..whole.len() / 3]).unwrap();
    let sync = || {
        let done = anneal(&["sync", &out, "--tensorboard", &board]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stderr)
    };
    sync();
    // A kill between writing and remembering: what is there more is taken back.
    let state = fs::read(place.path("board/.anneal-sync.json")).unwrap();
    fs::write(&metrics, &whole[..whole.len() / 2]).unwrap();
    sync();
    fs::write(place.path("board/.anneal-sync.json"), state).unwrap();
    sync();
    fs::write(&metrics, &whole).unwrap();
    fs::write(place.path("out/summary.json"), summary).unwrap();
    sync();
    agree(&place.path("out"), &place.path("board"));
    assert!(sync().contains("everything is there already"));
    // The training went another way from its middle on.
    let other = TEXT.with("\"300\"", "\"310\"");
    fs::write(place.path("a.toml"), other).unwrap();
    assert!(anneal(&["train", &file, "--out", &out, "--no-baseline"]).status.success());
    assert!(sync().contains("began anew or went back"));
    agree(&place.path("out"), &place.path("board"));
    // And another training's folder is not mixed in.
    assert!(anneal(&["train", &file, "--out", &place.at("else"), "--no-baseline"]).status.success());
    let refused = anneal(&["sync", &place.at("else"), "--tensorboard", &board]);
    assert!(refused.status.code() == Some(2) && text(&refused.stderr).contains("of another training"));
}

/// A training that serves its metrics, and where.
fn serving(place: &Place, more: &[&str]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
    let file = place.at("a.toml");
    command.args([&["train", &file, "--metrics", "127.0.0.1:0"], more].concat());
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = lines.find_map(|line| Some(line.unwrap().split_once("http://")?.1.to_owned())).unwrap();
    // What else it says is read, so that it can go on.
    std::thread::Builder::new().spawn(move || lines.for_each(drop)).unwrap();
    (child, said.trim_end_matches("/metrics").to_owned())
}

fn request(address: &str, head: &str) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(format!("{head}\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

/// The samples of a page by name and labels.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#') && line.contains(' '));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(k, v)| Some((k.to_owned(), v.parse().ok()?)))
        .collect()
}

#[test]
fn a_scrape_gives_what_was_measured_and_nobody_else_an_answer() {
    let place = Place::new(TEXT);
    let out = place.at("out");
    let (mut child, address) = serving(&place, &["--out", &out, "--no-baseline", "--linger", "60"]);
    let labels = "{experiment=\"sinks\",run=\"one_cycle _quoted_\",replica=\"1\"}";
    wait("the training's end", || place.path("out/summary.json").exists());
    assert!(request(&address, "GET /else HTTP/1.1").starts_with("HTTP/1.1 404"));
    assert!(request(&address, "POST /metrics HTTP/1.1").starts_with("HTTP/1.1 405"));
    assert!(child.try_wait().unwrap().is_none(), "only a scrape lets it end");
    let page = request(&address, "GET /metrics HTTP/1.1");
    assert!(child.wait().unwrap().success());
    assert!(page.contains("\r\nContent-Type: text/plain; version=0.0.4"), "{page}");
    let found = samples(&page);
    let measured = measured(&place.path("out"));
    let newest = |column| measured[&("one_cycle _quoted_".to_owned(), 1, column)].last().unwrap().1;
    for (name, column) in [
        ("anneal_learning_rate", "lr"),
        ("anneal_train_loss", "train_loss"),
        ("anneal_gradient_norm", "grad_norm"),
        ("anneal_validation_loss", "val_loss"),
    ] {
        assert_eq!(found[&format!("{name}{labels}")] as f32, newest(column), "{name}");
    }
    assert_eq!(found[&format!("anneal_updates_total{labels}")], 300.0);
    assert_eq!(found[&format!("anneal_updates_planned{labels}")], 300.0);
    assert_eq!(found[&format!("anneal_gradient_norms_count{labels}")], 300.0);
    assert_eq!(found[&format!("anneal_warmup{labels}")], 0.0);
    assert_eq!(found[&format!("anneal_active{labels}")], 0.0);
    assert!(page.contains("run=\"one/cycle \\\"quoted\\\"\""), "escaped");
}

#[test]
fn an_address_that_is_taken_stops_the_training_before_it_begins() {
    let place = Place::new(TEXT);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = anneal(&["train", &place.at("a.toml"), "--metrics", &address]);
    assert!(done.status.code() == Some(1) && text(&done.stdout).is_empty());
    assert!(text(&done.stderr).contains("cannot serve metrics"), "{}", text(&done.stderr));
}

#[test]
fn every_alert_leads_to_a_page_of_the_runbook() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = fs::read_to_string(root.join("assets/prometheus/anneal.rules.yml")).unwrap();
    let runbook = fs::read_to_string(root.join("docs/runbook.md")).unwrap();
    let slug = |title: &str| title.to_lowercase().replace(' ', "-");
    let sections: Vec<String> =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).map(slug).collect();
    let linked = rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: 'docs/runbook.md#"));
    let linked: Vec<&str> = linked.map(|rest| rest.trim_end_matches('\'')).collect();
    assert_eq!(linked.len(), rules.matches("- alert:").count());
    for anchor in linked {
        assert!(sections.iter().any(|section| section == anchor), "{anchor}");
    }
    for kind in anneal_studio::analysis::detect::Kind::ALL {
        assert!(sections.contains(&slug(kind.name())), "{}", kind.name());
    }
}
