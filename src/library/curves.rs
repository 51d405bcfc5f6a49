//! The curves of several seeds as one: their mean, between the least and the greatest of them.

use super::LaneRecord;

/// The validation losses of some seeds of a run, at the updates at which any of them was looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    pub updates: Vec<u64>,
    pub mean: Vec<f64>,
    pub least: Vec<f64>,
    pub greatest: Vec<f64>,
}

/// The band of each group of lanes. Where a lane has no look at an update, the line between the looks around it counts;
/// the band ends with the first lane that ends, and has a gap where no lane's loss is a number.
pub fn bands<'a, K: PartialEq>(
    lanes: impl IntoIterator<Item = (K, &'a LaneRecord)>,
) -> Vec<(K, Band, usize)> {
    let mut groups: Vec<(K, Vec<&LaneRecord>)> = Vec::new();
    for (key, lane) in lanes {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, lanes)) => lanes.push(lane),
            None => groups.push((key, vec![lane])),
        }
    }
    groups.into_iter().map(|(key, lanes)| (key, Band::of(&lanes), lanes.len())).collect()
}

impl Band {
    fn of(lanes: &[&LaneRecord]) -> Self {
        let mut updates: Vec<u64> =
            lanes.iter().flat_map(|lane| lane.validations.iter().map(|it| it.updates)).collect();
        updates.sort_unstable();
        updates.dedup();
        let ends = lanes.iter().filter_map(|lane| lane.validations.last()).map(|it| it.updates);
        let end = ends.min().unwrap_or(0);
        let mut band = Self::default();
        for update in updates.into_iter().filter(|update| *update <= end) {
            let there: Vec<f64> = lanes.iter().filter_map(|lane| loss_at(lane, update)).collect();
            band.updates.push(update);
            let none = f64::NAN;
            let count = there.len() as f64;
            band.mean.push(if there.is_empty() { none } else { there.iter().sum::<f64>() / count });
            band.least.push(there.iter().copied().reduce(f64::min).unwrap_or(none));
            band.greatest.push(there.iter().copied().reduce(f64::max).unwrap_or(none));
        }
        band
    }
}

/// A lane's loss at an update, on the line between the looks around it.
fn loss_at(lane: &LaneRecord, update: u64) -> Option<f64> {
    let after = lane.validations.iter().position(|it| it.updates >= update)?;
    let right = lane.validations.get(after)?;
    if right.updates == update {
        return right.loss;
    }
    let left = lane.validations.get(after.checked_sub(1)?)?;
    let share = (update - left.updates) as f64 / (right.updates - left.updates) as f64;
    Some(left.loss? + share * (right.loss? - left.loss?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Validated;

    fn lane(looks: &[(u64, f64)]) -> LaneRecord {
        let look = |&(updates, loss): &(u64, f64)| {
            let loss = Some(loss).filter(|loss| loss.is_finite());
            Validated { updates, loss, accuracy: None }
        };
        LaneRecord { validations: looks.iter().map(look).collect(), ..LaneRecord::default() }
    }

    #[test]
    fn a_band_is_the_mean_between_the_least_and_the_greatest_seed_as_far_as_all_came() {
        let lanes = [lane(&[(10, 4.0), (20, 2.0), (30, 1.0)]), lane(&[(10, 2.0), (30, 3.0), (40, 9.0)])];
        let other = lane(&[(5, 7.0)]);
        let all = [("a", &lanes[0]), ("b", &other), ("a", &lanes[1])];
        let bands = bands(all);
        assert_eq!(bands.len(), 2);
        let (key, band, count) = &bands[0];
        assert_eq!((*key, *count), ("a", 2));
        assert_eq!(band.updates, [10, 20, 30]);
        assert_eq!(band.mean, [3.0, 2.25, 2.0]);
        assert_eq!(band.least, [2.0, 2.0, 1.0]);
        assert_eq!(band.greatest, [4.0, 2.5, 3.0]);
    }

    #[test]
    fn a_seed_that_diverged_leaves_the_band_to_the_others() {
        let lanes = [lane(&[(10, 4.0), (20, f64::NAN)]), lane(&[(10, 2.0), (20, 1.0)])];
        let bands = bands(lanes.iter().map(|lane| ((), lane)));
        assert_eq!(bands[0].1.mean, [3.0, 1.0]);
        let lost = [lane(&[(10, 4.0), (20, f64::NAN)])];
        assert!(super::bands(lost.iter().map(|lane| ((), lane)))[0].1.mean[1].is_nan());
    }
}
