//! Splits and scaling follow from the seed and the training part.

use super::*;

#[test]
fn the_seed_decides_everything() {
    let noisy = Split { seed: 3, validation: 0.25, label_noise: 0.3, limit: Some(1000) };
    assert_eq!(parts("digits", noisy), parts("digits", noisy));
    let other = parts("digits", Split { seed: 4, ..noisy });
    assert_ne!(parts("digits", noisy).0.features, other.0.features);
    assert_ne!(parts("digits", noisy).1.features, other.1.features);
}

#[test]
fn parts_have_the_sizes_asked_for_and_share_no_sample() {
    // Each sample is its own number.
    let rows: String = (0..1000).map(|n| format!("{n},{}\n", n % 2)).collect();
    let numbered =
        Dataset::from_table("numbers", format!("x,y\n{rows}").as_bytes(), "y", &ColumnUses::new()).unwrap();
    for (validation, held_out) in [(0.0, 0), (0.2, 200), (0.3333, 333), (0.9996, 1000), (0.9994, 999)] {
        let prepared = numbered.prepare(&Split { validation, ..PLAIN });
        if held_out == 1000 {
            assert_eq!(
                prepared.unwrap_err().to_string(),
                "numbers: a validation share of 0.9996 leaves none of the 1000 samples to train on"
            );
            continue;
        }
        let Prepared::Samples { train, validation, scaling, .. } = prepared.unwrap() else { panic!() };
        assert_eq!((train.len(), validation.len()), (1000 - held_out, held_out));
        let line = scaling.features[0];
        let mut all: Vec<u32> = [&train, &validation]
            .iter()
            .flat_map(|part| part.features.iter().zip(labels(part)))
            .map(|(&x, &label)| {
                let number = line.to_published(f64::from(x)).round() as u32;
                assert_eq!(number % 2, label, "features and labels stay together");
                number
            })
            .collect();
        assert!(!all.is_sorted());
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
    }
}

#[test]
fn a_limit_takes_the_first_training_samples_and_leaves_validation_alone() {
    let (all, validation) = parts("spirals", PLAIN);
    let (some, same_validation) = parts("spirals", Split { limit: Some(100), ..PLAIN });
    assert_eq!(some.features, all.features[..200]);
    assert_eq!(labels(&some), &labels(&all)[..100]);
    assert_eq!(validation, same_validation);
    assert_eq!(
        parts("spirals", Split { limit: Some(5000), ..PLAIN }).0,
        all,
        "there are no more than there are"
    );
    let more = parts("spirals", Split { validation: 0.5, limit: Some(100), ..PLAIN }).0;
    assert_eq!(more, some, "the share held out does not change who trains first");
}

#[test]
fn label_noise_replaces_its_share_of_training_labels_only() {
    let (clean, validation) = parts("fashion14", PLAIN);
    let noisy = |label_noise| parts("fashion14", Split { label_noise, ..PLAIN });
    let (some, same_validation) = noisy(0.3);
    assert_eq!(validation, same_validation);
    assert_eq!(clean.features, some.features);
    let changed = |noisy: &Samples| -> Vec<usize> {
        (0..clean.len()).filter(|&at| labels(&clean)[at] != labels(noisy)[at]).collect()
    };
    // Of 8000 labels 2400 are replaced, nine in ten of them by another class: 2160 +- 15.
    let replaced = changed(&some);
    assert!(replaced.len().abs_diff(2160) < 75, "{}", replaced.len());
    let more = changed(&noisy(0.6).0);
    assert!(replaced.iter().all(|at| more.contains(at)), "more noise keeps what less noise replaced");
    let all = noisy(1.0).0;
    assert!(changed(&all).len().abs_diff(7200) < 135);
    assert!(class_counts(&all).iter().all(|count| count.abs_diff(800) < 135), "{:?}", class_counts(&all));
}

#[test]
fn label_noise_of_a_regression_moves_values_about() {
    let (clean, validation) = parts("sine", PLAIN);
    let (noisy, same_validation) = parts("sine", Split { label_noise: 0.5, ..PLAIN });
    assert_eq!(validation, same_validation);
    let changed = values(&clean).iter().zip(values(&noisy)).filter(|(a, b)| a != b).count();
    assert!((390..=400).contains(&changed), "{changed}");
    assert!(values(&noisy).iter().all(|value| values(&clean).contains(value)));
}

#[test]
fn digits_are_divided_by_16_and_centred_by_the_training_mean() {
    let Prepared::Samples { train, validation, scaling, .. } =
        Dataset::load("digits").unwrap().prepare(&PLAIN).unwrap()
    else {
        panic!()
    };
    for pixel in 0..64 {
        let column: Vec<f32> = train.features.iter().skip(pixel).step_by(64).copied().collect();
        assert!(mean_and_deviation(&column).0.abs() < 1e-7, "pixel {pixel}");
        assert_eq!(scaling.features[pixel].scale, 16.0);
    }
    let spread = |column: &[f32]| {
        column.iter().copied().fold(f32::MIN, f32::max) - column.iter().copied().fold(f32::MAX, f32::min)
    };
    let column: Vec<f32> = train.features.iter().skip(20).step_by(64).copied().collect();
    assert!((spread(&column) - 1.0).abs() < 1e-6, "0 to 16 is now 1 wide");
    // Validation is scaled by the training part's mean, so its own is not quite 0.
    let mean = mean_and_deviation(&validation.features).0;
    assert!(mean != 0.0 && mean.abs() < 0.01, "{mean}");
}

