//! What is shipped is what it was.

use super::*;

#[test]
fn the_catalogue_says_what_each_set_is() {
    assert_eq!(
        NAMES,
        [
            "digits",
            "fashion14",
            "mnist1d",
            "penguins",
            "wine_quality",
            "shakespeare",
            "spirals",
            "moons",
            "circles",
            "xor",
            "blobs",
            "sine"
        ]
    );
    for described in &CATALOGUE {
        let name = described.name;
        let dataset = Dataset::load(name).unwrap();
        assert_eq!(dataset.name, name);
        assert!(!described.title.is_empty() && described.about.ends_with('.'), "{name}");
        let (task, shape, count) = match &dataset.content {
            Content::Samples { samples, .. } => {
                let task = match &samples.targets {
                    Targets::Classes { names, .. } => Task::Classification { classes: names.len() },
                    Targets::Values { .. } => Task::Regression,
                };
                assert_eq!(samples.features.len(), samples.len() * samples.shape.features(), "{name}");
                assert!(samples.features.iter().all(|feature| feature.is_finite()), "{name}");
                (task, samples.shape, samples.len())
            }
            Content::Text(text) => {
                (Task::NextCharacter { symbols: text.vocabulary.len() }, Shape::Sequence, text.tokens.len())
            }
        };
        assert_eq!((described.task, described.shape, described.samples), (task, shape, count), "{name}");
        let prepared = dataset.prepare(&PLAIN).unwrap();
        assert_eq!(prepared.shape(), shape, "{name}");
        assert_eq!(
            prepared.outputs(),
            match task {
                Task::Classification { classes } => classes,
                Task::Regression => 1,
                Task::NextCharacter { symbols } => symbols,
            }
        );
    }
    assert!(info("digits").is_some() && info("Digits").is_none());
}

/// CRC-32 of each set's numbers (f32, little endian) and answers, so that no set changes unnoticed.
/// Those of the embedded files follow from the files' own hashes in `datasets/SHA256SUMS`.
#[test]
fn every_set_is_the_same_for_everyone() {
    let found: Vec<(&str, u32)> = NAMES
        .iter()
        .map(|&name| {
            let bytes = match Dataset::load(name).unwrap().content {
                Content::Text(text) => text.tokens,
                Content::Samples { samples, .. } => {
                    let features = samples.features.iter().flat_map(|value| value.to_le_bytes());
                    match &samples.targets {
                        Targets::Classes { labels, .. } => {
                            features.chain(labels.iter().flat_map(|label| label.to_le_bytes())).collect()
                        }
                        Targets::Values { values, .. } => {
                            features.chain(values.iter().flat_map(|value| value.to_le_bytes())).collect()
                        }
                    }
                }
            };
            (name, crc(bytes))
        })
        .collect();
    let expected = [
        ("digits", 0x07e1_5814),
        ("fashion14", 0xd905_a07a),
        ("mnist1d", 0xe796_5d2b),
        ("penguins", 0x394c_3f42),
        ("wine_quality", 0xbc89_393b),
        ("shakespeare", 0x5f2a_730d),
        ("spirals", 0x895a_3fb0),
        ("moons", 0xb682_900b),
        ("circles", 0x8017_12ea),
        ("xor", 0xfc29_464c),
        ("blobs", 0x9651_f8ff),
        ("sine", 0xe53c_c8b9),
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_file_has_its_hash_and_its_origin_on_record() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (hashes, readme) = (read("SHA256SUMS"), read("README.md"));
    let listed: Vec<&str> = hashes.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    let mut found: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["SHA256SUMS", "README.md"].contains(&name.as_str()))
        .collect();
    found.sort();
    assert_eq!(found, listed);
    for name in &listed {
        let family = name.split('-').next().unwrap();
        assert!(
            readme.contains(&format!("| `{family}")),
            "datasets/README.md does not say where {name} is from"
        );
    }
    let loaded = NAMES.iter().filter(|name| readme.contains(&format!("`{name}`"))).count();
    assert_eq!(loaded, NAMES.len());
}

