use anneal_studio::experiment::Loss;
use anneal_studio::model::cnn::Cnn;
use anneal_studio::model::{Batch, Inputs, Model, Targets};
use serde_json::Value;

use super::golden::{classes, numbers, read, row, single, size, sizes};
use super::{
    Samples, check, check_cores, check_lanes, check_nan, check_probabilities, check_unlabelled, fused, train,
    worst,
};

/// PyTorch's kernels are `[out, in, 3, 3]`, its head's inputs channel by channel.
fn as_here(name: &str, array: &Value, pixels: usize) -> Vec<f64> {
    let shape = sizes(&array["shape"]);
    let there = numbers(array);
    match *shape.as_slice() {
        [outputs, inputs, height, width] => (0..height * width * inputs * outputs)
            .map(|at| {
                let (tap, input, output) = (at / outputs / inputs, at / outputs % inputs, at % outputs);
                there[(output * inputs + input) * height * width + tap]
            })
            .collect(),
        [inputs, outputs] if name.starts_with("head") => {
            let channels = inputs / pixels;
            let at = |row: usize| (row % channels) * pixels + row / channels;
            (0..inputs).flat_map(|row| there[at(row) * outputs..][..outputs].to_vec()).collect()
        }
        _ => there,
    }
}

#[test]
fn equals_pytorch() {
    let golden = &read()["cnn"];
    let shape = sizes(&golden["inputs"]["shape"]);
    let labels = classes(&golden["classes"]);
    let classes = size(&golden["weights"]["head.bias"]["shape"][0]);
    let channels = sizes(&golden["channels"]);
    let model = Cnn::new((shape[2], shape[3]), &channels, classes, Loss::CrossEntropy).unwrap();
    let pixels = (shape[2] >> channels.len()) * (shape[3] >> channels.len());
    let read = |from: &Value| {
        row(&model, |name| {
            let name = name.trim_start_matches("convolution");
            as_here(name, &from[name], pixels)
        })
    };
    let values = single(&numbers(&golden["inputs"]));
    let rows: Vec<u32> = (0..labels.len() as u32).collect();
    let batch = Batch {
        inputs: Inputs::Dense { values: &values, width: shape[2] * shape[3] },
        targets: Targets::Classes(&labels),
        rows: &rows,
    };
    let (loss, gradient) = fused(&model, &single(&read(&golden["weights"])), batch);
    assert!((f64::from(loss) - golden["loss"].as_f64().unwrap()).abs() < 1e-6);
    let (error, parameter) = worst(&model, &gradient, &read(&golden["gradients"]));
    assert!(error < 1e-5, "{parameter}: {error}");
}

#[test]
fn agrees_with_autograd_and_finite_differences() {
    let shapes: [((usize, usize), &[usize]); 5] =
        [((8, 8), &[16, 32]), ((14, 14), &[4, 17]), ((8, 8), &[3, 5, 7]), ((5, 9), &[18]), ((3, 2), &[2])];
    for ((height, width), channels) in shapes {
        for (loss, counts) in [(Loss::CrossEntropy, &[1, 7, 16, 45][..]), (Loss::Mse, &[3])] {
            let model = Cnn::new((height, width), channels, 10, loss).unwrap();
            for &count in counts {
                let samples = Samples::new(count, height * width, 10);
                let rows: Vec<u32> = (0..count as u32).rev().collect();
                check(&model, samples.batch(&rows));
            }
        }
    }
}

#[test]
fn lanes_are_alone_and_predictions_are_probabilities() {
    let model = Cnn::new((8, 8), &[6, 20], 4, Loss::CrossEntropy).unwrap();
    let samples = Samples::new(90, 64, 4);
    let rows: Vec<u32> = (0..90).collect();
    check_lanes(
        &model,
        &[samples.batch(&rows[..40]), samples.batch(&rows[20..60]), samples.batch(&rows[50..])],
    );
    check_nan(&model, samples.batch(&rows[..35]));
    check_probabilities(&model, samples.batch(&rows), rows.len());
    check_unlabelled(&model, &samples);
}

#[test]
fn images_that_pooling_uses_up_are_refused() {
    assert!(Cnn::new((8, 8), &[2, 2, 2], 10, Loss::CrossEntropy).is_ok());
    let error = Cnn::new((8, 8), &[2, 2, 2, 2], 10, Loss::CrossEntropy).err().unwrap();
    assert!(error.to_string().contains("8x8"), "{error}");
    assert!(Cnn::new((8, 8), &[], 10, Loss::CrossEntropy).is_err());
}

#[test]
fn learns() {
    let model = Cnn::new((8, 8), &[4, 8], 3, Loss::CrossEntropy).unwrap();
    let samples = Samples::new(24, 64, 3);
    let rows: Vec<u32> = (0..24).collect();
    let (first, last) = train(&model, samples.batch(&rows), 0.2, 300);
    assert!(last < 0.2 * first, "{first} to {last}");
    assert_eq!(model.width(), 9 * 4 + 4 + 9 * 4 * 8 + 8 + 4 * 8 * 3 + 3);
}

#[test]
fn any_number_of_cores_gives_the_same_bits() {
    let samples = Samples::new(150, 64, 10);
    let model = Cnn::new((8, 8), &[16, 20], 10, Loss::CrossEntropy).unwrap();
    for count in [33, 64, 131] {
        let rows: Vec<u32> = (0..count).collect();
        check_cores(&model, samples.batch(&rows), 10 * count as usize);
    }
}
