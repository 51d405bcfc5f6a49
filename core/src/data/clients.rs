//! Training samples dealt out to clients.

use rand_chacha::rand_core::RngCore;

use super::{Samples, Targets};
use crate::random::{self, Stream, normal, uniform};

/// Deals all samples out to so many clients. With a `skew` each class is parted by a draw from the symmetric Dirichlet
/// distribution of that concentration (Hsu et al. 2019, arXiv 1909.06335); without, or where the answers are numbers, the
/// shuffled samples are parted equally. A client that would have none gets one of the client with the most.
pub fn deal_out(samples: &Samples, clients: usize, skew: Option<f64>, seed: u64) -> Vec<Vec<u32>> {
    let mut rng = random::rng(seed, Stream::DealOut);
    let mut dealt = vec![Vec::new(); clients.max(1)];
    let mut rows: Vec<u32> = (0..samples.len() as u32).collect();
    random::shuffle(&mut rng, &mut rows);
    match (&samples.targets, skew) {
        (Targets::Classes { labels, names }, Some(skew)) => {
            for class in 0..names.len() as u32 {
                let own: Vec<u32> =
                    rows.iter().copied().filter(|row| labels.get(*row as usize) == Some(&class)).collect();
                let shares = dirichlet(&mut rng, skew, dealt.len());
                part(&own, &shares, &mut dealt);
            }
        }
        _ => {
            let shares = vec![1.0 / dealt.len() as f64; dealt.len()];
            part(&rows, &shares, &mut dealt);
        }
    }
    while let Some(empty) = dealt.iter().position(Vec::is_empty) {
        let richest = dealt.iter().enumerate().max_by_key(|(_, rows)| rows.len()).map_or(0, |(at, _)| at);
        match dealt.get_mut(richest).filter(|rows| rows.len() > 1).and_then(Vec::pop) {
            Some(row) => dealt[empty].push(row),
            None => break,
        }
    }
    dealt
}

/// Parts rows by shares that add up to 1: borders are rounded, so that nothing is lost.
fn part(rows: &[u32], shares: &[f64], dealt: &mut [Vec<u32>]) {
    let (mut sum, mut from) = (0.0, 0);
    for (at, (share, client)) in shares.iter().zip(dealt).enumerate() {
        sum += share;
        let rounded = (sum * rows.len() as f64).round() as usize;
        let to = if at + 1 == shares.len() { rows.len() } else { rounded.clamp(from, rows.len()) };
        client.extend_from_slice(&rows[from..to]);
        from = to;
    }
}

/// A draw from the symmetric Dirichlet distribution.
fn dirichlet(rng: &mut impl RngCore, concentration: f64, count: usize) -> Vec<f64> {
    let logs: Vec<f64> = (0..count).map(|_| log_gamma_variate(rng, concentration)).collect();
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| (log - highest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The logarithm of a draw from the gamma distribution of this shape and scale 1 (Marsaglia and Tsang 2000). As a
/// logarithm: with a small shape the number itself may be too small for a float.
fn log_gamma_variate(rng: &mut impl RngCore, shape: f64) -> f64 {
    if shape < 1.0 {
        // A draw of shape + 1 times the power 1 / shape of a uniform one.
        let log = uniform(rng).max(f64::MIN_POSITIVE).ln() / shape;
        return log_gamma_variate(rng, shape + 1.0) + log;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform(rng).max(f64::MIN_POSITIVE).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return (d * v).ln();
        }
    }
}

/// Fills `order` with a client's rows, shuffled for one of its epochs.
pub fn client_order(seed: u64, client: usize, epoch: u64, rows: &[u32], order: &mut Vec<u32>) {
    order.clear();
    order.extend_from_slice(rows);
    let index = ((client as u64) << 48) | epoch;
    random::shuffle(&mut random::rng(seed, Stream::Client { index }), order);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Prepared, Split};

    #[test]
    fn every_sample_is_dealt_once_and_a_small_concentration_parts_the_classes() {
        let split = Split { seed: 0, validation: 0.2, label_noise: 0.0, limit: None };
        let prepared = Dataset::load("digits").unwrap().prepare(&split).unwrap();
        let Prepared::Samples { train, .. } = prepared else { panic!() };
        let Targets::Classes { labels, .. } = &train.targets else { panic!() };
        // The mean over clients of the share of a client's most frequent class.
        let purity = |skew| {
            let dealt = deal_out(&train, 20, skew, 3);
            let mut all = dealt.concat();
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..train.len() as u32));
            assert!(dealt.iter().all(|rows| !rows.is_empty()));
            let of = |rows: &Vec<u32>| {
                let count = |class| rows.iter().filter(|row| labels[**row as usize] == class).count();
                (0..10).map(count).max().unwrap() as f64 / rows.len() as f64
            };
            dealt.iter().map(of).sum::<f64>() / 20.0
        };
        let (alike, mild, harsh) = (purity(None), purity(Some(1.0)), purity(Some(0.05)));
        assert!(alike < 0.25 && mild > alike && harsh > 0.6 && harsh > mild, "{alike} {mild} {harsh}");
    }

    #[test]
    fn draws_have_the_moments_of_the_gamma_distribution() {
        for shape in [0.3, 1.0, 4.5] {
            let mut rng = random::rng(1, Stream::DealOut);
            let draws: Vec<f64> = (0..40_000).map(|_| log_gamma_variate(&mut rng, shape).exp()).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!(
                (mean / shape - 1.0).abs() < 0.03 && (variance / shape - 1.0).abs() < 0.08,
                "{mean} {variance}"
            );
        }
    }
}
