//! Over a long day: experiments opened one after the other leave no threads, descriptors or memory behind, and a
//! clock that is set back loses nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anneal_studio::engine::protocol::{Command as Tell, State};
use anneal_studio::engine::{Engine, Options};
use anneal_studio::train::ids::Mode;

use super::{SMALL, place, program, runs};
use crate::training::revision;

/// Says to the copy of this program that it is the child that is measured.
const CHILD: &str = "ANNEAL_TEST_OPENS_TWENTY";

/// Threads, descriptors and resident bytes of this process.
fn held() -> (u64, usize, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let number = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (number("Threads:"), fs::read_dir("/proc/self/fd").unwrap().count(), number("VmRSS:") * 1024)
}

/// Another experiment each time: data, model, runs and replicas change.
fn experiment(at: usize) -> String {
    let data = ["moons", "digits", "spirals", "mnist1d"][at % 4];
    SMALL
        .replace("moons", data)
        .replace("[8]", &format!("[{}]", 16 + 8 * (at % 3)))
        .replace("\"200\"", &format!("\"300\", replicas = {}", 1 + at % 3))
}

fn ends(engine: &Engine) {
    let start = Instant::now();
    while engine.read(|shared| shared.status.state != State::Finished) {
        assert!(start.elapsed() < Duration::from_secs(60), "the training does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// In a process of its own: other tests have threads and files of theirs.
#[test]
fn experiments_opened_one_after_the_other_leave_nothing_behind() {
    if std::env::var_os(CHILD).is_none() {
        let test = "edges::long_days::experiments_opened_one_after_the_other_leave_nothing_behind";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let done = child.args([test, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    // Once in one engine, as the studio opens files, and once in an engine each.
    let options = || Options { threads: Some(2), ..Options::default() };
    let open = |engine: &Engine, at: usize| {
        let revised = Tell::Revise(revision(&experiment(at), at as u64), Mode::Live);
        assert!(engine.send(revised) && engine.send(Tell::Restart));
        let start = Instant::now();
        while engine.read(|shared| shared.status.generation != at as u64) {
            assert!(start.elapsed() < Duration::from_secs(60), "the experiment is not opened");
            std::thread::sleep(Duration::from_millis(2));
        }
        ends(engine);
    };
    let round = |from: usize| {
        let engine = Engine::start(revision(&experiment(0), 0), options(), || ()).unwrap();
        ends(&engine);
        (1..10).for_each(|at| open(&engine, from + at));
        for at in 0..10 {
            ends(&Engine::start(revision(&experiment(from + at), 0), options(), || ()).unwrap());
        }
    };
    // What is made once and kept is not counted.
    round(0);
    let mut before = held();
    let mut grown = Vec::new();
    for more in 1..=5 {
        round(10 * more);
        // Threads of a pool end a moment after it.
        let start = Instant::now();
        let mut after = held();
        let is_more = |after: (u64, usize, u64)| after.0 > before.0 || after.1 > before.1;
        while is_more(after) && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
            after = held();
        }
        assert!(!is_more(after), "threads, descriptors, bytes: {after:?} were {before:?}");
        // The allocator may keep more where threads came in another order; what leaks grows every time.
        grown.push(after.2.saturating_sub(before.2));
        if grown.last() < Some(&(1 << 20)) {
            return;
        }
        before = after;
    }
    panic!("twenty experiments more take so many bytes each time: {grown:?}");
}

/// The library that fakes clocks, where it is installed.
fn faketime() -> Option<String> {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let library = |folder| format!("{folder}/faketime/libfaketime.so.1");
    places.into_iter().map(library).find(|library| Path::new(library).exists())
}

#[test]
fn a_clock_set_back_an_hour_while_training_loses_nothing() {
    let Some(library) = faketime() else {
        eprintln!("skipped: no libfaketime here, so no clock to set back (on Debian: apt install faketime)");
        return;
    };
    let folder = place();
    let text = SMALL.replace("\"200\"", "\"20000\"");
    fs::write(folder.path().join("long.toml"), text).unwrap();
    let train = "$anneal train long.toml --no-baseline --out";
    runs(folder.path(), &format!("{train} whole"), 0);
    let clock = folder.path().join("clock");
    fs::write(&clock, "+0").unwrap();
    let faked = |line: &str| {
        let faked =
            format!("LD_PRELOAD={library} FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE=$PWD/clock {line}");
        faked.replace("$anneal", &program().display().to_string())
    };
    let mut child = Command::new("sh");
    child.args(["-c", &format!("exec env {}", faked("$anneal train long.toml --no-baseline --out out"))]);
    let mut child = child.current_dir(folder.path()).spawn().unwrap();
    while !folder.path().join("out/checkpoints").is_dir() {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::write(&clock, "-3600").unwrap();
    assert!(child.wait().unwrap().success());
    let same = |name: &str| {
        let read = |out: &str| fs::read(folder.path().join(out).join(name)).unwrap();
        assert!(read("whole") == read("out"), "{name} differs");
    };
    ["metrics.csv", "events.jsonl"].into_iter().for_each(same);
    let summary = fs::read_to_string(folder.path().join("out/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let number = |key: &str| summary["runs"][0][key].as_f64().unwrap();
    assert!(number("seconds") >= 0.0 && number("updates_per_second").is_finite());
    // And it goes on from a checkpoint that lies in the future.
    fs::remove_file(super::newest(&folder.path().join("out"))).unwrap();
    runs(folder.path(), &format!("env {}", faked("$anneal train long.toml --resume out --no-baseline")), 0);
    ["metrics.csv", "events.jsonl"].into_iter().for_each(same);
}
