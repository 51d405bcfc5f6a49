//! The thread that writes: what stays in the folder, and what a slow or full disk costs.

use std::fs;

use anneal_studio::train::checkpoint::policy::Stops;
use anneal_studio::train::checkpoint::{Policy, Reason, Refusal, Writer, file_name, newest_good};
use anneal_studio::train::cohort::Cohort;

use crate::training::{MOONS, cohort};

/// Trains as the command line does, and gives back how often the writer was offered something.
fn train(cohort: &mut Cohort, writer: &Writer, policy: &Policy) -> u64 {
    let clock = cohort.task().clock;
    let ends: Vec<u64> =
        cohort.lanes().iter().flat_map(|lane| lane.run_plan.cycle_ends(clock.updates)).collect();
    let stops = Stops::new(policy, clock, ends);
    let mut offered = 0;
    while let Some((stop, reason)) = stops.after(cohort.update()) {
        cohort.advance(stop, u64::MAX).unwrap();
        cohort.lanes_mut().iter_mut().for_each(|lane| lane.log.clear());
        writer.offer(cohort.checkpoint().unwrap(), reason);
        offered += 1;
    }
    offered
}

#[test]
fn the_writer_keeps_the_newest_and_the_best_and_offers_the_previous_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy { every: "20".parse().unwrap(), keep: 2, ..Policy::default() };
    let mut trained = cohort(MOONS, 1);
    let writer = Writer::start(folder.path(), policy, 0).unwrap();
    let mut losses = Vec::new();
    let mut stop = 0;
    while stop < 200 {
        stop += 20;
        trained.advance(stop, u64::MAX).unwrap();
        let checkpoint = trained.checkpoint().unwrap();
        losses.push((stop, checkpoint.val_loss().unwrap()));
        writer.offer(checkpoint, Reason::Every);
        assert_eq!(writer.flush().problem, None);
    }
    assert_eq!(writer.report().written, 10);
    drop(writer);
    let names = || {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let best =
        losses.iter().copied().reduce(|best, other| if other.1 < best.1 { other } else { best }).unwrap().0;
    let mut expected: Vec<String> = [best, 180, 200].map(file_name).to_vec();
    expected.dedup();
    assert_eq!(names(), expected);

    let newest = folder.path().join(file_name(200));
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(folder.path().join(".anneal-killed.tmp"), "half").unwrap();
    let found = newest_good(folder.path()).unwrap();
    assert_eq!(found.newest.unwrap().1.update(), 180);
    assert!(matches!(&found.refused[..], [Refusal::Broken { file, .. }] if *file == newest));

    // Going on from 180: what came after, and what a kill left, is tidied away.
    drop(Writer::start(folder.path(), policy, 180).unwrap());
    expected.retain(|name| *name != file_name(200));
    assert_eq!(names(), expected);
    drop(Writer::start(folder.path(), policy, 0).unwrap());
    assert!(names().is_empty(), "a training from update 0 begins with an empty folder");
}

#[test]
fn a_slow_disk_costs_periodic_checkpoints_and_never_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy { every: "1".parse().unwrap(), keep: 1, ..Policy::default() };
    let writer = Writer::start(folder.path(), policy, 0).unwrap();
    let mut trained = cohort(MOONS, 1);
    let offered = train(&mut trained, &writer, &policy);
    let report = writer.flush();
    assert_eq!((offered, report.written + report.dropped), (200, 200));
    assert_eq!(newest_good(folder.path()).unwrap().newest.unwrap().1, trained.checkpoint().unwrap());
}

#[test]
fn a_disk_that_takes_nothing_is_told_and_training_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("checkpoints");
    let policy = Policy { every: "100".parse().unwrap(), keep: 1, ..Policy::default() };
    let writer = Writer::start(&inside, policy, 0).unwrap();
    fs::remove_dir(&inside).unwrap();
    let mut trained = cohort(MOONS, 1);
    train(&mut trained, &writer, &policy);
    assert_eq!(trained.update(), 200);
    let problem = writer.flush().problem.unwrap();
    assert!(problem.contains("after update 200 is not on the disk"), "{problem}");
    fs::create_dir(&inside).unwrap();
    writer.offer(trained.checkpoint().unwrap(), Reason::Last);
    assert_eq!(writer.flush().problem, None, "the disk has room again");
}
