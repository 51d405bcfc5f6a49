use anneal_studio::experiment::Norm;
use anneal_studio::model::transformer::{Size, Transformer};
use anneal_studio::model::{Batch, Inputs, Model, Targets};
use anneal_studio::random::{Stream, below, rng};
use serde_json::Value;

use super::golden::{classes, numbers, read, row, single, size};
use super::{check, check_cores, check_lanes, check_nan, check_probabilities, fused, train, worst};

fn batch<'a>(tokens: &'a [u8], rows: &'a [u32]) -> Batch<'a> {
    Batch { inputs: Inputs::Characters { tokens }, targets: Targets::NextCharacter, rows }
}

fn text(length: usize, vocabulary: usize) -> Vec<u8> {
    let mut rng = rng(3, Stream::Generate);
    (0..length).map(|_| below(&mut rng, vocabulary) as u8).collect()
}

#[test]
fn equals_pytorch() {
    for golden in read()["transformer"].as_array().unwrap() {
        let norm = if golden["norm"] == "pre" { Norm::Pre } else { Norm::Post };
        let [layers, width, heads, context, vocabulary] =
            ["layers", "width", "heads", "context", "vocabulary"].map(|name| size(&golden[name]));
        let model = Transformer::new(Size { layers, width, heads, context, norm, vocabulary }).unwrap();
        let read = |from: &Value| row(&model, |name| numbers(&from[name.trim_start_matches("block")]));
        // The windows one after the other, each with the character after its last one.
        let (inputs, next) = (classes(&golden["inputs"]), classes(&golden["classes"]));
        let windows = inputs.chunks(context).zip(next.chunks(context));
        let tokens: Vec<u8> = windows
            .flat_map(|(inputs, next)| inputs.iter().chain(next.last()).map(|token| *token as u8))
            .collect();
        let rows: Vec<u32> = (0..tokens.len() as u32).step_by(context + 1).collect();
        let weights = single(&read(&golden["weights"]));
        let (loss, gradient) = fused(&model, &weights, batch(&tokens, &rows));
        assert!((f64::from(loss) - golden["loss"].as_f64().unwrap()).abs() < 2e-6, "{norm:?}");
        let (error, parameter) = worst(&model, &gradient, &read(&golden["gradients"]));
        assert!(error < 2e-5, "{norm:?}, {parameter}: {error}");
    }
}

#[test]
fn agrees_with_autograd_and_finite_differences() {
    // (layers, width, heads, context, vocabulary): whole vectors and not, blocks of several windows and not.
    let sizes =
        [(2, 32, 4, 32, 66), (1, 16, 1, 16, 16), (2, 24, 3, 21, 7), (3, 8, 8, 5, 3), (1, 40, 2, 70, 20)];
    for norm in [Norm::Pre, Norm::Post] {
        for (layers, width, heads, context, vocabulary) in sizes {
            let model = Transformer::new(Size { layers, width, heads, context, norm, vocabulary }).unwrap();
            let tokens = text(3 * context, vocabulary);
            for rows in [&[0_u32][..], &[5, 1, 1], &[0, 3, 2, 4, 1, 0, 2, 5, 3]] {
                check(&model, batch(&tokens, rows));
            }
        }
    }
}

#[test]
fn lanes_are_alone_and_predictions_are_probabilities() {
    for norm in [Norm::Pre, Norm::Post] {
        let size = Size { layers: 2, width: 20, heads: 2, context: 18, norm, vocabulary: 9 };
        let model = Transformer::new(size).unwrap();
        let tokens = text(100, 9);
        let rows = [[0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 6, 5, 4, 3, 2, 1], [81, 80, 3, 2, 1, 7, 7, 7, 0]];
        check_lanes(&model, &rows.each_ref().map(|rows| batch(&tokens, rows)));
        // Every character, so that no row of the embedding goes unread.
        check_nan(&model, batch(&tokens, &[0, 20, 40, 60, 80]));
        check_probabilities(&model, batch(&tokens, &rows[2]), 9 * 18);
        let score = model.score(&super::weights(&model, 0), batch(&tokens, &rows[0]), &mut model.scratch(9));
        assert_eq!(score.count, 9 * 18);
    }
}

#[test]
fn a_prediction_does_not_see_what_comes_later() {
    let size = Size { layers: 2, width: 16, heads: 2, context: 40, norm: Norm::Pre, vocabulary: 5 };
    let model = Transformer::new(size).unwrap();
    let (before, mut after) = (text(41, 5), text(41, 5));
    for token in &mut after[25..] {
        *token = (*token + 1) % 5;
    }
    let weights = super::weights(&model, 0);
    let [before, after] = [before, after].map(|tokens| {
        let mut predictions = vec![0.0; 40 * 5];
        model.predict(&weights, batch(&tokens, &[0]), &mut predictions, &mut model.scratch(1));
        predictions
    });
    assert_eq!(before[..25 * 5], after[..25 * 5]);
    assert_ne!(before[25 * 5..], after[25 * 5..]);
}

#[test]
fn heads_that_do_not_divide_the_width_are_refused() {
    for heads in [0, 3] {
        let size = Size { layers: 1, width: 8, heads, context: 4, norm: Norm::Pre, vocabulary: 5 };
        assert!(Transformer::new(size).is_err());
    }
}

#[test]
fn learns() {
    for norm in [Norm::Pre, Norm::Post] {
        let size = Size { layers: 1, width: 16, heads: 2, context: 16, norm, vocabulary: 4 };
        let model = Transformer::new(size).unwrap();
        // What comes next follows from the two characters before.
        let tokens: Vec<u8> = (0..60).map(|at| [0, 0, 1, 2, 1, 3][at % 6]).collect();
        let (first, last) = train(&model, batch(&tokens, &[0, 7, 14, 21, 28, 35]), 0.2, 400);
        assert!(last < 0.25 * first, "{norm:?}: {first} to {last}");
    }
}

#[test]
fn any_number_of_cores_gives_the_same_bits() {
    let tokens = text(300, 17);
    for (norm, count) in [(Norm::Pre, 16), (Norm::Post, 19)] {
        let size = Size { layers: 2, width: 24, heads: 3, context: 30, norm, vocabulary: 17 };
        let rows: Vec<u32> = (0..count).map(|at| 7 * at).collect();
        check_cores(&Transformer::new(size).unwrap(), batch(&tokens, &rows), count as usize * 30 * 17);
    }
}
