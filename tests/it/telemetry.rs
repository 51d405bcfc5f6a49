//! Telemetry against the plain list of samples it stands for.

use anneal_studio::telemetry::metrics::{Measured, MetricsError, Reader, Writer};
use anneal_studio::telemetry::{
    Bucket, Column, Event, EventKind, Precision, Row, Sample, Series, Smoother, Store,
};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

const EVERYTHING: std::ops::RangeInclusive<u64> = 0..=u64::MAX;

/// The splitmix64 generator: a number that looks random for each `state`.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From 0 to 1.
fn fraction(state: u64) -> f64 {
    (mix(state) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Values of every size and sign, one in `odd` of them not finite.
fn value(seed: u64, index: u64, odd: u64) -> f64 {
    let draw = mix(seed ^ mix(index));
    if odd > 0 && draw.is_multiple_of(odd) {
        return [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][(draw / odd % 3) as usize];
    }
    let size = 10_f64.powf(fraction(draw) * 24.0 - 12.0);
    match draw >> 61 {
        0 => 0.0,
        1 | 2 => -size,
        _ => size,
    }
}

/// Samples whose updates follow each other, but for one in `gaps`.
fn samples(seed: u64, len: u64, gaps: u64, odd: u64) -> Vec<Sample> {
    let mut update = mix(seed) % 1000;
    (0..len)
        .map(|index| {
            if gaps > 0 && mix(seed ^ index).is_multiple_of(gaps) {
                update += 1 + mix(index) % 50;
            }
            update += 1;
            Sample { update, value: value(seed, index, odd) }
        })
        .collect()
}

/// A series of the least memory, which 2,000 samples fill.
fn filled(precision: Precision, samples: &[Sample]) -> Series {
    filled_within(0, precision, samples)
}

fn filled_within(budget: usize, precision: Precision, samples: &[Sample]) -> Series {
    let mut series = Series::new(precision, budget);
    for sample in samples {
        series.push(sample.update, sample.value);
    }
    series
}

/// What a series of the precision keeps of the samples.
fn stored(precision: Precision, samples: &[Sample]) -> Vec<Sample> {
    let round = |value: f64| match precision {
        Precision::Single => f64::from(value as f32),
        Precision::Double => value,
    };
    samples.iter().map(|s| Sample { value: round(s.value), ..*s }).collect()
}

fn view(series: &Series, range: std::ops::RangeInclusive<u64>, buckets: usize) -> Vec<Bucket> {
    let mut out = Vec::new();
    series.view(range, buckets, &mut out);
    out
}

fn everything(series: &Series) -> Vec<Bucket> {
    view(series, EVERYTHING, usize::MAX)
}

/// Equal, NaN included.
fn assert_same(left: &[Bucket], right: &[Bucket]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert_eq!(format!("{left:?}"), format!("{right:?}"));
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn assert_bucket(bucket: &Bucket, samples: &[Sample], precision: Precision) {
    assert_eq!(bucket.count as usize, samples.len());
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    assert_eq!(bucket.first_update, first.update);
    assert_eq!(bucket.last_update, last.update);
    assert_eq!(bucket.first.to_bits(), first.value.to_bits());
    assert_eq!(bucket.last.to_bits(), last.value.to_bits());
    let finite: Vec<f64> = samples.iter().map(|s| s.value).filter(|v| v.is_finite()).collect();
    assert_eq!(bucket.nonfinite as usize, samples.len() - finite.len());
    let Some((min, max)) = bounds(finite.iter().copied()) else {
        assert!(bucket.min.is_nan() && bucket.max.is_nan() && bucket.mean.is_nan());
        return;
    };
    assert_eq!((bucket.min, bucket.max), (min, max));
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    let epsilon = match precision {
        Precision::Single => f64::from(f32::EPSILON),
        Precision::Double => f64::EPSILON,
    };
    let slack = 32.0 * epsilon * min.abs().max(max.abs());
    assert!((bucket.mean - mean).abs() <= slack, "{} is not {mean}", bucket.mean);
    assert!(bucket.min <= bucket.mean && bucket.mean <= bucket.max);
}

/// A view is what it should be: the samples in order, none missing, none twice.
fn assert_view(
    series: &Series,
    samples: &[Sample],
    precision: Precision,
    range: std::ops::RangeInclusive<u64>,
    max_buckets: usize,
) {
    let buckets = view(series, range.clone(), max_buckets);
    assert!(buckets.len() <= max_buckets.max(1).saturating_add(2));
    let Some(first) = buckets.first() else {
        assert!(samples.is_empty() || range.is_empty());
        return;
    };
    let place = |update| samples.iter().position(|s| s.update == update).unwrap();
    let start = place(first.first_update);
    let mut at = start;
    for bucket in &buckets {
        let end = at + bucket.count as usize;
        assert_bucket(bucket, &samples[at..end], precision);
        at = end;
    }
    // What it leaves out is not in the range, and the nearest sample on either side is there.
    let before = samples.partition_point(|s| s.update < *range.start());
    let to = samples.partition_point(|s| s.update <= *range.end());
    assert!(start <= before.saturating_sub(1));
    assert!(at >= (to + 1).min(samples.len()));
}

fn precision() -> impl Strategy<Value = Precision> {
    prop_oneof![Just(Precision::Single), Just(Precision::Double)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_view_holds_its_samples(
        seed: u64,
        precision in precision(),
        len in prop_oneof![0_u64..40, 0_u64..1_200, 0_u64..20_000],
        gaps in prop_oneof![Just(0_u64), Just(1), Just(2), Just(100)],
        odd in prop_oneof![Just(0_u64), Just(1), Just(2), Just(50)],
        looks in prop::collection::vec((0.0..1.1_f64, 0.0..1.1_f64, 0_usize..300), 8),
    ) {
        let samples = stored(precision, &samples(seed, len, gaps, odd));
        let series = filled(precision, &samples);
        prop_assert_eq!(series.len(), samples.len());
        let end = samples.last().map_or(10, |s| s.update) as f64;
        for (start, stop, buckets) in looks {
            let range = (start * end) as u64..=(stop * end) as u64;
            assert_view(&series, &samples, precision, range, buckets);
        }
        assert_view(&series, &samples, precision, EVERYTHING, 1);
        assert_view(&series, &samples, precision, EVERYTHING, usize::MAX);
        assert_view(&series, &samples, precision, 0..=0, 10);
        assert_view(&series, &samples, precision, u64::MAX..=u64::MAX, 10);
    }

    #[test]
    fn bounds_and_the_cursor_are_those_of_the_samples(
        seed: u64,
        precision in precision(),
        len in prop_oneof![1_u64..40, 1_u64..10_000],
        gaps in prop_oneof![Just(0_u64), Just(1), Just(20)],
        odd in prop_oneof![Just(0_u64), Just(1), Just(3)],
        looks in prop::collection::vec((0.0..1.1_f64, 0.0..1.1_f64), 16),
    ) {
        let samples = stored(precision, &samples(seed, len, gaps, odd));
        let series = filled(precision, &samples);
        let stride = series.stride();
        let end = samples.last().map_or(10, |s| s.update) as f64;
        for (start, stop) in looks {
            let range = (start * end) as u64..=(stop * end) as u64;
            let mut from = samples.partition_point(|s| s.update < *range.start());
            let mut to = samples.partition_point(|s| s.update <= *range.end());
            let after = to;
            if from < to {
                // The leaves at both ends are seen as a whole.
                from -= from % stride;
                to = to.next_multiple_of(stride).min(samples.len());
            }
            if stride == 1 || from < to {
                let seen = || samples.get(from..to).unwrap_or_default().iter().map(|s| s.value);
                prop_assert_eq!(series.finite_bounds(range.clone()), bounds(seen()));
                prop_assert_eq!(
                    series.positive_bounds(range.clone()),
                    bounds(seen().filter(|&v| v > 0.0))
                );
            }
            let found = series.at(*range.end());
            prop_assert_eq!(found.is_none(), after == 0);
            if let Some(found) = found {
                let place = samples.iter().position(|s| s.update == found.update).unwrap();
                prop_assert_eq!(found.value.to_bits(), samples[place].value.to_bits());
                prop_assert!(place < after && after <= place + stride);
            }
        }
        let last = series.last().unwrap();
        prop_assert_eq!(last.update, samples[samples.len() - 1].update);
        prop_assert_eq!(last.value.to_bits(), samples[samples.len() - 1].value.to_bits());
    }

    #[test]
    fn truncated_and_continued_is_as_if_never_left(
        seed: u64,
        precision in precision(),
        len in 0_u64..700,
        cut in 0.0..1.2_f64,
        gaps in prop_oneof![Just(0_u64), Just(1), Just(20)],
    ) {
        let kept = samples(seed, len, gaps, 10);
        let mut series = filled_within(100_000, precision, &kept);
        prop_assert_eq!(series.stride(), 1);
        let update = (cut * kept.last().map_or(10, |s| s.update) as f64) as u64;
        series.truncate(update);
        let mut samples: Vec<_> = kept.into_iter().filter(|s| s.update < update).collect();
        let fresh = filled_within(100_000, precision, &samples);
        assert_same(&everything(&series), &everything(&fresh));
        let step = 1 + seed % 3;
        for index in 0..500 {
            let sample = Sample { update: update + index * step, value: value(!seed, index, 10) };
            series.push(sample.update, sample.value);
            samples.push(sample);
        }
        let fresh = filled_within(100_000, precision, &samples);
        assert_same(&everything(&series), &everything(&fresh));
        assert_same(&view(&series, EVERYTHING, 30), &view(&fresh, EVERYTHING, 30));
        prop_assert_eq!(series.stride(), fresh.stride());
    }

    #[test]
    fn truncating_leaves_loses_one_leaf_at_most(
        seed: u64,
        precision in precision(),
        cut in 0.0..1.0_f64,
        gaps in prop_oneof![Just(0_u64), Just(1), Just(20)],
    ) {
        let mut samples = stored(precision, &samples(seed, 9_000, gaps, 10));
        let mut series = filled(precision, &samples);
        let stride = series.stride();
        prop_assert!(stride > 1);
        let update = (cut * samples[samples.len() - 1].update as f64) as u64;
        series.truncate(update);
        samples.retain(|s| s.update < update);
        prop_assert!(series.len() <= samples.len());
        prop_assert!(samples.len() < series.len() + stride);
        samples.truncate(series.len());
        assert_view(&series, &samples, precision, EVERYTHING, 50);
        for index in 0..3_000 {
            let added = [Sample { update: update + index, value: value(!seed, index, 10) }];
            series.push(added[0].update, added[0].value);
            samples.extend(stored(precision, &added));
        }
        assert_view(&series, &samples, precision, EVERYTHING, 50);
        assert_view(&series, &samples, precision, update..=update + 200, 50);
    }
}

#[test]
fn millions_of_samples_stay_within_the_budget_and_keep_their_spikes() {
    const LEN: u64 = 3_000_000;
    for (precision, budget, gap) in [
        (Precision::Single, 0, 1),
        (Precision::Single, 300_000, 1),
        (Precision::Double, 1_000_000, 1),
        (Precision::Double, 100_000, 20),
        (Precision::Single, 50_000, 3),
    ] {
        let budget_kept = budget.max(Series::MIN_BYTES);
        let mut series = Series::new(precision, budget);
        for index in 0..LEN {
            let spike = index == 1_234_567;
            let value = if spike { 1e9 } else { (index as f64 * 1e-3).sin() };
            series.push(index * gap, value);
            assert!(series.bytes() <= budget_kept, "{} of {budget_kept}", series.bytes());
        }
        let leaves = everything(&series);
        assert_eq!(leaves.iter().map(|b| u64::from(b.count)).sum::<u64>(), LEN, "every sample is somewhere");
        let spiked: Vec<_> = leaves.iter().filter(|b| b.max == 1e9).collect();
        assert_eq!(spiked.len(), 1);
        assert!(spiked[0].first_update <= 1_234_567 * gap);
        assert!(spiked[0].last_update >= 1_234_567 * gap);
        assert!(view(&series, EVERYTHING, 100).iter().any(|b| b.max == 1e9));
        assert_eq!(series.finite_bounds(EVERYTHING).unwrap().1, 1e9);
        // The memory is put to use: detail is not dropped long before it has to be.
        assert!(leaves.len() * 1000 > budget_kept, "{} leaves", leaves.len());
    }
}

#[test]
fn the_last_sample_is_known_after_every_push() {
    for (gap, more) in [(1, 0), (7, 0), (7, 300), (7, 600), (7, 900), (2, 1_200)] {
        let mut series = Series::new(Precision::Double, Series::MIN_BYTES + more);
        for index in 0..20_000_u64 {
            let (update, value) = (index * gap, (index as f64).sqrt());
            series.push(update, value);
            assert_eq!(series.last(), Some(Sample { update, value }));
        }
        assert!(series.stride() > 32);
    }
}

#[test]
fn every_sample_is_exact_while_it_fits() {
    let mut series = Series::new(Precision::Double, 10_000_000);
    for update in 0..500_000_u64 {
        series.push(update, 1.0 / (update + 1) as f64);
    }
    assert_eq!(series.stride(), 1);
    for update in (0..500_000).step_by(977) {
        let exact = 1.0 / (update + 1) as f64;
        assert_eq!(series.at(update), Some(Sample { update, value: exact }));
    }
}

#[test]
fn values_that_are_not_finite_are_kept_and_marked() {
    let mut series = Series::new(Precision::Single, 0);
    for (update, value) in
        [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -2.0].into_iter().enumerate()
    {
        series.push(update as u64, value);
    }
    assert!(series.at(1).unwrap().value.is_nan());
    assert_eq!(series.at(2).unwrap().value, f64::INFINITY);
    assert_eq!(series.at(3).unwrap().value, f64::NEG_INFINITY);
    assert_eq!(series.at(4).unwrap().value, f64::INFINITY, "beyond f32");
    let [bucket] = view(&series, EVERYTHING, 1)[..] else {
        panic!("one bucket was asked for");
    };
    assert_eq!((bucket.count, bucket.nonfinite), (6, 4));
    assert_eq!((bucket.min, bucket.max, bucket.mean), (-2.0, 1.0, -0.5));
    assert_eq!(series.finite_bounds(EVERYTHING), Some((-2.0, 1.0)));
    assert_eq!(series.positive_bounds(EVERYTHING), Some((1.0, 1.0)));
    assert_eq!(series.finite_bounds(1..=4), None);

    let mut nothing = Series::new(Precision::Double, 0);
    for update in 0..5_000 {
        nothing.push(update, f64::NAN);
    }
    assert_eq!(nothing.finite_bounds(EVERYTHING), None);
    assert_eq!(nothing.positive_bounds(EVERYTHING), None);
    assert!(
        view(&nothing, EVERYTHING, 7)
            .iter()
            .all(|b| { b.nonfinite == b.count && b.min.is_nan() && b.max.is_nan() && b.mean.is_nan() })
    );
}

#[test]
fn the_mean_of_huge_values_does_not_overflow() {
    let mut series = Series::new(Precision::Double, 0);
    for update in 0..5_000_u64 {
        let sign = if update < 2_500 { 1.0 } else { -1.0 };
        series.push(update, sign * f64::MAX);
    }
    for buckets in [1, 2, 30, usize::MAX] {
        for bucket in view(&series, EVERYTHING, buckets) {
            assert!(bucket.mean.is_finite());
        }
    }
}

#[test]
fn an_empty_series_and_one_sample_have_views() {
    let mut series = Series::new(Precision::Single, 0);
    assert!(series.is_empty() && view(&series, EVERYTHING, 100).is_empty());
    assert_eq!((series.last(), series.at(5)), (None, None));
    assert_eq!(series.finite_bounds(EVERYTHING), None);
    series.truncate(0);
    series.push(u64::MAX, 0.5);
    assert_eq!(view(&series, EVERYTHING, 0).len(), 1);
    assert_eq!(view(&series, 0..=3, 9).len(), 1, "the neighbour is still there");
    assert_eq!(series.at(3), None);
    assert_eq!(series.finite_bounds(EVERYTHING), Some((0.5, 0.5)));
    #[expect(clippy::reversed_empty_ranges, reason = "an empty range is asked for")]
    let empty = 9..=3;
    assert!(view(&series, empty, 100).is_empty());
}

#[test]
fn between_two_samples_a_view_has_both() {
    let mut series = Series::new(Precision::Single, 0);
    for update in [0, 100, 200, 300] {
        series.push(update, update as f64);
    }
    let seen: Vec<u64> = view(&series, 120..=180, 50).iter().map(|b| b.first_update).collect();
    assert_eq!(seen, [100, 200]);
    assert_eq!(series.finite_bounds(120..=180), None);
    assert_eq!(series.at(199), Some(Sample { update: 100, value: 100.0 }));
}

#[test]
fn buckets_stay_put_while_a_view_moves() {
    let samples = samples(7, 1_000, 0, 0);
    let series = filled(Precision::Double, &samples);
    let start = samples[0].update;
    let all: HashSet<String> = (0..300)
        .flat_map(|move_by| view(&series, start + move_by..=start + move_by + 511, 64))
        .map(|b| format!("{b:?}"))
        .collect();
    // 811 samples in buckets of 16, and a neighbour on either side: were they cut anew for every
    // view, there would be thousands.
    let wide = view(&series, start..=start + 511, 64)[1].count;
    assert!(all.len() <= 811 / wide as usize * 2 + 4, "{}", all.len());
}

#[test]
fn going_back_forgets_and_a_second_value_is_ignored() {
    let mut series = Series::new(Precision::Double, 0);
    for update in 0..10 {
        series.push(update, 1.0);
    }
    series.push(9, 5.0);
    assert_eq!(series.last().unwrap().value, 1.0);
    series.push(4, 2.0);
    assert_eq!(series.last(), Some(Sample { update: 4, value: 2.0 }));
    assert_eq!(series.len(), 5);
}

fn row(update: u64) -> Row {
    Row {
        update,
        lr: 0.1 / (update + 3) as f64,
        momentum: 0.9 + 1e-17 * update as f64,
        weight_decay: Some(fraction(update ^ 3)),
        batch: Some(64),
        train_loss: (2.0 + fraction(update)) as f32,
        grad_norm: fraction(update ^ 1) as f32,
        update_norm: fraction(update ^ 2) as f32,
        ..Row::default()
    }
}

fn rows(updates: std::ops::Range<u64>) -> Vec<Row> {
    updates.map(row).collect()
}

#[test]
fn rates_are_kept_bit_for_bit() {
    let mut store = Store::new(64 << 20);
    let rows = rows(0..50_000);
    store.append(&rows);
    assert_eq!(store.updates(), 50_000);
    for row in &rows {
        let read = |column| store.series(column).at(row.update).unwrap().value;
        assert_eq!(read(Column::Lr).to_bits(), row.lr.to_bits());
        assert_eq!(read(Column::Momentum).to_bits(), row.momentum.to_bits());
        assert_eq!(Some(read(Column::WeightDecay)), row.weight_decay);
        assert_eq!(read(Column::Batch), 64.0);
        assert_eq!(read(Column::TrainLoss), f64::from(row.train_loss));
        assert_eq!(read(Column::GradNorm), f64::from(row.grad_norm));
        assert_eq!(read(Column::UpdateNorm), f64::from(row.update_norm));
    }
}

#[test]
fn validation_is_sparse_and_read_by_the_cursor() {
    let mut store = Store::new(1 << 20);
    for (update, val_accuracy) in [(99, Some(0.5)), (199, None), (299, Some(0.75))] {
        let val_loss = Some(update as f32);
        store.append(&[Row { update, val_loss, val_accuracy, ..Row::default() }]);
    }
    let loss = store.series(Column::ValLoss);
    assert_eq!(loss.at(98), None);
    assert_eq!(loss.at(250), Some(Sample { update: 199, value: 199.0 }));
    let accuracy = store.series(Column::ValAccuracy);
    assert_eq!(accuracy.len(), 2);
    assert_eq!(accuracy.at(298), Some(Sample { update: 99, value: 0.5 }));
}

#[test]
fn a_lane_stays_within_its_budget() {
    let budget = 4 << 20;
    let mut store = Store::new(budget);
    store.set_half_life(Some(50.0));
    for start in (0..3_000_000).step_by(1_000) {
        let mut rows = rows(start..start + 1_000);
        (rows[999].val_loss, rows[999].val_accuracy) = (Some(1.0), Some(0.5));
        store.append(&rows);
        assert!(store.bytes() <= budget, "{}", store.bytes());
    }
    assert_eq!(store.updates(), 3_000_000);
    let stride = store.series(Column::Lr).stride();
    assert!(stride > 1);
    for column in [Column::Momentum, Column::TrainLoss, Column::GradNorm] {
        let other = store.series(column).stride();
        assert!(
            other == stride || other == 2 * stride || 2 * other == stride,
            "columns lose detail together: {other} and {stride}"
        );
    }
}

#[test]
fn a_lane_taken_back_equals_one_that_never_went_on() {
    let mut fresh = Store::new(16 << 20);
    let mut store = Store::new(16 << 20);
    for store in [&mut fresh, &mut store] {
        store.set_half_life(Some(20.0));
        store.append(&rows(0..700));
    }
    let mut later = rows(700..1_000);
    later[200].val_loss = Some(1.0);
    store.append(&later);
    store.truncate(700);
    assert_eq!(store.smoothed().unwrap().len(), 700);
    assert_eq!(store.updates(), 700);
    assert!(store.series(Column::ValLoss).is_empty());
    let other: Vec<Row> = rows(700..900).into_iter().map(|r| Row { train_loss: 9.0, ..r }).collect();
    store.append(&other);
    fresh.append(&other);
    for column in Column::ALL {
        assert_same(&everything(store.series(column)), &everything(fresh.series(column)));
    }
    assert_same(&everything(store.smoothed().unwrap()), &everything(fresh.smoothed().unwrap()));
    // Rows from the past take the lane back without being asked to.
    store.append(&rows(100..101));
    assert_eq!(store.updates(), 101);
    assert_eq!(store.series(Column::Lr).len(), 101);
    assert_eq!(store.smoothed().unwrap().len(), 101);
    // The last row sent twice changes nothing.
    store.append(&other[..0]);
    store.append(&[Row { lr: 7.0, ..row(100) }]);
    assert_eq!(store.series(Column::Lr).len(), 101);
    assert_eq!(store.series(Column::Lr).last().unwrap().value, row(100).lr);
}

#[test]
fn clearing_forgets_all_but_the_settings() {
    let mut store = Store::new(0);
    store.set_half_life(Some(5.0));
    store.append(&rows(0..20_000));
    store.event(event(0, EventKind::Finding));
    assert!(store.series(Column::Lr).stride() > 1);
    store.clear();
    assert_eq!((store.updates(), store.events().len()), (0, 0));
    store.append(&rows(0..100));
    let mut fresh = Store::new(0);
    fresh.set_half_life(Some(5.0));
    fresh.append(&rows(0..100));
    assert_eq!(store.series(Column::Lr).stride(), 1);
    assert_same(&everything(store.smoothed().unwrap()), &everything(fresh.smoothed().unwrap()));
}

fn event(update: u64, kind: EventKind) -> Event {
    Event { update, kind, message: format!("x{}", "é".repeat(1_000)), generation: 1 }
}

#[test]
fn events_are_bounded_and_the_last_one_says_so() {
    let mut store = Store::new(0);
    for update in 0..5_000 {
        store.event(event(update, EventKind::RateChange));
    }
    assert_eq!(store.events().len(), 4_096);
    assert_eq!(store.events()[4_095].message, "4096 events are kept: what happens from here on is not");
    assert_eq!(store.events()[4_095].update, 4_095);
    assert!(store.events().iter().all(|e| e.message.len() <= 503));
    assert!(store.bytes() < 4 << 20);
}

#[test]
fn a_lane_taken_back_loses_the_events_from_there_on() {
    let mut store = Store::new(0);
    for (update, kind) in [(5, EventKind::Fork), (19, EventKind::Edit), (20, EventKind::Diverged)] {
        store.event(event(update, kind));
    }
    store.truncate(20);
    let kinds: Vec<_> = store.events().iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::Fork, EventKind::Edit]);
}

#[test]
fn names_are_those_of_the_files() {
    let names: HashSet<_> = Column::ALL.map(Column::name).into_iter().collect();
    assert_eq!(names.len(), Column::COUNT);
    let mut file = Vec::new();
    Writer::new(&mut file, Arc::default()).unwrap().flush().unwrap();
    let header = str::from_utf8(&file).unwrap().trim_end();
    let contract =
        "run,replica,update,epoch,lr,momentum,train_loss,grad_norm,update_norm,val_loss,val_accuracy";
    assert!(header.starts_with(&format!("{contract},")), "{header}");
    assert_eq!(header.split(',').count(), 4 + Column::COUNT);
    assert!(names.iter().all(|name| header.split(',').any(|cell| cell == *name)), "{header}");
    let kinds: HashSet<_> = EventKind::ALL.map(EventKind::name).into_iter().collect();
    assert_eq!(kinds.len(), EventKind::ALL.len());
}

#[test]
fn smoothing_is_the_bias_corrected_average() {
    // Adam's running mean with its correction, written out: alpha = 1 - 2^(-1/half-life).
    let half_life = 7.0;
    let keep = 0.5_f64.powf(1.0 / half_life);
    let (mut running, mut kept) = (0.0, 1.0);
    let mut smoother = Smoother::new(half_life);
    for update in 0..500 {
        let value = fraction(update);
        running = running * keep + value * (1.0 - keep);
        kept *= keep;
        let expected = running / (1.0 - kept);
        assert!((smoother.push(update, value) - expected).abs() < 1e-12);
    }
}

#[test]
fn half_of_a_step_is_reached_after_one_half_life_at_any_density() {
    for every in [1, 5, 25] {
        let mut smoother = Smoother::new(50.0);
        for update in (0..=10_000).step_by(every) {
            smoother.push(update, 0.0);
        }
        let mut at = 0.0;
        for update in (10_000 + every as u64..=10_050).step_by(every) {
            at = smoother.push(update, 1.0);
        }
        assert!((at - 0.5).abs() < 1e-9, "{at} with a value every {every}");
    }
}

#[test]
fn smoothing_skips_what_is_not_finite_and_starts_anew_when_taken_back() {
    let mut smoother = Smoother::new(10.0);
    assert!(smoother.push(0, f64::NAN).is_nan());
    assert_eq!(smoother.push(1, 3.0), 3.0, "the first value, unbiased");
    assert!(smoother.push(2, f64::INFINITY).is_nan());
    assert_eq!(smoother.push(3, 3.0), 3.0);
    assert_eq!(smoother.push(1, -4.0), -4.0, "taken back");
    assert_eq!(smoother.push(u64::MAX, f64::MAX), f64::MAX);
}

#[test]
fn smoothing_can_be_off_and_never_leaves_the_range_of_its_values() {
    for off in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        let mut smoother = Smoother::new(off);
        assert_eq!(smoother.half_life(), 0.0);
        for update in 0..100 {
            assert_eq!(smoother.push(update, fraction(update)), fraction(update));
        }
    }
    let mut endless = Smoother::new(f64::INFINITY);
    let mut sum = 0.0;
    for update in 0..1_000 {
        sum += fraction(update);
        let mean = sum / (update + 1) as f64;
        assert!((endless.push(update, fraction(update)) - mean).abs() < 1e-9);
    }
    for half_life in [1e-300, 1e-3, 0.7, 3.0, 1e5, 1e300] {
        let mut smoother = Smoother::new(half_life);
        for update in 0..1_000 {
            assert_eq!(smoother.push(update, 0.1), 0.1, "a constant stays itself");
        }
    }
}

#[test]
fn the_smoothed_loss_does_not_depend_on_the_view() {
    let mut store = Store::new(64 << 20);
    store.set_half_life(Some(30.0));
    store.append(&rows(0..100_000));
    let smoothed = store.smoothed().unwrap();
    let mut smoother = Smoother::new(30.0);
    let expected: Vec<f64> = (0..100_000)
        .map(|update| smoother.push(update, row(update).train_loss.into()) as f32)
        .map(f64::from)
        .collect();
    for (range, buckets) in [
        (EVERYTHING, 100),
        (EVERYTHING, 1_500),
        (40_000..=60_000, 700),
        (77_777..=77_900, 500),
        (99_990..=100_000, 500),
    ] {
        for bucket in view(smoothed, range, buckets) {
            assert_eq!(bucket.first, expected[bucket.first_update as usize]);
            assert_eq!(bucket.last, expected[bucket.last_update as usize]);
        }
    }
}

#[test]
fn a_changed_half_life_is_as_if_it_had_always_been() {
    let mut changed = Store::new(64 << 20);
    changed.set_half_life(Some(3.0));
    changed.append(&rows(0..5_000));
    changed.set_half_life(Some(40.0));
    changed.append(&rows(5_000..9_000));
    let mut always = Store::new(64 << 20);
    always.set_half_life(Some(40.0));
    always.append(&rows(0..9_000));
    assert_same(&everything(changed.smoothed().unwrap()), &everything(always.smoothed().unwrap()));
    changed.set_half_life(None);
    assert!(changed.smoothed().is_none() && changed.half_life().is_none());
}

#[test]
fn a_long_history_is_smoothed_from_its_means_leaf_by_leaf() {
    let loss = |update: u64| 1.0 + (-(update as f64) / 30_000.0).exp();
    let rows: Vec<Row> =
        (0..100_000).map(|update| Row { train_loss: loss(update) as f32, ..row(update) }).collect();
    let mut store = Store::new(0);
    store.append(&rows);
    store.set_half_life(Some(2_000.0));
    let mut always = Store::new(0);
    always.set_half_life(Some(2_000.0));
    always.append(&rows);
    let stride = store.series(Column::TrainLoss).stride();
    assert!(stride > 1);
    let (late, live) = (store.smoothed().unwrap(), always.smoothed().unwrap());
    assert_eq!((late.stride(), live.stride()), (stride, stride));
    let (late, live) = (everything(late), everything(live));
    assert_eq!(late.len(), live.len());
    for (late, live) in late.iter().zip(&live) {
        assert_eq!(late.first_update, live.first_update);
        assert_eq!(late.last_update, live.last_update);
        assert!((late.last - live.last).abs() < 1e-3);
    }
    // And goes on from there without a jump.
    let before = store.smoothed().unwrap().last().unwrap().value;
    store.append(&[row(100_000)]);
    let after = store.smoothed().unwrap().last().unwrap().value;
    assert!((before - after).abs() < 1e-3);
}

/// Lines in which every column has a value somewhere: whole numbers suit them all.
fn file_of_every_column() -> String {
    let mut file = "run,replica,update,epoch".to_owned();
    Column::ALL.iter().for_each(|column| file += &format!(",{}", column.name()));
    for update in 0..50 {
        file += &format!("\n\"one, two\",1,{update},{}", update / 10);
        (0..Column::COUNT).for_each(|at| file += &format!(",{}", update * 7 + at));
    }
    file + "\n"
}

fn read(file: &str) -> Result<Vec<Measured>, MetricsError> {
    Reader::new(file.as_bytes())?.collect()
}

#[test]
fn every_column_comes_back_from_a_file() {
    let lines = read(&file_of_every_column()).unwrap();
    let mut measured = Store::new(1 << 20);
    let mut rows: Vec<Row> = lines.iter().map(|line| line.row).collect();
    // Numbers that only all their digits tell apart, and what is no number.
    rows[3] = Row { update: 3, ..row(3) };
    (rows[4].train_loss, rows[5].lr) = (f32::NAN, f64::INFINITY);
    measured.append(&rows);
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, Arc::default()).unwrap();
    for (line, row) in lines.iter().zip(&rows) {
        writer.write((&line.run, line.replica), line.epoch, row, &[]).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    let again = read(str::from_utf8(&file).unwrap()).unwrap();
    assert!(again.iter().all(|line| &*line.run == "one, two" && line.replica == 1));
    assert!(again.iter().all(|line| line.epoch == line.row.update / 10));
    let mut store = Store::new(1 << 20);
    store.append(&again.iter().map(|line| line.row).collect::<Vec<_>>());
    for column in Column::ALL {
        assert!(!measured.series(column).is_empty(), "{column:?}");
        assert_same(&everything(store.series(column)), &everything(measured.series(column)));
    }
}

#[test]
fn a_file_is_read_by_the_names_of_its_columns() {
    let old = "replica,run,update,epoch,momentum,lr,train_loss,grad_norm,update_norm,later\n\
               2,a,7,0,0.9,0.1,1.5,2,3,x\n";
    let mut reader = Reader::new(old.as_bytes()).unwrap();
    assert_eq!(reader.unknown(), ["later"]);
    let line = reader.next().unwrap().unwrap();
    assert_eq!((&*line.run, line.replica, line.row.update), ("a", 2, 7));
    assert_eq!((line.row.lr, line.row.momentum, line.row.weight_decay), (0.1, 0.9, None));
    let short = read("run,replica,update,epoch,lr\n").unwrap_err();
    assert_eq!(short.to_string(), "it has no column \"momentum\"");
}

#[test]
fn a_line_that_is_cut_short_at_the_end_is_passed_over_and_any_other_is_named() {
    let file = file_of_every_column();
    let whole = read(&file).unwrap();
    // Anywhere in the last line; its last cell is a number of two digits or more.
    for cut in 2..20 {
        assert_eq!(read(&file[..file.len() - cut]).unwrap()[..49], whole[..49], "{cut} bytes less");
    }
    let damaged = |from: &str, to: &str| {
        assert!(file.contains(from));
        read(&file.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert_eq!(damaged("1,3,0,21,", "1,3,0,x,"), "line 5: lr = \"x\" is not a number");
    assert_eq!(damaged("1,3,0,", "1,-3,0,"), "line 5: update = \"-3\" is not a whole number");
    assert_eq!(
        damaged("1,3,0,21,", "1,3,0,"),
        format!("line 5: {} cells, where the header has {}", 3 + Column::COUNT, 4 + Column::COUNT)
    );
}
