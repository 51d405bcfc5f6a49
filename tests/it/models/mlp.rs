use anneal_studio::experiment::{Activation, Loss, Window};
use anneal_studio::model::mlp::Mlp;
use anneal_studio::model::{Batch, Inputs, Model, Targets};
use anneal_studio::random::{Stream, below, rng};

use super::golden::{classes, numbers, read, row, single, sizes};
use super::{
    Samples, check, check_cores, check_lanes, check_nan, check_probabilities, check_unlabelled, fused, train,
    worst,
};

const ACTIVATIONS: [(Activation, &str); 3] =
    [(Activation::Tanh, "tanh"), (Activation::Relu, "relu"), (Activation::Gelu, "gelu_erf")];

#[test]
fn equals_pytorch() {
    let golden = &read()["mlp"];
    let values = single(&numbers(&golden["inputs"]));
    let (sizes, labels) = (sizes(&golden["sizes"]), classes(&golden["classes"]));
    let rows: Vec<u32> = (0..labels.len() as u32).collect();
    for case in golden["cases"].as_array().unwrap() {
        let activation = ACTIVATIONS.iter().find(|(_, name)| case["activation"] == *name);
        let Some((activation, name)) = activation else { continue };
        let loss = if case["loss_name"] == "mse" { Loss::Mse } else { Loss::CrossEntropy };
        let model = Mlp::new(&sizes, *activation, loss);
        let read =
            |from: &serde_json::Value| row(&model, |name| numbers(&from[name.trim_start_matches("layer")]));
        let batch = Batch {
            inputs: Inputs::Dense { values: &values, width: sizes[0] },
            targets: Targets::Classes(&labels),
            rows: &rows,
        };
        let (found, gradient) = fused(&model, &single(&read(&golden["weights"])), batch);
        assert!((f64::from(found) - case["loss"].as_f64().unwrap()).abs() < 1e-6, "{name}");
        let (error, parameter) = worst(&model, &gradient, &read(&case["gradients"]));
        assert!(error < 1e-5, "{name}, {parameter}: {error}");
    }
}

#[test]
fn agrees_with_autograd_and_finite_differences() {
    for (activation, _) in ACTIVATIONS {
        for loss in [Loss::CrossEntropy, Loss::Mse] {
            for sizes in [&[5, 3][..], &[16, 32, 16], &[7, 20, 33, 10]] {
                let model = Mlp::new(sizes, activation, loss);
                for count in [1, 5, 16, 37] {
                    let samples = Samples::new(count, sizes[0], sizes[sizes.len() - 1]);
                    let rows: Vec<u32> = (0..count as u32).rev().collect();
                    check(&model, samples.batch(&rows));
                }
            }
        }
    }
}

#[test]
fn regression_agrees_with_autograd() {
    let model = Mlp::new(&[4, 9, 3], Activation::Tanh, Loss::Mse);
    let samples = Samples::new(11, 4, 3);
    let answers = Samples::new(11, 3, 2).values;
    let targets = Targets::Values { values: &answers, width: 3 };
    check(&model, Batch { targets, ..samples.batch(&[10, 2, 3, 3, 0]) });
}

#[test]
fn lanes_are_alone_and_predictions_are_probabilities() {
    let model = Mlp::new(&[6, 19, 4], Activation::Gelu, Loss::CrossEntropy);
    let samples = Samples::new(20, 6, 4);
    let rows: Vec<u32> = (0..20).collect();
    check_lanes(
        &model,
        &[samples.batch(&rows[..9]), samples.batch(&rows[4..13]), samples.batch(&rows[11..])],
    );
    check_nan(&model, samples.batch(&rows));
    check_probabilities(&model, samples.batch(&rows), rows.len());
    check_unlabelled(&model, &samples);
}

#[test]
fn learns() {
    let samples = Samples::new(24, 5, 3);
    let rows: Vec<u32> = (0..24).collect();
    for (activation, _) in ACTIVATIONS {
        let model = Mlp::new(&[5, 32, 3], activation, Loss::CrossEntropy);
        let (first, last) = train(&model, samples.batch(&rows), 0.5, 300);
        assert!(last < 0.2 * first, "{activation:?}: {first} to {last}");
    }
}

