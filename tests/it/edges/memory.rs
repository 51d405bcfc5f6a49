//! Memory and threads that are not there: said beforehand, with both numbers, and never an abort.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anneal_studio::engine::protocol::{Command as Tell, State};
use anneal_studio::engine::{Engine, Options};
use anneal_studio::train::ids::Mode;

use super::{SMALL, place, program, runs};
use crate::engine::wait;
use crate::training::revision;

/// Billions of weights, which no machine that runs this has the memory for.
fn vast() -> String {
    let layers = vec!["16384"; 64].join(", ");
    SMALL.replace("[8]", &format!("[{layers}]"))
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_both_numbers() {
    let folder = place();
    fs::write(folder.path().join("vast.toml"), vast()).unwrap();
    fs::write(folder.path().join("many.toml"), {
        vast().replace("\"200\"", "\"200\", replicas = 1024").replace("[16384", "[16383")
    })
    .unwrap();
    // About half a gigabyte in one layer, under a limit of two.
    fs::write(folder.path().join("limited.toml"), SMALL.replace("[8]", "[16000, 8000, 2000]")).unwrap();
    for line in [
        "$anneal train vast.toml",
        "$anneal train vast.toml --out out",
        "$anneal train many.toml",
        "$anneal find-lr vast.toml",
        "$anneal bench --quick --lanes 1000000000",
        "ulimit -v 2000000; $anneal train limited.toml",
        "ulimit -v 2000000; $anneal find-lr limited.toml",
    ] {
        let (_, said) = runs(folder.path(), line, 1);
        let numbers = said.split_whitespace().filter(|word| matches!(*word, "MB" | "GB" | "kB")).count();
        assert!(said.contains("memory") && said.contains("free") && numbers == 2, "{line}: {said}");
    }
    let (_, said) = runs(folder.path(), "$anneal screenshot vast.toml --out p.png", 1);
    assert!(!said.contains("allocation"), "{said}");
}

#[test]
fn the_studio_says_what_does_not_fit_and_goes_on() {
    let start = |text: &str| Engine::start(revision(text, 0), Options::default(), || ()).unwrap();
    let engine = start(&vast());
    wait(
        &engine,
        "the refusal",
        |shared| matches!(&shared.status.state, State::Failed(why) if why.contains("memory") && why.contains("free")),
    );
    assert!(engine.send(Tell::Revise(revision(SMALL, 1), Mode::Live)));
    wait(&engine, "the end", |shared| shared.status.state == State::Finished);
}

#[cfg(target_os = "linux")]
#[test]
fn more_threads_than_cores_are_not_started() {
    let folder = place();
    let long = SMALL.replace("\"200\"", "\"500000\"");
    fs::write(folder.path().join("long.toml"), long).unwrap();
    let mut command = Command::new(program());
    command.args(["train", "long.toml", "--threads", "3000"]).current_dir(folder.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (start, mut most) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(1500) && child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let threads = text.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok());
        most = most.max(threads.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(most > 0 && most <= cores + 8, "{most} threads on {cores} cores");
    let (_, said) = runs(folder.path(), "$anneal train small.toml --threads 100000", 0);
    assert!(said.contains(&format!("{cores} of {cores} cores")), "{said}");
    let (_, said) = runs(folder.path(), "$anneal train small.toml --threads 0", 0);
    assert!(said.contains("at least one thread"), "{said}");
}