#[test]
fn images_are_standardised_globally_and_tables_by_column() {
    let (train, _) = parts("fashion14", Split { limit: Some(4000), ..PLAIN });
    let (mean, deviation) = mean_and_deviation(&train.features);
    assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{mean} {deviation}");
    let corner: Vec<f32> = train.features.iter().step_by(196).copied().collect();
    assert!(mean_and_deviation(&corner).1 < 0.5, "one pixel alone is not standardised");

    let (train, _) = parts("wine_quality", PLAIN);
    for feature in 0..11 {
        let column: Vec<f32> = train.features.iter().skip(feature).step_by(11).copied().collect();
        let (mean, deviation) = mean_and_deviation(&column);
        assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{feature}: {mean} {deviation}");
    }
}

#[test]
fn tables_of_numbers_have_their_targets_standardised_and_constants_stay_finite() {
    let rows: String = (0..50).map(|n| format!("{n},0.1,{}\n", 100_000.0 + f64::from(n) * 1234.5)).collect();
    let houses = Dataset::from_table(
        "houses",
        format!("x,same,price\n{rows}").as_bytes(),
        "price",
        &ColumnUses::new(),
    )
    .unwrap();
    let Prepared::Samples { train, scaling, .. } = houses.prepare(&PLAIN).unwrap() else { panic!() };
    let (mean, deviation) = mean_and_deviation(values(&train));
    assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{mean} {deviation}");
    assert!(train.features.iter().skip(1).step_by(2).all(|&same| same.abs() < 1e-6));
    let price = scaling.values[0];
    assert!((price.to_published(f64::from(values(&train)[0])) - 100_000.0) % 1234.5 < 1.0);
    assert!((price.to_model(price.to_published(0.7)) - 0.7).abs() < 1e-12);
}

#[test]
fn generated_points_are_used_as_they_are() {
    let published = samples("moons");
    let (train, _) = parts("moons", PLAIN);
    let first = train.sample(0).unwrap();
    assert!((0..published.len()).any(|at| published.sample(at).unwrap() == first));
}

#[test]
fn a_text_validates_on_its_end() {
    let whole = shakespeare();
    let text = |split: Split| match Dataset::load("shakespeare").unwrap().prepare(&split).unwrap() {
        Prepared::Text { train, validation } => (train, validation),
        Prepared::Samples { .. } => panic!("shakespeare is a text"),
    };
    let (train, validation) = text(PLAIN);
    assert_eq!((train.tokens.len(), validation.tokens.len()), (160_000, 40_000));
    assert_eq!([&train.tokens[..], &validation.tokens].concat(), whole.tokens);
    let (limited, same_validation) = text(Split { limit: Some(1000), ..PLAIN });
    assert_eq!(limited.tokens, whole.tokens[..1000]);
    assert_eq!(validation, same_validation);
    assert_eq!(limited.vocabulary, whole.vocabulary, "a part keeps the whole vocabulary");
}

#[test]
fn what_cannot_be_dealt_out_is_refused() {
    let digits = Dataset::load("digits").unwrap();
    let text = Dataset::load("shakespeare").unwrap();
    for (dataset, split, reason) in [
        (
            &digits,
            Split { validation: 1.0, ..PLAIN },
            "digits: validation is a share of at least 0 and below 1, found 1",
        ),
        (
            &digits,
            Split { validation: f64::NAN, ..PLAIN },
            "digits: validation is a share of at least 0 and below 1, found NaN",
        ),
        (
            &digits,
            Split { validation: -0.1, ..PLAIN },
            "digits: validation is a share of at least 0 and below 1, found -0.1",
        ),
        (
            &digits,
            Split { label_noise: 1.1, ..PLAIN },
            "digits: label_noise is a share from 0 to 1, found 1.1",
        ),
        (&digits, Split { limit: Some(0), ..PLAIN }, "digits: limit must be at least 1 sample, found 0"),
        (
            &text,
            Split { label_noise: 0.1, ..PLAIN },
            "shakespeare: label_noise has no meaning for text, which has no labels; set it to 0",
        ),
        (
            &text,
            Split { validation: 2.0, ..PLAIN },
            "shakespeare: validation is a share of at least 0 and below 1, found 2",
        ),
    ] {
        assert_eq!(dataset.prepare(&split).unwrap_err().to_string(), reason);
    }
}

#[test]
fn chance_is_what_the_targets_allow_without_inputs() {
    let everything = Split { validation: 0.0, ..PLAIN };
    let chance = |name| Dataset::load(name).unwrap().prepare(&everything).unwrap().chance();
    let balanced = chance("fashion14");
    assert!((balanced.loss - 10_f64.ln()).abs() < 1e-12);
    assert!((balanced.squared_error - 0.45).abs() < 1e-12);
    assert!((balanced.accuracy.unwrap() - 0.1).abs() < 1e-12);
    assert!((chance("wine_quality").accuracy.unwrap() - 681.0 / 1599.0).abs() < 1e-12);
    assert!((chance("shakespeare").loss - 3.369).abs() < 5e-4);
    let sine = chance("sine");
    let deviation = mean_and_deviation(values(&samples("sine"))).1;
    assert!((sine.loss - deviation * deviation / 2.0).abs() < 1e-12);
    assert_eq!((sine.squared_error, sine.accuracy), (sine.loss, None));
    let prepared = Dataset::load("moons").unwrap().prepare(&everything).unwrap();
    assert_eq!(prepared.chance_loss(), 2_f64.ln());
}
