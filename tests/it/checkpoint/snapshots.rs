//! Snapshots and averages of weights along the way.

use anneal_studio::train::ids::Mode;

use crate::support::Fixture;
use crate::training::{MOONS, cohort, revision};

const SNAPSHOTS: &str = "[snapshots]\nwhen = \"cycle_end\"\nkeep = 3\naverage = [\"swa\", \"ema\"]\n[[run]]\nname = \"cycles\"\noptimizer = { kind = \"sgd\" }\nlr = { kind = \"cosine_restarts\", peak = 0.1, first = \"40\", mult = 1 }\n";

#[test]
fn snapshots_and_averages_are_of_the_weights_along_the_way() {
    let head = MOONS[..MOONS.find("[[run]]").unwrap()].with("replicas = 2", "replicas = 1");
    let text = head + SNAPSHOTS;
    let mut trained = cohort(&text, 1);
    let weights = trained.task().model.width();
    let (mut taken, mut ema) = (Vec::new(), Vec::new());
    for done in 1..=200_u64 {
        trained.advance(done, 1).unwrap();
        let row: Vec<f64> = trained.rows().get(0).unwrap().to_vec1::<f32>().unwrap()[..weights]
            .iter()
            .map(|x| f64::from(*x))
            .collect();
        ema = if done == 1 {
            row.clone()
        } else {
            ema.iter().zip(&row).map(|(mean, x)| 0.999 * mean + 0.001 * x).collect()
        };
        if done % 40 == 0 {
            taken.push((done, row));
        }
    }
    let keeper = trained.lanes()[0].keeper.as_ref().unwrap();
    let kept = keeper.kept();
    assert_eq!(kept.taken, 5);
    let updates: Vec<u64> = kept.snapshots.iter().map(|snapshot| snapshot.update).collect();
    assert_eq!(updates, [120, 160, 200], "the newest three");
    for (snapshot, (_, expected)) in kept.snapshots.iter().zip(&taken[2..]) {
        assert!(snapshot.weights.iter().zip(expected).all(|(a, b)| f64::from(*a) == *b));
    }
    let mean: Vec<f64> =
        (0..weights).map(|at| taken.iter().map(|(_, row)| row[at]).sum::<f64>() / 5.0).collect();
    let close = |found: &[f32], expected: &[f64]| {
        found.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5)
    };
    assert!(close(kept.swa.as_ref().unwrap(), &mean), "all five are in the mean");
    assert!(close(kept.ema.as_ref().unwrap(), &ema));
    let chunked = {
        let mut chunked = cohort(&text, 1);
        chunked.advance(u64::MAX, u64::MAX).unwrap();
        chunked
    };
    assert_eq!(chunked.lanes()[0].keeper.as_ref(), Some(keeper), "whatever the chunks");
    trained.restart().unwrap();
    assert_eq!(trained.lanes()[0].keeper.as_ref().unwrap().kept().taken, 0);
}

#[test]
fn snapshots_every_span_are_edited_with_the_experiment_and_absent_when_not_asked_for() {
    let mut trained = cohort(MOONS, 1);
    assert!(trained.lanes().iter().all(|lane| lane.keeper.is_none()));
    let with = |when: &str| {
        MOONS.replacen("[[run]]", &format!("[snapshots]\nwhen = \"{when}\"\nkeep = 9\n[[run]]"), 1)
    };
    trained.advance(25, u64::MAX).unwrap();
    trained.revise(revision(&with("30"), 1), Mode::Live).unwrap();
    trained.advance(100, u64::MAX).unwrap();
    trained.revise(revision(&with("25%"), 2), Mode::Live).unwrap();
    trained.advance(u64::MAX, u64::MAX).unwrap();
    for lane in trained.lanes() {
        let kept = lane.keeper.as_ref().unwrap().kept();
        let updates: Vec<u64> = kept.snapshots.iter().map(|snapshot| snapshot.update).collect();
        assert_eq!(updates, [30, 60, 90, 150, 200]);
        assert_eq!((&kept.swa, &kept.ema), (&None, &None));
    }
    trained.revise(revision(MOONS, 3), Mode::Live).unwrap();
    assert!(trained.lanes().iter().all(|lane| lane.keeper.is_none()));
}
