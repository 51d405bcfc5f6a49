//! Every example, killed again and again: what comes out is what comes out of a training that was never stopped.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anneal_studio::random::{Stream, below, rng};

use super::program;

/// Kills over all examples, where `ANNEAL_KILLS` says nothing else; a release is worth 200.
const KILLS: usize = 30;

/// `anneal train` of an example to `out`, what it says left in a file.
fn train(example: &Path, out: &Path) -> Child {
    let said = fs::File::create(out.with_extension("said")).unwrap();
    let mut command = Command::new(program());
    command.arg("train").arg(example).arg("--no-baseline");
    command.arg(if out.join("checkpoints").is_dir() { "--resume" } else { "--out" }).arg(out);
    command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// All that a training leaves, times apart: metrics, events, findings, the summary.
fn results(out: &Path) -> [String; 4] {
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let mut summary: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    for run in summary["runs"].as_array_mut().unwrap() {
        let run = run.as_object_mut().unwrap();
        assert!(run.remove("seconds").is_some() && run.remove("updates_per_second").is_some());
    }
    let said = fs::read_to_string(out.with_extension("said")).unwrap();
    let findings = said.lines().filter(|line| line.starts_with("anneal: \""));
    let findings = findings.map(|line| format!("{line}\n")).collect();
    [read("metrics.csv"), read("events.jsonl"), findings, summary.to_string()]
}

/// A kill before the first checkpoint leaves nothing to go on with: the training begins again.
fn has_checkpoint(out: &Path) -> bool {
    fs::read_dir(out.join("checkpoints")).is_ok_and(|mut entries| {
        entries.any(|entry| entry.unwrap().path().extension().is_some_and(|end| end == "safetensors"))
    })
}

#[test]
#[ignore = "minutes of all cores: cargo test --release -- --ignored kills; ANNEAL_KILLS=200 before a release"]
fn every_example_survives_kills() {
    let kills = std::env::var("ANNEAL_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut examples: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    examples.sort();
    let mut moments = rng(13, Stream::Noise { update: 0 });
    let (mut done, mut resumes) = (0, 0);
    for (at, example) in examples.iter().enumerate() {
        let place = tempfile::tempdir().unwrap();
        let (whole, out) = (place.path().join("whole"), place.path().join("out"));
        let start = Instant::now();
        assert!(train(example, &whole).wait().unwrap().success());
        let takes = start.elapsed();
        let expected = results(&whole);
        let name = example.file_name().unwrap().to_string_lossy().into_owned();
        while done < kills * (at + 1) / examples.len() {
            let _ = fs::remove_dir_all(&out);
            // One after the other in the same training, until it ends.
            loop {
                if !has_checkpoint(&out) {
                    let _ = fs::remove_dir_all(&out);
                }
                resumes += usize::from(out.exists());
                let mut child = train(example, &out);
                if done < kills * (at + 1) / examples.len() {
                    let wait = below(&mut moments, (takes.as_micros() as usize).max(1)) as u64;
                    std::thread::sleep(Duration::from_micros(wait));
                    child.kill().unwrap();
                    done += 1;
                }
                if child.wait().unwrap().success() {
                    break;
                }
            }
            for (what, (found, expected)) in
                ["metrics", "events", "findings", "summary"].iter().zip(results(&out).iter().zip(&expected))
            {
                assert!(found == expected, "{name}, after {done} kills: the {what} differ");
            }
        }
        eprintln!("{name}: {done} kills so far, {resumes} resumes, all equal");
    }
}
