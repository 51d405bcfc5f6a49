//! Runs that stall beside their siblings: nothing is wrong with them alone, but on the same model and data another
//! schedule or optimizer reaches far more.

/// Of what can be learned, a run that lacks this share of it is behind,
const BEHIND: f64 = 0.3;
/// if its loss is this many times the least, too: tiny losses are not told apart.
const FACTOR: f64 = 1.2;

/// A run that is behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Behind {
    /// Its place in the list, and its loss.
    pub run: usize,
    pub loss: f64,
    /// The place of the best one, and the least loss.
    pub best: usize,
    pub least: f64,
}

/// Which of some runs on the same model and data are behind, by their losses now; one that has none, or has not come
/// far enough to be judged, has no number. `chance` is the loss of knowing nothing about an input.
pub fn behind(losses: &[Option<f64>], chance: f64) -> Vec<Behind> {
    let known = losses
        .iter()
        .enumerate()
        .filter_map(|(run, loss)| Some((run, loss.filter(|loss| loss.is_finite())?)));
    let Some((best, least)) = known.clone().min_by(|a, b| a.1.total_cmp(&b.1)) else { return Vec::new() };
    let to_learn = (chance - least).max(0.0);
    let far = |loss: f64| loss - least > BEHIND * to_learn && loss > FACTOR * least;
    known.filter(|(_, loss)| far(*loss)).map(|(run, loss)| Behind { run, loss, best, least }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_lacks_much_of_what_its_sibling_learned_is_behind() {
        let found = behind(&[Some(2.5), Some(3.3), None, Some(f64::NAN)], 3.37);
        assert_eq!(found, [Behind { run: 1, loss: 3.3, best: 0, least: 2.5 }]);
    }

    #[test]
    fn runs_that_are_near_each_other_or_nearly_perfect_are_not() {
        assert!(behind(&[Some(2.5), Some(2.6)], 3.37).is_empty());
        assert!(behind(&[Some(3e-9), Some(4e-5)], 2.3).is_empty());
        assert!(behind(&[Some(2.5)], 3.37).is_empty() && behind(&[], 3.37).is_empty());
    }
}
