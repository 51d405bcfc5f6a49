//! The same layers in WGSL, for graphics adapters.

use std::fmt::Write as _;

use super::Mlp;
use crate::experiment::{Activation, Loss};
use crate::model::{Targets, Wgsl};

/// The layers' arithmetic, which the calls below put together.
const LAYERS: &str = include_str!("../../../shaders/train_mlp.wgsl");

impl Mlp {
    /// The loss and the gradient of batches of so many samples, whose answers are of this kind.
    pub(super) fn wgsl_of(&self, batch: usize, targets: Targets<'_>) -> Wgsl {
        // Where each layer's outputs and the slopes there lie; the last has none.
        let mut free = 0;
        let mut room = |numbers: usize| {
            let at = free;
            free += numbers;
            at
        };
        let places: Vec<[usize; 2]> =
            self.layers.iter().map(|layer| [(); 2].map(|()| room(batch * layer.outputs))).collect();
        let last = self.layers.len().saturating_sub(1);
        let activation = match self.activation {
            Activation::Tanh => 0,
            Activation::Relu => 1,
            Activation::Gelu => 2,
        };
        let loss = match (self.loss, targets) {
            (Loss::CrossEntropy, _) => 0,
            (Loss::Mse, Targets::Values { .. }) => 2,
            (Loss::Mse, _) => 1,
        };
        let outputs = self.layers.last().map_or(0, |layer| layer.outputs);
        let mut text = format!(
            "const ACTIVATION = {activation}u;\nconst LOSS = {loss}u;\nconst FEATURES = {}u;\nconst OUTPUTS = {outputs}u;\n\
             // No place in the scratch: the inputs are the data set's.\nconst DATA = 0xffffffffu;\n{LAYERS}\n\
             fn loss_and_gradient(row: u32, own: u32, samples: u32, first: bool, me: u32) -> f32 {{\n",
            self.inputs()
        );
        let source = |at: usize| match at.checked_sub(1).and_then(|before| places.get(before)) {
            Some([outputs, _]) => format!("{outputs}u"),
            None => "DATA".to_owned(),
        };
        let slopes =
            |at: usize| at.checked_sub(1).and_then(|before| places.get(before)).map_or(0, |place| place[1]);
        for (at, (layer, [to, slope])) in self.layers.iter().zip(&places).enumerate() {
            let (ins, outs, weight) = (layer.inputs, layer.outputs, layer.weight);
            let _ = writeln!(
                text,
                "    forward(row, own, samples, {}, {to}u, {slope}u, {ins}u, {outs}u, {weight}u, {}, me);",
                source(at),
                at < last
            );
        }
        let readout = places.get(last).map_or(0, |place| place[0]);
        let _ = writeln!(text, "    let loss = readout(own, samples, {readout}u, me);");
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let (ins, outs, weight) = (layer.inputs, layer.outputs, layer.weight);
            // The last layer's errors took the place of its outputs, the others' that of their slopes.
            let errors = places.get(at).map_or(0, |place| place[usize::from(at < last)]);
            let _ = writeln!(
                text,
                "    backward(row, own, samples, {}, {}u, {errors}u, {ins}u, {outs}u, {weight}u, first, me);",
                source(at),
                slopes(at)
            );
        }
        text.push_str("    return loss;\n}\n");
        Wgsl { text, scratch: free }
    }
}
