//! A training that is killed again and again, and resumed each time.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anneal_studio::files;
use anneal_studio::random::{Stream, below, rng};
use anneal_studio::train::checkpoint::policy::Stops;
use anneal_studio::train::checkpoint::{Forget, Policy, Writer, newest_good};
use anneal_studio::train::cohort::Cohort;

use crate::training::{MOONS, cohort};

const KILLS: u32 = 50;
const FOLDER: &str = "ANNEAL_TEST_TRAIN_UNTIL_KILLED";

fn long() -> Cohort {
    let text = MOONS
        .replace("[16, 8]", "[8]")
        .replace("\"200\"", "\"12000\"")
        .replace("replicas = 2", "replicas = 1");
    cohort(&text, 1)
}

/// Every final weight and buffer, the newest losses and the counts, as text.
fn result(cohort: &Cohort) -> String {
    let rows: Vec<f32> = cohort.rows().flatten_all().unwrap().to_vec1().unwrap();
    let states: Vec<_> = cohort.lanes().iter().map(anneal_studio::train::lane::Lane::state).collect();
    format!("{:?}\n{states:?}\n", rows.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
}

fn final_file(folder: &Path) -> PathBuf {
    folder.join("final")
}

/// The child: trains from the newest checkpoint to the end. Run as a test on its own it does nothing.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut training = long();
    if let Some((_, checkpoint)) = newest_good(&folder).unwrap().newest {
        let continuity = training.restore(&checkpoint, Forget::default()).unwrap();
        assert!(continuity.iter().all(|lane| !lane.jumps()));
    }
    let policy = Policy { every: "250".parse().unwrap(), keep: 2 };
    let writer = Writer::start(&folder, policy, training.update()).unwrap();
    let stops = Stops::new(&policy, training.task().clock, []);
    while let Some((stop, reason)) = stops.after(training.update()) {
        training.advance(stop, u64::MAX).unwrap();
        training.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
        writer.offer(training.checkpoint().unwrap(), reason);
    }
    assert_eq!(writer.flush().problem, None);
    files::replace(&final_file(&folder), |file| file.write_all(result(&training).as_bytes())).unwrap();
}

fn spawn(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["checkpoint::killed::child", "--exact", "--quiet"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_training_killed_at_any_moment_ends_as_the_one_that_was_not() {
    let mut whole = long();
    whole.advance(u64::MAX, u64::MAX).unwrap();
    let expected = result(&whole);
    let mut moments = rng(6, Stream::Noise { update: 0 });
    let (mut kills, mut resumes, mut ends) = (0, 0, 0);
    while kills < KILLS {
        let folder = tempfile::tempdir().unwrap();
        while !final_file(folder.path()).exists() {
            let before = newest_good(folder.path()).unwrap().newest.map_or(0, |(_, found)| found.update());
            let mut child = spawn(folder.path());
            if kills < KILLS {
                std::thread::sleep(Duration::from_micros(below(&mut moments, 200_000) as u64));
                child.kill().unwrap();
            }
            let ended = child.wait().unwrap();
            kills += u32::from(!ended.success());
            resumes += u32::from(before > 0);
            let found = newest_good(folder.path()).unwrap();
            assert!(found.refused.is_empty(), "a kill leaves no half file: {:?}", found.refused);
            assert!(found.newest.map_or(0, |(_, found)| found.update()) >= before, "nothing is lost");
        }
        assert_eq!(fs::read_to_string(final_file(folder.path())).unwrap(), expected);
        ends += 1;
    }
    assert!(resumes >= 10 && ends >= 1, "{kills} kills, {resumes} resumes, {ends} ends");
}
