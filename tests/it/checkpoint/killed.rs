//! `anneal train`, killed again and again, and resumed each time.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anneal_studio::random::{Stream, below, rng};
use anneal_studio::train::checkpoint::newest_good;

use crate::support::Fixture;
use crate::training::MOONS;

const KILLS: u32 = 50;
/// Longer than a training takes, so that kills fall anywhere in one, its start and its end included.
const LATEST: Duration = Duration::from_millis(400);

/// `anneal train` of the experiment in `folder`, to its `out`.
fn train(folder: &Path, resume: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
    command.arg("train").arg(folder.join("experiment.toml")).args(["--threads", "1", "--device", "cpu"]);
    command.arg(if resume { "--resume" } else { "--out" }).arg(folder.join("out"));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Updates done at the newest good checkpoint; a kill leaves none that is not good.
fn saved(folder: &Path) -> u64 {
    let Ok(found) = newest_good(&folder.join("out/checkpoints")) else { return 0 };
    assert!(found.refused.is_empty(), "a kill leaves no half file: {:?}", found.refused);
    found.newest.map_or(0, |(_, checkpoint)| checkpoint.update())
}

fn experiment(folder: &Path) {
    let text = MOONS.with("[16, 8]", "[4]").with("\"200\"", "\"8000\"").with("replicas = 2", "replicas = 1");
    fs::write(folder.join("experiment.toml"), text).unwrap();
}

/// Every measured number, and the losses at the end, without the seconds it took.
fn results(folder: &Path) -> (String, Vec<serde_json::Value>) {
    let metrics = fs::read_to_string(folder.join("out/metrics.csv")).unwrap();
    let summary = fs::read_to_string(folder.join("out/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let names =
        ["name", "updates", "final_train_loss", "final_val_loss", "best_val_loss", "final_val_accuracy"];
    let runs = summary["runs"].as_array().unwrap().iter();
    (metrics, runs.flat_map(|run| names.map(|name| run[name].clone())).collect())
}

#[test]
fn a_training_killed_at_any_moment_ends_as_the_one_that_was_not() {
    let whole = tempfile::tempdir().unwrap();
    experiment(whole.path());
    assert!(train(whole.path(), false).wait().unwrap().success());
    let expected = results(whole.path());
    let mut moments = rng(6, Stream::Noise { update: 0 });
    let (mut kills, mut resumes, mut ends) = (0, 0, 0);
    while kills < KILLS || ends == 0 {
        let folder = tempfile::tempdir().unwrap();
        experiment(folder.path());
        loop {
            let before = saved(folder.path());
            let mut child = train(folder.path(), before > 0);
            let kill = kills < KILLS;
            if kill {
                std::thread::sleep(Duration::from_micros(
                    below(&mut moments, LATEST.as_micros() as usize) as u64
                ));
                child.kill().unwrap();
            }
            let ended = child.wait().unwrap();
            resumes += u32::from(before > 0);
            assert!(saved(folder.path()) >= before, "nothing that was saved is lost");
            if ended.success() {
                break;
            }
            assert!(kill, "a training that was not killed ends: {ended}");
            kills += 1;
        }
        assert_eq!(results(folder.path()), expected, "after {kills} kills");
        ends += 1;
    }
    assert!(resumes >= 10, "{kills} kills, {resumes} resumes, {ends} ends");
}
