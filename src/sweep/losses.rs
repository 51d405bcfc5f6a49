//! The training loss along a trial's way, by equal stretches of the run: enough to see what it did.

use super::steps::STEPS;

/// Sums of the losses of each stretch, and how many they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses([(f64, u32); STEPS as usize]);

impl Losses {
    /// Takes in the loss of one update of a run of so many.
    pub fn add(&mut self, update: u64, updates: u64, loss: f32) {
        let stretch = u128::from(update) * u128::from(STEPS) / u128::from(updates.max(1));
        let last = self.0.len() - 1;
        let (sum, count) = &mut self.0[usize::try_from(stretch).unwrap_or(last).min(last)];
        *sum += f64::from(loss);
        *count += 1;
    }

    fn mean(&self, stretch: usize) -> Option<f64> {
        let (sum, count) = self.0[stretch];
        (count > 0).then(|| sum / f64::from(count))
    }
}

/// The mean over seeds of each stretch that all of them have, by its step of [`STEPS`]; it ends where a loss is no
/// longer finite.
pub fn together(seeds: &[&Losses]) -> Vec<(u64, f32)> {
    let mut found = Vec::new();
    for (at, step) in (0..STEPS as usize).zip(1..) {
        let means: Option<Vec<f64>> = seeds.iter().map(|losses| losses.mean(at)).collect();
        let Some(means) = means.filter(|means| !means.is_empty()) else { continue };
        let mean = (means.iter().sum::<f64>() / means.len() as f64) as f32;
        if !mean.is_finite() {
            break;
        }
        found.push((step, mean));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_has_the_mean_of_its_updates_and_all_seeds() {
        let (mut one, mut two) = (Losses::default(), Losses::default());
        for update in 0..40 {
            one.add(update, 40, update as f32);
            two.add(update, 40, update as f32 + 2.0);
        }
        let together = together(&[&one, &two]);
        assert_eq!(together.len(), STEPS as usize);
        assert_eq!((together[0], together[19]), ((1, 1.5), (20, 39.5)));
    }

    #[test]
    fn a_short_run_leaves_stretches_out_and_a_lost_loss_ends_it() {
        let mut short = Losses::default();
        (0..4).for_each(|update| short.add(update, 4, 1.0));
        assert_eq!(together(&[&short]), [(1, 1.0), (6, 1.0), (11, 1.0), (16, 1.0)]);
        short.add(2, 4, f32::NAN);
        assert_eq!(together(&[&short]), [(1, 1.0), (6, 1.0)]);
        assert_eq!(together(&[&short, &Losses::default()]), [], "a seed that has not begun has no mean");
        assert_eq!(together(&[]), []);
    }
}
