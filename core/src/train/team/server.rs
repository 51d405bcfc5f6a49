//! The server's step along the mean change of a round (Reddi et al. 2021, arXiv 2003.00295, algorithm 2).

use crate::experiment::Team as Spec;
use crate::experiment::team::{Server, ServerKind};

/// The first and second moment at the beginning, where the server keeps them.
pub(super) fn moments(spec: &Spec, width: usize) -> [Vec<f32>; 2] {
    let Spec::Federated(it) = spec else { return Default::default() };
    let first = if it.server.momentum > 0.0 { width } else { 0 };
    let second = if it.server.optimizer == ServerKind::Sgd { 0 } else { width };
    [vec![0.0; first], vec![(it.server.tau * it.server.tau) as f32; second]]
}

/// Moves the weights from where they are towards the mean of the clients'.
pub(super) fn step(server: &Server, lr: f64, mean: &[f64], moments: &mut [Vec<f32>; 2], weights: &mut [f32]) {
    let Server { optimizer, momentum, beta2, tau, .. } = server;
    let [first, second] = moments;
    for (at, (weight, mean)) in weights.iter_mut().zip(mean).enumerate() {
        let change = mean - f64::from(*weight);
        let mut direction = change;
        if let Some(kept) = first.get_mut(at) {
            let new = if *optimizer == ServerKind::Sgd { 1.0 } else { 1.0 - momentum };
            direction = momentum * f64::from(*kept) + new * change;
            *kept = direction as f32;
        }
        if let Some(kept) = second.get_mut(at) {
            let (v, square) = (f64::from(*kept), change * change);
            let v = match optimizer {
                ServerKind::Sgd => v,
                ServerKind::Adagrad => v + square,
                ServerKind::Adam => beta2 * v + (1.0 - beta2) * square,
                ServerKind::Yogi => v - (1.0 - beta2) * square * (v - square).signum(),
            };
            *kept = v as f32;
            direction /= v.sqrt() + tau;
        }
        *weight = (f64::from(*weight) + lr * direction) as f32;
    }
}
