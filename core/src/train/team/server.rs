//! The server's step along the mean change of a round (Reddi et al. 2021, arXiv 2003.00295, algorithm 2).

use super::average::Stored;
use crate::experiment::team::{Server, ServerKind};

/// The first and second moment at the beginning, where the server keeps them.
pub fn moments<F: Stored>(server: &Server, width: usize) -> [Vec<F>; 2] {
    let first = if server.momentum > 0.0 { width } else { 0 };
    let second = if server.optimizer == ServerKind::Sgd { 0 } else { width };
    [vec![F::of(0.0); first], vec![F::of(server.tau * server.tau); second]]
}

/// Moves the weights from where they are towards the mean of the clients'.
pub fn step<F: Stored>(server: &Server, lr: f64, mean: &[f64], moments: &mut [Vec<F>; 2], weights: &mut [F]) {
    let Server { optimizer, momentum, beta2, tau, .. } = server;
    let [first, second] = moments;
    for (at, (weight, mean)) in weights.iter_mut().zip(mean).enumerate() {
        let change = mean - weight.wide();
        let mut direction = change;
        if let Some(kept) = first.get_mut(at) {
            let new = if *optimizer == ServerKind::Sgd { 1.0 } else { 1.0 - momentum };
            direction = momentum * kept.wide() + new * change;
            *kept = F::of(direction);
        }
        if let Some(kept) = second.get_mut(at) {
            let (v, square) = (kept.wide(), change * change);
            let v = match optimizer {
                ServerKind::Sgd => v,
                ServerKind::Adagrad => v + square,
                ServerKind::Adam => beta2 * v + (1.0 - beta2) * square,
                ServerKind::Yogi => v - (1.0 - beta2) * square * (v - square).signum(),
            };
            *kept = F::of(v);
            direction /= v.sqrt() + tau;
        }
        *weight = F::of(weight.wide() + lr * direction);
    }
}
