//! Ensembles of snapshots, against a program that measures the exported weights again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anneal_studio::analysis::ensemble::{
    Averages, Candidate, Disputed, EnsembleError, Line, LineKind, Report, Reports, Session, Workbench,
};
use anneal_studio::data::{Prepared, Targets};
use anneal_studio::experiment::Experiment;
use anneal_studio::train::checkpoint::Checkpoint;
use anneal_studio::train::task::{Task, prepare};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;

use crate::support::Fixture;
use crate::training::{MOONS, cohort};

const SMALL: &str = r#"
anneal = 1
name = "five small snapshots"
[data]
name = "mnist1d"
batch_size = 64
validation = 0.02
[model]
kind = "mlp"
hidden = [8]
activation = "relu"
[train]
updates = "600"
[snapshots]
when = "cycle_end"
keep = 5
average = ["swa", "ema"]
[[run]]
name = "five cycles"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine_restarts", peak = 0.2, first = "120", mult = 1 }
"#;

/// The experiment under one seed, which deals out the data, too.
fn large(seed: u64) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mnist1d-snapshots.toml");
    let text = std::fs::read_to_string(path).unwrap();
    text.with("seed = 0", &format!("seed = {seed}")).with("replicas = 5", "replicas = 1")
}

fn trained(text: &str) -> Checkpoint {
    let mut trained = cohort(text, 2);
    trained.advance(u64::MAX, u64::MAX).unwrap();
    trained.checkpoint().unwrap()
}

fn golden_path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn golden(section: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden_path("ensemble.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document[section].as_array().unwrap().clone()
}

/// Writes what `tests/golden/ensemble.py` reads into the folder that ANNEAL_EXPORT names.
#[test]
#[ignore = "makes the input of tests/golden/ensemble.py"]
fn export() {
    let folder = std::env::var_os("ANNEAL_EXPORT").expect("ANNEAL_EXPORT names a folder");
    let large = (0..5).map(|seed| (format!("seed{seed}"), large(seed)));
    for (name, text) in large.chain([("small".to_owned(), SMALL.to_owned())]) {
        let checkpoint = trained(&text);
        checkpoint.save(&Path::new(&folder).join(format!("{name}.safetensors"))).unwrap();
        let prepared = prepare(&checkpoint.experiment).unwrap();
        let Prepared::Samples { validation, .. } = &*prepared else { panic!("samples") };
        let Targets::Classes { labels, .. } = &validation.targets else { panic!("classes") };
        let bytes =
            |numbers: &mut dyn Iterator<Item = f32>| numbers.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
        let features = bytes(&mut validation.features.iter().copied());
        let labels = bytes(&mut labels.iter().map(|label| *label as f32));
        let shape = vec![validation.len(), validation.shape.features()];
        let tensors = HashMap::from([
            ("features", TensorView::new(Dtype::F32, shape, &features).unwrap()),
            ("labels", TensorView::new(Dtype::F32, vec![validation.len()], &labels).unwrap()),
        ]);
        let file = Path::new(&folder).join(format!("{name}_validation.safetensors"));
        safetensors::serialize_to_file(tensors, None, &file).unwrap();
    }
}

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < 2e-5 * (1.0 + expected.abs()), "{what}: {found}, not {expected}");
}

fn same(line: &Line, expected: &Value) {
    let what = format!("{line:?}");
    close(line.measures.accuracy.unwrap(), &expected["accuracy"], &what);
    close(line.measures.nll.unwrap(), &expected["nll"], &what);
    close(line.measures.ece.unwrap(), &expected["ece"], &what);
    close(line.measures.loss, &expected["nll"], &what);
}

fn same_matrix(found: &[Vec<f64>], expected: &Value, what: &str) {
    assert_eq!(found.len(), expected.as_array().unwrap().len());
    for (row, found) in found.iter().enumerate() {
        for (column, found) in found.iter().enumerate() {
            close(*found, &expected[row][column], what);
        }
    }
}

