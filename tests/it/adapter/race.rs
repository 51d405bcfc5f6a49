//! Who trains where nobody chose: by injected times, and never a processor that plays an adapter.

use std::sync::Arc;
use std::time::Duration;

use anneal_studio::train::cohort::{Cohort, Race, Racer};
use anneal_studio::train::device::Choice;
use anneal_studio::train::ids::Mode;

use super::{bits, computer};
use crate::support::Fixture;
use crate::training::{MOONS, cohort, revision};

/// Many lanes with much to do.
fn many() -> String {
    MOONS.with("replicas = 2", "replicas = 20").with("\"200\"", "\"200000\"")
}

/// A cohort after a race in which a lap took these milliseconds, and how many laps there were of each.
fn raced(text: &str, cpu: u64, adapter: u64) -> Option<(Cohort, [u32; 2])> {
    let computer = computer()?;
    let pool = Arc::new(anneal_studio::train::pool(Some(2)).unwrap());
    let mut laps = [0; 2];
    let mut time = |racer, lap: &mut dyn FnMut()| {
        lap();
        laps[usize::from(racer == Racer::Adapter)] += 1;
        Duration::from_millis(if racer == Racer::Adapter { adapter } else { cpu })
    };
    let find = || Some(Arc::clone(&computer));
    let mut race = Race { adapter: &find, time: &mut time };
    let cohort = Cohort::choose_by(revision(text, 0), Choice::Auto, pool, &mut race).unwrap();
    Some((cohort, laps))
}

#[test]
fn the_faster_one_trains_and_what_it_trained_before_is_forgotten() {
    for (cpu, adapter, starts) in [(10, 5, "GPU "), (5, 10, "CPU, 2 threads (automatic")] {
        let Some((mut raced, laps)) = raced(&many(), cpu, adapter) else { return };
        assert!(raced.device().starts_with(starts), "{}", raced.device());
        assert!(raced.device().contains("lane-updates a second"), "{}", raced.device());
        assert!(laps.iter().all(|laps| *laps > 2), "{laps:?}");
        assert_eq!((raced.update(), raced.lanes()[0].log.rows.len()), (0, 0));
        raced.advance(30, u64::MAX).unwrap();
        let mut alone = if starts.starts_with("GPU") {
            super::on(&computer().unwrap(), &many())
        } else {
            cohort(&many(), 2)
        };
        alone.advance(30, u64::MAX).unwrap();
        assert!(bits(&raced) == bits(&alone), "{starts}");
    }
}

#[test]
fn few_lanes_little_work_and_what_adapters_cannot_do_race_nobody() {
    let attacked = many().with("{ kind = \"adamw\" }", "{ kind = \"lamb\" }");
    for text in [MOONS.to_owned(), many().with("\"200000\"", "\"20\""), attacked] {
        let Some((raced, laps)) = raced(&text, 10, 1) else { return };
        assert_eq!(laps, [0, 0]);
        assert_eq!(raced.device_name(), "CPU, 2 threads");
    }
}

#[test]
fn a_processor_that_plays_an_adapter_is_never_chosen_by_itself() {
    let Some(computer) = computer() else { return };
    if !computer.is_software() {
        return eprintln!("SKIPPED, the adapter here is a real one: {}", computer.name());
    }
    let pool = Arc::new(anneal_studio::train::pool(Some(2)).unwrap());
    let mut chosen = Cohort::choose(revision(&many(), 0), Choice::Auto, pool).unwrap();
    assert_eq!(chosen.device_name(), "CPU, 2 threads");
    chosen.revise(revision(&many().with("seed = 3", "seed = 4"), 1), Mode::Live).unwrap();
    assert_eq!(chosen.device_name(), "CPU, 2 threads");
    chosen.relocate(Choice::Gpu).unwrap();
    assert!(chosen.device().contains("the processor plays it"), "{}", chosen.device());
    chosen.relocate(Choice::Auto).unwrap();
    assert_eq!(chosen.device_name(), "CPU, 2 threads");
}