#[test]
fn digits_are_the_published_ones() {
    let digits = samples("digits");
    assert_eq!(class_counts(&digits), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    assert_eq!(digits.shape, Shape::Image { height: 8, width: 8 });
    // The mean is what numpy gives for scikit-learn's load_digits().data.
    assert!((mean_and_deviation(&digits.features).0 - 4.884_164_579_855_314).abs() < 1e-12);
    assert_eq!(digits.features.iter().copied().fold(0.0, f32::max), 16.0);
    // The first digit's first two lines of pixels.
    assert_eq!(digits.features[..16], [0., 0., 5., 13., 9., 1., 0., 0., 0., 0., 13., 15., 10., 15., 5., 0.]);
    assert_eq!(labels(&digits)[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn fashion_joins_its_two_parts() {
    let fashion = samples("fashion14");
    assert_eq!(class_counts(&fashion), [1000; 10]);
    let (train, test) = fashion.features.split_at(8000 * 14 * 14);
    for (part, mean, deviation) in
        [(train, 0.286_714_540_8, 0.330_947_709_5), (test, 0.285_586_714_7, 0.328_818_525_9)]
    {
        let found = mean_and_deviation(part);
        assert!((found.0 / 255.0 - mean).abs() < 1e-9, "{found:?}");
        assert!((found.1 / 255.0 - deviation).abs() < 1e-9, "{found:?}");
    }
    assert_eq!(class_names(&fashion)[9], "ankle boot");
}

#[test]
fn mnist1d_is_standardised_as_it_comes() {
    let signals = samples("mnist1d");
    assert_eq!(class_counts(&signals), [500; 10]);
    let (mean, deviation) = mean_and_deviation(&signals.features);
    assert!(mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6, "{mean} {deviation}");
    let prepared = parts("mnist1d", Split { validation: 0.0, ..PLAIN }).0;
    assert_eq!(crc_of_sorted(&prepared.features), crc_of_sorted(&signals.features));
}

fn crc_of_sorted(values: &[f32]) -> u32 {
    let mut values = values.to_vec();
    values.sort_by(f32::total_cmp);
    crc(values.iter().flat_map(|value| value.to_le_bytes()))
}

#[test]
fn penguins_without_their_missing_cells() {
    let dataset = Dataset::load("penguins").unwrap();
    let report = dataset.table.clone().unwrap();
    assert_eq!((report.rows, report.rows_left_out()), (344, 11));
    assert!(report.to_string().starts_with("11 of 344 rows left out, 333 used"), "{report}");
    let penguins = samples("penguins");
    assert_eq!(class_names(&penguins), ["Adelie", "Chinstrap", "Gentoo"]);
    assert_eq!(class_counts(&penguins), [146, 68, 119]);
    assert_eq!(
        penguins.feature_names[..],
        [
            "island=Biscoe",
            "island=Dream",
            "island=Torgersen",
            "bill_length_mm",
            "bill_depth_mm",
            "flipper_length_mm",
            "body_mass_g",
            "sex=female",
            "sex=male",
            "year"
        ]
    );
    assert_eq!(penguins.sample(0).unwrap(), [0., 0., 1., 39.1, 18.7, 181., 3750., 0., 1., 2007.]);
}

#[test]
fn wine_has_its_marks_as_classes() {
    let wine = samples("wine_quality");
    assert_eq!(class_names(&wine), ["3", "4", "5", "6", "7", "8"]);
    assert_eq!(class_counts(&wine), [10, 53, 681, 638, 199, 18]);
}

#[test]
fn shakespeare_has_its_unigram_entropy() {
    let text = shakespeare();
    assert_eq!((text.tokens.len(), text.vocabulary.len()), (200_000, 66));
    // -sum(p ln p) over the characters' counts, by Python's collections.Counter.
    assert!((text.chance().loss - 3.368_785_716_501_707).abs() < 1e-12);
    let opening: String =
        text.tokens[..25].iter().map(|&token| text.vocabulary[usize::from(token)]).collect();
    assert_eq!(opening, "THE TRAGEDY OF CORIOLANUS");
}

#[test]
fn generated_points_are_balanced_and_of_order_one() {
    for (name, classes) in [("spirals", 2), ("moons", 2), ("circles", 2), ("xor", 2), ("blobs", 3)] {
        let points = samples(name);
        let counts = class_counts(&points);
        assert_eq!(counts.len(), classes, "{name}");
        assert!(counts.iter().all(|&count| count.abs_diff(1000 / classes) <= 1), "{name}: {counts:?}");
        let reach = points.features.iter().fold(0.0_f32, |reach, coordinate| reach.max(coordinate.abs()));
        assert!((1.0..2.0).contains(&reach), "{name} reaches {reach}");
    }
    let sine = samples("sine");
    let errors: Vec<f32> =
        sine.features.iter().zip(values(&sine)).map(|(x, y)| y - (3.0 * x).sin()).collect();
    let (mean, deviation) = mean_and_deviation(&errors);
    assert!(mean.abs() < 0.015 && (deviation - 0.1).abs() < 0.01, "{mean} {deviation}");
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = Dataset::load("mnist").unwrap_err().to_string();
    assert!(
        error.starts_with("mnist: there is no data set of this name; there are digits, fashion14,"),
        "{error}"
    );
}