#[test]
fn every_figure_is_what_numpy_says_of_the_same_weights() {
    let checkpoint = Checkpoint::open(&golden_path("ensemble.safetensors")).unwrap();
    let reports = Reports::of(&checkpoint).unwrap();
    let expected = &golden("small")[0];
    let [report] = &reports.lanes[..] else { panic!("one lane") };
    let snapshots: Vec<&Line> = report.lines.iter().filter(|line| line.kind == LineKind::Snapshot).collect();
    assert_eq!(snapshots.len(), 5);
    for (at, line) in snapshots.into_iter().enumerate() {
        assert_eq!(line.update, expected["snapshots"][at]["update"].as_u64());
        same(line, &expected["snapshots"][at]);
    }
    for (kind, name) in [
        (LineKind::Ensemble, "ensemble"),
        (LineKind::Soup, "soup"),
        (LineKind::GreedySoup, "greedy_soup"),
        (LineKind::Swa, "swa"),
        (LineKind::Ema, "ema"),
        (LineKind::Last, "last"),
    ] {
        same(report.line(kind).unwrap(), &expected[name]);
    }
    assert_eq!(
        report.line(LineKind::GreedySoup).unwrap().members as u64,
        expected["greedy_soup"]["members"].as_u64().unwrap()
    );
    same_matrix(&report.disagreement, &expected["disagreement"], "disagreement");
    same_matrix(&report.correlation, &expected["correlation"], "correlation");
    for (at, barrier) in report.barriers.iter().enumerate() {
        close(barrier.height, &expected["barriers"][at], "barrier");
    }
}

fn line(report: &Report, kind: LineKind) -> (f64, f64) {
    let measures = report.line(kind).unwrap().measures;
    (measures.accuracy.unwrap(), measures.nll.unwrap())
}

/// Huang et al. 2017 on this data: accuracy .714 against .702 and NLL .84 against 1.33, means over five
/// seeds. The NLL is better on every seed by far. The gain in accuracy is as large as its spread: better
/// on 4 of these 5 seeds, and on 3 of the 5 replicas that share the first seed's split; another machine
/// rounds otherwise and may count one more or less, so its own count is asserted with that much room.
#[test]
fn five_snapshots_together_beat_one_cosine_at_equal_budget() {
    let recorded = golden("mnist1d");
    let (mut wins, mut recorded_wins, mut gain) = (0, 0, 0.0);
    for seed in 0..5 {
        let reports = Reports::of(&trained(&large(seed))).unwrap();
        let [cycles, cosine] = &reports.lanes[..] else { panic!("two runs") };
        let (together, single) = (line(cycles, LineKind::Ensemble), line(cosine, LineKind::Last));
        let told = &recorded[seed as usize];
        assert_eq!((&told[0]["run"], &told[1]["run"]), (&"five cycles".into(), &"one cosine".into()));
        let figures = |told: &Value| (told["accuracy"].as_f64().unwrap(), told["nll"].as_f64().unwrap());
        let (told_together, told_single) = (figures(&told[0]["ensemble"]), figures(&told[1]["last"]));
        assert!(together.1 < 0.8 * single.1, "NLL on seed {seed}: {together:?} {single:?}");
        assert!(told_together.1 < 0.8 * told_single.1, "numpy agrees");
        wins += u32::from(together.0 > single.0);
        recorded_wins += u32::from(told_together.0 > told_single.0);
        gain += (together.0 - single.0) / 5.0;
        for ((accuracy, nll), (told_accuracy, told_nll)) in [(together, told_together), (single, told_single)]
        {
            assert!((accuracy - told_accuracy).abs() < 0.04, "{accuracy} {told_accuracy}");
            assert!((nll / told_nll - 1.0).abs() < 0.25, "{nll} {told_nll}");
        }
    }
    assert!(recorded_wins >= 4, "as recorded and measured again by numpy: {recorded_wins} of 5");
    assert!(wins >= 3 && gain > 0.0, "here: {wins} of 5, {gain} on average");
}

#[test]
fn the_barrier_to_the_same_network_with_its_units_in_another_order_is_high() {
    let (mut bench, _) = bench(SMALL);
    let checkpoint = Checkpoint::open(&golden_path("ensemble.safetensors")).unwrap();
    let last = checkpoint.lanes[0].kept.clone().unwrap().snapshots.pop_back().unwrap().weights;
    let mut reversed = last.to_vec();
    let parameters = bench.task().model.parameters().to_vec();
    let (w1, b1, w2) = (&parameters[0], &parameters[1], &parameters[2]);
    let units = b1.len();
    reversed[b1.range()].reverse();
    reversed[w1.range()].chunks_exact_mut(units).for_each(<[f32]>::reverse);
    for unit in 0..units {
        let row = |unit: usize| w2.offset + unit * w2.shape[1]..w2.offset + (unit + 1) * w2.shape[1];
        reversed[row(unit)].copy_from_slice(&last[row(units - 1 - unit)]);
    }
    let (a, b) = (bench.add("last", None, &last).unwrap(), bench.add("reversed", None, &reversed).unwrap());
    let barrier = bench.barrier(a, b, 11).unwrap();
    assert!((barrier.losses[0] - barrier.losses[10]).abs() < 1e-5, "the same function");
    assert_eq!((barrier.shares[0], barrier.shares[5], barrier.shares[10]), (0.0, 0.5, 1.0));
    assert!(barrier.height > 0.1);
    close(barrier.height, &golden("small")[0]["barrier_to_itself_reversed"], "barrier");
}

