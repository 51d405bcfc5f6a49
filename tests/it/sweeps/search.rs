//! The searches, on a landscape whose best point is known.

use std::path::Path;

use anneal_studio::experiment::Sweep;
use anneal_studio::experiment::vary::Base;
use anneal_studio::schedule::Clock;
use anneal_studio::sweep::sampler::Sampler;
use anneal_studio::sweep::space::Space;

use super::support::experiment;

const OVER: &str = r#"[sweep.over]
"lr.peak" = { from = 1e-3, to = 1.0, scale = "log", points = 16 }
"optimizer.momentum" = { from = 0.0, to = 0.9, points = 16 }
"lr.kind" = ["cosine", "wsd", "linear"]
"#;

/// Best at a peak of 0.6 of the way, a momentum of 0.2 of it and the kind wsd.
fn badness(point: &[f64]) -> f64 {
    let kind = [0.02, 0.0, 0.05][(point[2] * 3.0) as usize];
    36.0 * (point[0] - 0.6).powi(2) + 0.8 * (point[1] - 0.2).powi(2) + kind
}

fn space(sweep: &str) -> (Sweep, Space) {
    let experiment = experiment(sweep);
    let sweep = experiment.sweep.clone().unwrap();
    let clock = Clock { updates: 60, updates_per_epoch: 10 };
    let base = Base::new(&experiment, "one", Path::new("moons.toml"), clock).unwrap();
    (sweep.clone(), Space::new(sweep.over, base))
}

fn sampler(search: &str, seed: u64) -> Sampler {
    let (sweep, space) = space(&format!("search = \"{search}\"\n{OVER}"));
    Sampler::new(&sweep, &space, seed)
}

/// Trials until one is better than `target`, at most 400.
fn trials_to(target: f64, search: &str, seed: u64) -> usize {
    let mut sampler = sampler(search, seed);
    let wave = sampler.at_once().unwrap_or(1);
    for first in (0..400).step_by(wave) {
        for (at, point) in sampler.ask(first..first + wave).iter().enumerate() {
            if badness(point) < target {
                return first + at + 1;
            }
            sampler.tell(point, badness(point));
        }
    }
    400
}

fn median(search: &str) -> usize {
    let mut trials: Vec<usize> = (0..20).map(|seed| trials_to(0.005, search, seed)).collect();
    trials.sort_unstable();
    trials[10]
}

#[test]
fn searches_that_learn_need_fewer_trials_than_chance() {
    let (random, tpe, cma_es) = (median("random"), median("tpe"), median("cma_es"));
    assert!(tpe < 90 && tpe * 2 < random, "tpe {tpe}, random {random}");
    assert!(cma_es * 2 < random, "cma_es {cma_es}, random {random}");
}

#[test]
fn a_search_is_its_seed() {
    for search in ["random", "sobol", "tpe", "cma_es", "grid"] {
        let asked = |seed| {
            let mut sampler = sampler(search, seed);
            let mut points = Vec::new();
            for first in (0..36).step_by(6) {
                let wave = sampler.ask(first..first + 6);
                wave.iter().for_each(|point| sampler.tell(point, badness(point)));
                points.extend(wave);
            }
            points
        };
        assert_eq!(asked(3), asked(3), "{search}");
        assert_eq!(asked(3) == asked(4), search == "grid", "{search}");
        assert!(asked(3).iter().flatten().all(|share| (0.0..=1.0).contains(share)), "{search}");
    }
}

#[test]
fn a_low_discrepancy_sequence_fills_the_space_evenly() {
    let points = sampler("sobol", 0).ask(0..256);
    let mut cells = [0; 256];
    points.iter().for_each(|point| cells[(point[0] * 16.0) as usize * 16 + (point[1] * 16.0) as usize] += 1);
    let filled = cells.iter().filter(|count| **count > 0).count();
    assert!(filled > 220, "{filled} of 256");
}

#[test]
fn a_few_points_of_a_grid_are_drawn_from_all_of_it() {
    for points in [20, 400] {
        let over = format!(
            "trials = 64\n[sweep.over]\n\
             \"lr.peak\" = {{ from = 1e-3, to = 1.0, scale = \"log\", points = {points} }}\n\
             \"optimizer.momentum\" = {{ from = 0.0, to = 0.9, points = {points} }}\n\
             \"lr.warmup.over\" = {{ from = \"0%\", to = \"50%\", points = 100 }}\n\
             \"lr.kind\" = [\"cosine\", \"wsd\"]\n"
        );
        let (_, space) = space(&over);
        let drawn = space.grid(Some(64), 7);
        assert_eq!(drawn.len(), 64);
        for axis in 0..3 {
            let low = drawn.iter().filter(|point| point[axis] < 0.5).count();
            assert!((16..=48).contains(&low), "{points} points, axis {axis}: {low} of 64 in its lower half");
        }
        let different: std::collections::HashSet<String> =
            drawn.iter().map(|point| format!("{point:?}")).collect();
        assert_eq!(different.len(), 64);
        assert_eq!(drawn, space.grid(Some(64), 7));
        assert_ne!(drawn, space.grid(Some(64), 8));
    }
}