#[test]
fn any_number_of_cores_gives_the_same_bits() {
    for (activation, _) in ACTIVATIONS {
        for sizes in [&[64, 200, 121, 10][..], &[300, 256, 33], &[64, 1, 300, 300, 16]] {
            let samples = Samples::new(150, sizes[0], sizes[sizes.len() - 1]);
            let rows: Vec<u32> = (0..131).collect();
            let model = Mlp::new(sizes, activation, Loss::CrossEntropy);
            check_cores(&model, samples.batch(&rows), 131 * sizes[sizes.len() - 1]);
        }
    }
}

/// Windows of a text of so many characters.
fn windows<'a>(tokens: &'a [u8], rows: &'a [u32]) -> Batch<'a> {
    Batch { inputs: Inputs::Characters { tokens }, targets: Targets::NextCharacter, rows }
}

fn text(length: usize, vocabulary: usize) -> Vec<u8> {
    let mut rng = rng(5, Stream::Generate);
    (0..length).map(|_| below(&mut rng, vocabulary) as u8).collect()
}

/// Widths that are whole vectors and not, a window of one character, and no hidden layer.
const TEXT_SIZES: [(usize, usize, &[usize], usize); 4] =
    [(8, 16, &[32], 66), (5, 3, &[21, 9], 7), (1, 1, &[4], 3), (3, 16, &[], 16)];

#[test]
fn embedded_windows_agree_with_autograd_and_finite_differences() {
    for (context, embedding, hidden, vocabulary) in TEXT_SIZES {
        for (activation, _) in ACTIVATIONS {
            for loss in [Loss::CrossEntropy, Loss::Mse] {
                let window = Window { context, embedding };
                let model = Mlp::of_text(window, hidden, vocabulary, activation, loss);
                let tokens = text(60, vocabulary);
                for rows in [&[0_u32][..], &[5, 1, 1], &[0, 3, 2, 40, 1, 0, 22, 5, 51]] {
                    check(&model, windows(&tokens, rows));
                }
            }
        }
    }
}

#[test]
fn lanes_that_read_windows_are_alone() {
    let window = Window { context: 6, embedding: 5 };
    let model = Mlp::of_text(window, &[19], 9, Activation::Tanh, Loss::CrossEntropy);
    let tokens = text(100, 9);
    let rows = [[0, 1, 2, 3], [9, 8, 7, 6], [81, 80, 3, 93]];
    check_lanes(&model, &rows.each_ref().map(|rows| windows(&tokens, rows)));
    let all: Vec<u32> = (0..90).collect();
    check_nan(&model, windows(&tokens, &all));
    check_probabilities(&model, windows(&tokens, &rows[2]), 4);
    let score = model.score(&super::weights(&model, 0), windows(&tokens, &rows[0]), &mut model.scratch(4));
    assert_eq!(score.count, 4, "a window predicts one character");
}

#[test]
fn any_number_of_cores_reads_windows_to_the_same_bits() {
    let tokens = text(300, 66);
    let rows: Vec<u32> = (0..131).map(|at| at * 2).collect();
    for (activation, _) in ACTIVATIONS {
        let window = Window { context: 8, embedding: 16 };
        let model = Mlp::of_text(window, &[96, 50], 66, activation, Loss::CrossEntropy);
        check_cores(&model, windows(&tokens, &rows), 131 * 66);
    }
}

#[test]
fn learns_what_follows_a_window() {
    let window = Window { context: 3, embedding: 4 };
    let model = Mlp::of_text(window, &[24], 4, Activation::Tanh, Loss::CrossEntropy);
    // What comes next follows from the two characters before.
    let tokens: Vec<u8> = (0..60).map(|at| [0, 0, 1, 2, 1, 3][at % 6]).collect();
    let rows: Vec<u32> = (0..50).collect();
    let (first, last) = train(&model, windows(&tokens, &rows), 0.3, 300);
    assert!(last < 0.1 * first, "{first} to {last}");
}

#[test]
fn the_embedding_is_the_first_layer() {
    let window = Window { context: 8, embedding: 16 };
    let model = Mlp::of_text(window, &[96], 66, Activation::Tanh, Loss::CrossEntropy);
    let layers: Vec<(&str, usize)> =
        model.parameters().iter().map(|it| (it.name.as_str(), it.layer)).collect();
    let expected =
        [("tokens", 0), ("layer0.weight", 1), ("layer0.bias", 1), ("layer1.weight", 2), ("layer1.bias", 2)];
    assert_eq!(layers, expected);
    assert_eq!(model.width(), 66 * 16 + (8 * 16 + 1) * 96 + (96 + 1) * 66);
}
