use anneal_studio::experiment::{Activation, Loss};
use anneal_studio::model::mlp::Mlp;
use anneal_studio::model::{Batch, Inputs, Targets};

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