fn bench(text: &str) -> (Workbench, Checkpoint) {
    let checkpoint = trained(text);
    let experiment: &Experiment = &checkpoint.experiment;
    let prepared = prepare(experiment).unwrap();
    (Workbench::new(Task::new(experiment, Arc::clone(&prepared)).unwrap()).unwrap(), checkpoint)
}

#[test]
fn members_are_chosen_freely() {
    let (mut bench, checkpoint) = bench(SMALL);
    let kept = checkpoint.lanes[0].kept.clone().unwrap();
    for snapshot in &kept.snapshots {
        bench.add("a snapshot", Some(snapshot.update), &snapshot.weights).unwrap();
    }
    let alone = bench.ensemble(&[2]).unwrap();
    let member = bench.members()[2].measures;
    assert!((alone.nll.unwrap() - member.nll.unwrap()).abs() < 1e-6 && alone.accuracy == member.accuracy);
    let swa = bench.soup(&[0, 1, 2, 3, 4]).unwrap();
    assert!(swa.weights.iter().zip(kept.swa.as_ref().unwrap()).all(|(a, b)| (a - b).abs() < 1e-5));
    let best = bench.single_best(&[0, 1, 3]).unwrap();
    let goodness = |at: usize| bench.members()[at].measures.accuracy.unwrap();
    assert!([0, 1, 3].contains(&best) && [0, 1, 3].iter().all(|&at| goodness(best) >= goodness(at)));
    let greedy = bench.greedy_soup(&[0, 1, 2, 3, 4]).unwrap();
    let single = bench.single_best(&[0, 1, 2, 3, 4]).unwrap();
    assert!(greedy.measures.accuracy.unwrap() >= goodness(single), "by construction");
    assert_eq!(greedy.members[0], single);
    assert!(matches!(bench.ensemble(&[]), Err(EnsembleError::NothingChosen)));
    assert!(matches!(bench.ensemble(&[7]), Err(EnsembleError::NothingChosen)));
    let error = bench.add("another", None, &[0.0; 3]).unwrap_err().to_string();
    assert_eq!(error, "snapshot \"another\" has 3 weights and the model 418: it is another model's");
}

#[test]
fn the_samples_in_dispute_are_those_on_which_members_differ() {
    let (mut bench, checkpoint) = bench(SMALL);
    for snapshot in &checkpoint.lanes[0].kept.clone().unwrap().snapshots {
        bench.add("a snapshot", Some(snapshot.update), &snapshot.weights).unwrap();
    }
    let all = bench.disputed(&[0, 1, 2, 3, 4], usize::MAX).unwrap();
    assert_eq!(all.len(), 100);
    assert!(all.windows(2).all(|pair| pair[0].disagreement >= pair[1].disagreement));
    assert!(all.iter().all(|sample| sample.disagreement > -1e-6 && sample.disagreement < 10_f64.ln()));
    assert!(all[0].answers.iter().any(|answer| *answer != all[0].answers[0]));
    let of_one_mind = |sample: &&Disputed| sample.answers.iter().all(|answer| *answer == sample.answers[0]);
    let (agreed, differed): (Vec<&Disputed>, Vec<_>) = all.iter().partition(of_one_mind);
    let mean =
        |some: &[&Disputed]| some.iter().map(|sample| sample.disagreement).sum::<f64>() / some.len() as f64;
    assert!(mean(&differed) > mean(&agreed), "{} {}", mean(&differed), mean(&agreed));
    let right = all.iter().filter(|sample| sample.together == sample.truth).count();
    assert_eq!(right as f64 / 100.0, bench.ensemble(&[0, 1, 2, 3, 4]).unwrap().accuracy.unwrap());
    assert!(bench.disputed(&[3], 1).unwrap()[0].disagreement.abs() < 1e-6, "one alone disputes nothing");
}

#[test]
fn it_says_plainly_when_the_ensemble_does_not_help() {
    let (mut bench, checkpoint) = bench(SMALL);
    let kept = checkpoint.lanes[0].kept.clone().unwrap();
    for _ in 0..3 {
        bench.add("the same", None, &kept.snapshots[4].weights).unwrap();
    }
    let verdict = bench.verdict(&[0, 1, 2], &[0, 1, 2]).unwrap();
    assert!(verdict.starts_with("The ensemble of 3 does not help accuracy: 0."), "{verdict}");
    assert_eq!(bench.disagreement(), vec![vec![0.0; 3]; 3]);
    assert!(bench.correlation().concat().iter().all(|one| (one - 1.0).abs() < 1e-9));
    assert!(bench.barrier(0, 1, 5).unwrap().height < 1e-6, "no barrier to oneself");
}

