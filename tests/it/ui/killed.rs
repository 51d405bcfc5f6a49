//! Edits of a studio that is killed at any moment: what is lost, and what is on the disk.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anneal_studio::experiment::Experiment;
use anneal_studio::files::Places;
use anneal_studio::schedule::kind::Value;
use anneal_studio::ui::action::Action;
use anneal_studio::ui::keeper::leftovers;

use super::stand_in::open_kept;
use crate::support::digits;

/// The folder of the process that edits.
const FOLDER: &str = "ANNEAL_TEST_EDITS";
/// Places to work in at the same time, and kills in each: 50 in all.
const STUDIOS: u64 = 5;
const KILLS: u64 = 10;

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Edits, saves, undoes and redoes until it is killed, and says after each step where it is. Run by the test below.
#[test]
#[ignore = "the process that the other test kills"]
fn a_studio_that_edits_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    // The studio itself, without a window: it keeps what it does at every frame.
    let mut studio = open_kept(digits(), None, &Places::below(&folder));
    if studio.harness.state().studio().unsaved.is_some() {
        studio.harness.state_mut().studio_mut().ask(Action::RestoreWork);
        studio.harness.run_steps(3);
    }
    let file = folder.join("experiment.toml");
    let mut dice = Dice(u64::from(std::process::id()));
    let begun = Instant::now();
    let mut step = 0;
    let mut handed: Vec<(u64, String)> = Vec::new();
    loop {
        step += 1;
        let document = &mut studio.harness.state_mut().studio_mut().document;
        let runs: Vec<_> = document.runs().map(|(row, _)| row.id).collect();
        let run = runs[dice.roll(runs.len() as u64) as usize];
        match dice.roll(10) {
            0 => document.undo(),
            1 => document.redo(),
            2 if runs.len() < 8 => drop(document.duplicate(run)),
            3 if runs.len() > 2 => document.remove(run),
            4 => {
                document.experiment().save(&file).unwrap();
                document.mark_saved(file.clone());
                say(&format!("saved {}", document.experiment().name));
            }
            _ => document.edit_run(run, |run| {
                let peak = 1e-3 * (1 + dice.roll(1000)) as f64;
                run.lr.kind.set("peak", Value::Number(peak));
            }),
        }
        document.edit(|experiment| experiment.name = format!("{} {step}", std::process::id()));
        document.settle();
        let name = document.experiment().name.clone();
        studio.harness.step();
        say(&format!("at {} {name}", begun.elapsed().as_millis()));
        let (newest, written) = studio.harness.state().kept().unwrap();
        handed.push((newest, name));
        let done = handed.partition_point(|(number, _)| *number <= written);
        if let Some((_, name)) = handed.drain(..done).next_back() {
            say(&format!("kept {name}"));
        }
        thread::sleep(Duration::from_millis(1 + dice.roll(8)));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

#[test]
fn fifty_kills_lose_no_work_that_was_kept_and_harm_no_file() {
    let lost = thread::scope(|scope| {
        let studios: Vec<_> = (0..STUDIOS).map(|number| scope.spawn(move || killed_often(number))).collect();
        studios.into_iter().flat_map(|studio| studio.join().unwrap()).collect::<Vec<u64>>()
    });
    assert!(!lost.is_empty(), "no kill came after work had been kept");
    let most = lost.iter().max().copied().unwrap_or_default();
    eprintln!("{} kills after work had been kept lost at most {most} ms of edits", lost.len());
}

/// Kills a studio again and again; the milliseconds of edits that were lost each time.
fn killed_often(number: u64) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(number);
    (0..KILLS).filter_map(|_| killed_once(folder.path(), Duration::from_millis(dice.roll(2500)))).collect()
}

/// Kills a studio once; the milliseconds of edits that were lost, where any had been kept before.
fn killed_once(folder: &Path, after: Duration) -> Option<u64> {
    let mut editing = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "ui::killed::a_studio_that_edits_until_it_is_killed"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(editing.stdout.take().unwrap());
    let lines = thread::scope(|scope| {
        let reading = scope.spawn(move || lines.lines().map_while(Result::ok).collect::<Vec<String>>());
        thread::sleep(after);
        editing.kill().unwrap();
        editing.wait().unwrap();
        reading.join().unwrap()
    });

    let (mut times, mut kept, mut saved) = (BTreeMap::new(), None, None);
    let step = |name: &str| name.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    for line in &lines {
        match line.split_once(' ') {
            Some(("at", rest)) => {
                let (time, name) = rest.split_once(' ').unwrap();
                times.insert(step(name), time.parse::<u64>().unwrap());
            }
            Some(("kept", name)) => kept = Some(step(name)),
            Some(("saved", name)) => saved = Some(name.to_owned()),
            _ => {}
        }
    }
    let file = folder.join("experiment.toml");
    if file.exists() {
        // Whole, whatever the moment was.
        Experiment::open(&file).unwrap();
    }
    assert!(saved.is_none() || file.exists());
    let found = leftovers(&Places::below(folder).state);
    let work = found.iter().find_map(|leftover| leftover.work.as_ref().ok());
    assert!(found.iter().all(|leftover| leftover.work.is_ok()), "what is there is whole");
    let kept = kept?;
    let work = work.expect("work that was kept is there");
    assert!(work.name().starts_with(&editing.id().to_string()), "the newest comes first");
    let there = step(work.name());
    assert!(there >= kept, "step {kept} was on the disk, and step {there} is there");
    let last = times.last_key_value().map_or(0, |(_, time)| *time);
    Some(times.range(there + 1..).next().map_or(0, |(_, time)| last - time))
}
