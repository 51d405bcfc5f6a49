//! Trials that differ in nothing but a seed, as one: what is compared is everything else.

use super::objective::mean;
use super::trial::{Status, Trial};
use crate::experiment::Sweep;
use crate::experiment::sweep::Axis;
use crate::experiment::vary::is_seed;

/// The sweep without its axes of seeds, and each group of trials that differ in them only as one trial, whose
/// objectives are the means. It has the first one's number, and the status of the first that is not complete. `None` where no axis is
/// a seed.
pub fn together(sweep: &Sweep, trials: &[Trial]) -> Option<(Sweep, Vec<Trial>)> {
    let over: Vec<Axis> = sweep.over.iter().filter(|axis| !is_seed(&axis.path)).cloned().collect();
    if over.len() == sweep.over.len() {
        return None;
    }
    let mut groups: Vec<Vec<&Trial>> = Vec::new();
    let mut known = std::collections::HashMap::new();
    let seeds: Vec<&str> =
        sweep.over.iter().filter(|axis| is_seed(&axis.path)).map(|axis| axis.path.as_str()).collect();
    let rest = |trial: &Trial| {
        let mut values = trial.values.clone();
        values.retain(|(path, _)| !seeds.contains(&path.as_str()));
        values
    };
    for trial in trials {
        let at = *known.entry(format!("{:?}", rest(trial))).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Vec::new());
        }
        groups[at].push(trial);
    }
    let one = |group: &Vec<&Trial>| {
        let first = group[0];
        let bad = group.iter().find(|trial| trial.status != Status::Complete);
        let objective = |at: usize| mean(&group.iter().map(|trial| trial.objectives[at]).collect::<Vec<_>>());
        Trial {
            trial: first.trial,
            values: rest(first),
            status: bad.unwrap_or(&first).status,
            updates: group.iter().map(|trial| trial.updates).max().unwrap_or(0),
            objectives: (0..first.objectives.len()).map(objective).collect(),
            seeds: group.iter().flat_map(|trial| trial.seeds.clone()).collect(),
            curve: first.curve.clone(),
            losses: losses(group),
            lineage: None,
        }
    };
    Some((Sweep { over, ..sweep.clone() }, groups.iter().map(one).collect()))
}

/// The mean losses of the stretches that all have.
fn losses(group: &[&Trial]) -> Vec<(u64, f32)> {
    let shortest = group.iter().map(|trial| trial.losses.len()).min().unwrap_or(0);
    let count = group.len() as f32;
    let at = |at: usize| {
        let sum: f32 = group.iter().map(|trial| trial.losses[at].1).sum();
        (group[0].losses[at].0, sum / count)
    };
    (0..shortest).map(at).collect()
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;
    use crate::experiment::sweep::{Objective, Prune, Search, Values};

    fn axis(path: &str, values: &[i64]) -> Axis {
        let values = values.iter().copied().map(Value::Integer).collect();
        Axis { path: path.to_owned(), values: Values::Choices(values) }
    }

    #[test]
    fn trials_that_differ_in_a_seed_are_one() {
        let over = vec![axis("data.batch_size", &[8, 16]), axis("train.seed", &[0, 1])];
        let sweep = Sweep {
            run: "one".into(),
            search: Search::Grid,
            trials: None,
            seeds: 1,
            seed: None,
            objectives: vec![Objective::FinalValLoss],
            prune: Prune::None,
            over,
        };
        let trial = |at: usize, batch: i64, seed: i64, value: Option<f64>| Trial {
            trial: at,
            values: vec![
                ("data.batch_size".into(), Value::Integer(batch)),
                ("train.seed".into(), Value::Integer(seed)),
            ],
            status: if value.is_some() { Status::Complete } else { Status::Diverged },
            updates: 5,
            objectives: vec![value],
            seeds: vec![vec![value]],
            curve: Vec::new(),
            losses: vec![(1, at as f32)],
            lineage: None,
        };
        let trials = [
            trial(0, 8, 0, Some(1.0)),
            trial(1, 8, 1, Some(2.0)),
            trial(2, 16, 0, Some(3.0)),
            trial(3, 16, 1, None),
        ];
        let (merged, both) = together(&sweep, &trials).unwrap();
        assert_eq!((merged.over.len(), both.len()), (1, 2));
        assert_eq!((both[0].trial, both[0].objectives[0], both[0].seeds.len()), (0, Some(1.5), 2));
        assert_eq!(both[0].losses, [(1, 0.5)]);
        assert_eq!((both[1].trial, both[1].objectives[0], both[1].status), (2, None, Status::Diverged));
        assert_eq!(both[0].values.len(), 1);
        assert!(together(&merged, &both).is_none());
    }
}