#[test]
fn numbers_and_weights_that_diverged_are_told_without_accuracy() {
    let sine = SMALL.with("\"mnist1d\"", "\"sine\"").with("validation = 0.02", "validation = 0.2");
    let sine = sine.with("[train]\n", "[train]\nloss = \"mse\"\n").with("peak = 0.2", "peak = 0.05");
    let reports = Reports::of(&trained(&sine)).unwrap();
    let report = &reports.lanes[0];
    assert!(report.lines.iter().all(|line| line.measures.accuracy.is_none() && line.measures.loss < 1.0));
    assert!(report.verdict.as_ref().unwrap().contains("its loss is"), "{:?}", report.verdict);
    let csv = reports.csv();
    assert!(
        csv.starts_with(
            "run,replica,kind,update,members,loss,accuracy,nll,ece\nfive cycles,0,snapshot,120,1,"
        ),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 1 + 5 + 1 + 5 + 3);

    let diverged = SMALL.with("peak = 0.2", "peak = 1e20");
    let reports = Reports::of(&trained(&diverged)).unwrap();
    assert!(reports.lanes[0].lines.iter().all(|line| line.measures.loss.is_nan()));
    assert!(serde_json::to_string(&reports).unwrap().contains("\"nll\":null"));

    let nothing = MOONS.with("[data]\n", "[data]\nvalidation = 0.0\n");
    let checkpoint = trained(&nothing);
    assert!(matches!(Reports::of(&checkpoint), Err(EnsembleError::NothingHeldOut)));
}

/// The loss is summed by the model, the NLL from predictions and the text: they agree only where predictions are
/// compared with the right characters.
#[test]
fn windows_of_a_text_are_compared_with_the_character_after_them() {
    let text = SMALL.with("\"mnist1d\"", "\"shakespeare\"").with("hidden = [8]", "hidden = [8]\ncontext = 5");
    let reports = Reports::of(&trained(&text)).unwrap();
    for line in reports.lanes[0].lines.iter().filter(|line| line.members == 1) {
        let nll = line.measures.nll.unwrap();
        assert!((line.measures.loss - nll).abs() < 1e-4, "{:?}", line.measures);
    }
}

#[test]
fn a_session_says_what_the_report_says_and_remembers() {
    let checkpoint = trained(SMALL);
    let kept = checkpoint.lanes[0].kept.clone().unwrap();
    let report = &Reports::of(&checkpoint).unwrap().lanes[0];
    let prepared = prepare(&checkpoint.experiment).unwrap();
    let mut session = Session::new(&checkpoint.experiment, prepared).unwrap();
    let candidates: Vec<Candidate<'_>> = kept
        .snapshots
        .iter()
        .map(|snapshot| Candidate {
            key: 100 + snapshot.update,
            update: snapshot.update,
            weights: &snapshot.weights,
        })
        .collect();
    let all = [0, 1, 2, 3, 4];
    let averages = Averages { swa: kept.swa.as_deref().map(|weights| (weights, 5)), ..Averages::default() };
    let found = session.compare(("five cycles", 0), &candidates, &all, averages).unwrap();
    for kind in [LineKind::Ensemble, LineKind::GreedySoup, LineKind::SingleBest, LineKind::Swa] {
        assert_eq!(found.report.line(kind), report.line(kind), "{kind:?}");
    }
    assert_eq!(found.report.barriers, report.barriers);
    assert_eq!(found.disputed.len(), 24);
    // Some of the same again: the same figures, of a part.
    let some = session.compare(("five cycles", 0), &candidates, &[1, 3], Averages::default()).unwrap();
    assert_eq!(some.report.lines[..5], report.lines[..5]);
    assert_eq!(some.report.disagreement[0][1], report.disagreement[1][3]);
    assert_eq!((some.report.correlation.len(), some.report.barriers.len()), (2, 1));
    // The best single one is the best of all snapshots, whichever are ticked.
    assert_eq!(some.report.line(LineKind::SingleBest), report.line(LineKind::SingleBest));
    let none = session.compare(("five cycles", 0), &candidates, &[], Averages::default()).unwrap();
    assert!(none.report.verdict.is_none() && none.disputed.is_empty() && none.report.lines.len() == 5);
    assert!(session.compare(("five cycles", 0), &candidates, &[7], Averages::default()).is_err());
}
