//! Data sets: what is shipped is what it was, tables are read or refused with a reason, and splits
//! follow from their seed.

use anneal_studio::data::{
    CATALOGUE, Content, Dataset, NAMES, Prepared, Samples, Shape, Split, Standard, Targets, Task,
    Text, epoch_order, info,
};
use proptest::prelude::*;

/// No label noise, no limit, a fifth held out.
const PLAIN: Split = Split {
    seed: 0,
    validation: 0.2,
    label_noise: 0.0,
    limit: None,
};

fn samples(name: &str) -> Samples {
    match Dataset::load(name).unwrap().content {
        Content::Samples { samples, .. } => samples,
        Content::Text(_) => panic!("{name} is a text"),
    }
}

fn shakespeare() -> Text {
    match Dataset::load("shakespeare").unwrap().content {
        Content::Text(text) => text,
        Content::Samples { .. } => panic!("shakespeare is a text"),
    }
}

/// Training part and validation part.
fn parts(name: &str, split: Split) -> (Samples, Samples) {
    match Dataset::load(name).unwrap().prepare(&split).unwrap() {
        Prepared::Samples {
            train, validation, ..
        } => (train, validation),
        Prepared::Text { .. } => panic!("{name} is a text"),
    }
}

fn labels(samples: &Samples) -> &[u32] {
    match &samples.targets {
        Targets::Classes { labels, .. } => labels,
        Targets::Values { .. } => panic!("a regression has no labels"),
    }
}

fn class_names(samples: &Samples) -> &[String] {
    match &samples.targets {
        Targets::Classes { names, .. } => names,
        Targets::Values { .. } => panic!("a regression has no classes"),
    }
}

fn values(samples: &Samples) -> &[f32] {
    match &samples.targets {
        Targets::Values { values, .. } => values,
        Targets::Classes { .. } => panic!("classes are no values"),
    }
}

fn class_counts(samples: &Samples) -> Vec<usize> {
    let mut counts = vec![0; class_names(samples).len()];
    for &label in labels(samples) {
        counts[label as usize] += 1;
    }
    counts
}

fn mean_and_deviation(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let square = values
        .iter()
        .map(|&value| (f64::from(value) - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, square.sqrt())
}

fn crc(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(&bytes.into_iter().collect::<Vec<u8>>());
    crc.sum()
}

mod shipped {
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
            assert!(
                !described.title.is_empty() && described.about.ends_with('.'),
                "{name}"
            );
            let (task, shape, count) = match &dataset.content {
                Content::Samples { samples, .. } => {
                    let task = match &samples.targets {
                        Targets::Classes { names, .. } => Task::Classification {
                            classes: names.len(),
                        },
                        Targets::Values { .. } => Task::Regression,
                    };
                    assert_eq!(
                        samples.features.len(),
                        samples.len() * samples.shape.features(),
                        "{name}"
                    );
                    assert!(
                        samples.features.iter().all(|feature| feature.is_finite()),
                        "{name}"
                    );
                    (task, samples.shape, samples.len())
                }
                Content::Text(text) => (
                    Task::NextCharacter {
                        symbols: text.vocabulary.len(),
                    },
                    Shape::Sequence,
                    text.tokens.len(),
                ),
            };
            assert_eq!(
                (described.task, described.shape, described.samples),
                (task, shape, count),
                "{name}"
            );
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
                        let features = samples
                            .features
                            .iter()
                            .flat_map(|value| value.to_le_bytes());
                        match &samples.targets {
                            Targets::Classes { labels, .. } => features
                                .chain(labels.iter().flat_map(|label| label.to_le_bytes()))
                                .collect(),
                            Targets::Values { values, .. } => features
                                .chain(values.iter().flat_map(|value| value.to_le_bytes()))
                                .collect(),
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
        let listed: Vec<&str> = hashes
            .lines()
            .filter_map(|line| line.split("  ").nth(1))
            .collect();
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
        let loaded = NAMES
            .iter()
            .filter(|name| readme.contains(&format!("`{name}`")))
            .count();
        assert_eq!(loaded, NAMES.len());
    }

    #[test]
    fn digits_are_the_published_ones() {
        let digits = samples("digits");
        assert_eq!(
            class_counts(&digits),
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        );
        assert_eq!(
            digits.shape,
            Shape::Image {
                height: 8,
                width: 8
            }
        );
        // The mean is what numpy gives for scikit-learn's load_digits().data.
        assert!((mean_and_deviation(&digits.features).0 - 4.884_164_579_855_314).abs() < 1e-12);
        assert_eq!(digits.features.iter().copied().fold(0.0, f32::max), 16.0);
        // The first digit's first two lines of pixels.
        assert_eq!(
            digits.features[..16],
            [
                0., 0., 5., 13., 9., 1., 0., 0., 0., 0., 13., 15., 10., 15., 5., 0.
            ]
        );
        assert_eq!(labels(&digits)[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn fashion_joins_its_two_parts() {
        let fashion = samples("fashion14");
        assert_eq!(class_counts(&fashion), [1000; 10]);
        let (train, test) = fashion.features.split_at(8000 * 14 * 14);
        for (part, mean, deviation) in [
            (train, 0.286_714_540_8, 0.330_947_709_5),
            (test, 0.285_586_714_7, 0.328_818_525_9),
        ] {
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
        assert!(
            mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6,
            "{mean} {deviation}"
        );
        let prepared = parts(
            "mnist1d",
            Split {
                validation: 0.0,
                ..PLAIN
            },
        )
        .0;
        assert_eq!(
            crc_of_sorted(&prepared.features),
            crc_of_sorted(&signals.features)
        );
    }

    fn crc_of_sorted(values: &[f32]) -> u32 {
        let mut values = values.to_vec();
        values.sort_by(f32::total_cmp);
        crc(values.iter().flat_map(|value| value.to_le_bytes()))
    }

    #[test]
    fn penguins_without_their_missing_cells() {
        let dataset = Dataset::load("penguins").unwrap();
        assert_eq!(dataset.left_out.rows, 11);
        assert_eq!(
            dataset.left_out.to_string(),
            "left out: 11 rows with a missing cell"
        );
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
        assert_eq!(
            penguins.sample(0).unwrap(),
            [0., 0., 1., 39.1, 18.7, 181., 3750., 0., 1., 2007.]
        );
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
        let opening: String = text.tokens[..25]
            .iter()
            .map(|&token| text.vocabulary[usize::from(token)])
            .collect();
        assert_eq!(opening, "THE TRAGEDY OF CORIOLANUS");
    }

    #[test]
    fn generated_points_are_balanced_and_of_order_one() {
        for (name, classes) in [
            ("spirals", 2),
            ("moons", 2),
            ("circles", 2),
            ("xor", 2),
            ("blobs", 3),
        ] {
            let points = samples(name);
            let counts = class_counts(&points);
            assert_eq!(counts.len(), classes, "{name}");
            assert!(
                counts
                    .iter()
                    .all(|&count| count.abs_diff(1000 / classes) <= 1),
                "{name}: {counts:?}"
            );
            let reach = points
                .features
                .iter()
                .fold(0.0_f32, |reach, coordinate| reach.max(coordinate.abs()));
            assert!((1.0..2.0).contains(&reach), "{name} reaches {reach}");
        }
        let sine = samples("sine");
        let errors: Vec<f32> = sine
            .features
            .iter()
            .zip(values(&sine))
            .map(|(x, y)| y - (3.0 * x).sin())
            .collect();
        let (mean, deviation) = mean_and_deviation(&errors);
        assert!(
            mean.abs() < 0.015 && (deviation - 0.1).abs() < 0.01,
            "{mean} {deviation}"
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = Dataset::load("mnist").unwrap_err().to_string();
        assert!(
            error.starts_with(
                "mnist: there is no data set of this name; there are digits, fashion14,"
            ),
            "{error}"
        );
    }
}

mod tables {
    use super::*;

    fn table(text: &str, label: &str) -> Dataset {
        Dataset::from_csv("mine.csv", text.as_bytes(), label).unwrap()
    }

    fn content(dataset: Dataset) -> Samples {
        match dataset.content {
            Content::Samples {
                samples,
                standard: Standard::Columns,
            } => samples,
            other => panic!("a table is standardised column by column, not {other:?}"),
        }
    }

    fn refusal(bytes: impl AsRef<[u8]>, label: &str) -> String {
        Dataset::from_csv("mine.csv", bytes.as_ref(), label)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn numbers_and_words_become_inputs() {
        let read = content(table(
            "size,colour,kind\n1,red,b\n2.5,blue,a\n-3e2,red,b\n",
            "kind",
        ));
        assert_eq!(
            read.feature_names[..],
            ["size", "colour=blue", "colour=red"]
        );
        assert_eq!(read.features, [1., 0., 1., 2.5, 1., 0., -300., 0., 1.]);
        assert_eq!(class_names(&read), ["a", "b"]);
        assert_eq!(labels(&read), [1, 0, 1]);
    }

    #[test]
    fn a_label_of_few_whole_numbers_makes_classes_and_other_numbers_a_regression() {
        let of = |labels: &str| {
            let rows: String = labels
                .split(' ')
                .map(|label| format!("1,{label}\n"))
                .collect();
            content(table(&format!("x,y\n{rows}"), "y"))
        };
        assert_eq!(class_names(&of("10 9 10 9 -1 -1")), ["-1", "9", "10"]);
        assert_eq!(labels(&of("10 9 10 9 -1 -1")), [2, 1, 2, 1, 0, 0]);
        assert_eq!(labels(&of("0 -0 1 1")), [0, 0, 1, 1]);
        assert_eq!(values(&of("0 0.5 0 0.5")), [0.0, 0.5, 0.0, 0.5]);
        assert_eq!(
            values(&of("1 2 3")),
            [1.0, 2.0, 3.0],
            "three numbers that never repeat are no classes"
        );
        let many = (0..42)
            .map(|n| (n % 21).to_string())
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(
            values(&of(&many)).len(),
            42,
            "21 different numbers are no classes"
        );
    }

    #[test]
    fn rows_with_a_missing_cell_are_left_out_and_counted() {
        let dataset = table("x,y,z\n1,a,5\n,a,6\n2,n/a,7\n3,b,?\n4,b,8\n", "y");
        assert_eq!(dataset.left_out.rows, 3);
        let read = content(dataset);
        assert_eq!(read.features, [1., 5., 4., 8.]);
        assert_eq!(labels(&read), [0, 1]);
    }

    #[test]
    fn columns_no_model_can_use_are_left_out_with_the_reason() {
        let rows: String = (0..40)
            .map(|n| {
                format!(
                    "{n},name {n},{},{}\n",
                    if n == 3 { "?3x".into() } else { n.to_string() },
                    n % 2
                )
            })
            .collect();
        let dataset = table(&format!("x,who,typo,y\n{rows}"), "y");
        assert_eq!(
            dataset.left_out.to_string(),
            "left out: column `who`, which has 40 different texts, more than the 32 that become inputs; column \
             `typo`, which mixes numbers such as `0` with text such as `?3x`"
        );
        assert_eq!(content(dataset).feature_names[..], ["x"]);
        let empty = table("x,nothing,y\n1,,a\n2,NA,b\n", "y");
        assert_eq!(
            empty.left_out.to_string(),
            "left out: column `nothing`, which has no values"
        );
        assert_eq!(
            content(empty).len(),
            2,
            "a column that is left out costs no rows"
        );
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let plain = content(table("x,y\n1,a\n2,b\n", "y"));
        for text in [
            "\u{feff}x,y\r\n1,a\r\n2,b\r\n",
            "x;y\n1;a\n2;b\n",
            "x\ty\n1\ta\n2\tb",
            "x , y\n 1,\"a\"\n\n+2.0 , b \n",
        ] {
            assert_eq!(content(table(text, "y")), plain, "{text:?}");
        }
        assert_eq!(
            content(table("\"a,b\",y\n1,p\n2,q\n", "y")).feature_names[..],
            ["a,b"]
        );
    }

    #[test]
    fn each_refusal_names_the_file_and_the_reason() {
        for (text, reason) in [
            ("x,y\n1,a\n2\n", "line 3 has 1 cells where the header has 2"),
            (
                "x,y\n1,a\n2,b,c\n",
                "line 3 has 3 cells where the header has 2",
            ),
            (
                "x,z\n1,a\n",
                "no column is called `y`; the columns are `x`, `z`",
            ),
            (
                "x,y,y\n1,a,b\n",
                "2 columns are called `y`; rename all but the one to predict",
            ),
            ("", "holds no data"),
            ("\u{feff}", "holds no data"),
            ("x,y\n", "holds no data"),
            (
                "x,y\n,a\n2,NA\n",
                "no row can be used: 2 rows, all with a missing cell",
            ),
            (
                "y\na\nb\n",
                "besides `y` no column can be used to predict it",
            ),
            (
                "x,y\n1,a\n2,a\n",
                "column `y` has the same value in every row, so there is nothing to predict",
            ),
            (
                "x,y\n1,7\n2,7\n",
                "column `y` has the same value in every row, so there is nothing to predict",
            ),
            (
                "x,y\n1,a\nNaN,b\n",
                "line 3, column `x` has `NaN`, which is not a finite number; leave the cell empty if its value is missing",
            ),
            (
                "x,y\n1,a\n\n1e39,b\n",
                "line 4, column `x` has `1e39`, which is not a finite number; leave the cell empty if its value is missing",
            ),
            (
                "x,y\n1,2\n1,inf\n",
                "line 3, column `y` has `inf`, which is not a finite number; leave the cell empty if its value is missing",
            ),
        ] {
            assert_eq!(
                refusal(text, "y"),
                format!("mine.csv: {reason}"),
                "{text:?}"
            );
        }
        let windows = "x,y\r\n1,a\r\n2,b\r\n3\r\n";
        assert_eq!(
            refusal(windows, "y"),
            "mine.csv: line 4 has 1 cells where the header has 2"
        );
        assert!(
            refusal("x,y\r\n1,a\r\n\r\nnan,b\r\n", "y").contains("line 4, column `x` has `nan`")
        );
        assert_eq!(
            refusal(b"x,y\n1,a\n2,\xff\n", "y"),
            "mine.csv: line 3 is not UTF-8 text; save the file as UTF-8"
        );
        assert_eq!(
            refusal(b"x,\xff\n1,a\n", "y"),
            "mine.csv: line 1 is not UTF-8 text; save the file as UTF-8"
        );
        let typo: String = (0..40)
            .map(|n| format!("{n},{n}{}\n", if n == 9 { " EUR" } else { "" }))
            .collect();
        assert_eq!(
            refusal(format!("x,y\n{typo}"), "y"),
            "mine.csv: column `y` mixes numbers such as `0` with text such as `9 EUR`; correct the text, or leave its cells empty"
        );
        let many: String = (0..1001).map(|n| format!("{n},class {n}\n")).collect();
        assert_eq!(
            refusal(format!("x,y\n{many}"), "y"),
            "mine.csv: column `y` has 1001 different texts, and at most 1000 can be told apart as classes"
        );
    }

    #[test]
    fn what_is_too_large_is_refused_unread() {
        let endless = std::io::repeat(b'1');
        let error = Dataset::from_csv("mine.csv", endless, "y")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "mine.csv: is larger than 67108864 bytes, the most that is read"
        );
    }

    #[test]
    fn few_bytes_cannot_become_many_inputs() {
        // 128 columns of 32 texts are 4096 inputs a row; 20,000 rows of them would take 330 MB.
        let header: String = (0..128).map(|column| format!("c{column},")).collect();
        let rows: String = (0..20_000_usize)
            .map(|row| {
                let cell = char::from(b"abcdefghijklmnopqrstuvwxyzABCDEF"[row % 32]);
                format!("{}{}\n", format!("{cell},").repeat(128), row % 2)
            })
            .collect();
        assert_eq!(
            refusal(format!("{header}y\n{rows}"), "y"),
            "mine.csv: is larger than 67108864 values (rows times inputs), the most that is read"
        );
    }

    #[test]
    fn files_are_named_by_their_path() {
        let missing = Dataset::from_csv_file("no such/file.csv".as_ref(), "y")
            .unwrap_err()
            .to_string();
        assert!(
            missing.starts_with("no such/file.csv: cannot be read: "),
            "{missing}"
        );
        let penguins = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/penguins.csv");
        let from_file = Dataset::from_csv_file(penguins.as_ref(), "species").unwrap();
        assert_eq!(content(from_file), samples("penguins"));
        let wine = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/datasets/winequality-red.csv.gz"
        );
        assert_eq!(
            content(Dataset::from_csv_file(wine.as_ref(), "quality").unwrap()),
            samples("wine_quality")
        );
        let folder = Dataset::from_csv_file(env!("CARGO_MANIFEST_DIR").as_ref(), "y")
            .unwrap_err()
            .to_string();
        assert!(folder.contains(": cannot be read: "), "{folder}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, label in "[a-c]?") {
            let _ = Dataset::from_csv("mine.csv", &bytes[..], &label);
        }

        #[test]
        fn near_tables_never_panic_and_what_is_read_can_be_prepared(
            text in "(a|b|c|x)(,|;)(a|b|c)(,|;)y\n(([0-9]{1,3}|-1e30|NA|p|q|\"|\u{e9}|nan)?(,|;|\n)){0,40}",
            seed: u64, validation in 0.0..1.0_f64, label_noise in 0.0..=1.0_f64, limit in prop::option::of(0..9_usize),
        ) {
            if let Ok(dataset) = Dataset::from_csv("mine.csv", text.as_bytes(), "y")
                && let Ok(Prepared::Samples { train, validation, .. }) =
                    dataset.prepare(&Split { seed, validation, label_noise, limit })
            {
                prop_assert!(train.len() > 0);
                for part in [train, validation] {
                    prop_assert_eq!(part.features.len(), part.len() * part.shape.features());
                    prop_assert!(part.features.iter().all(|feature| feature.is_finite()));
                    prop_assert!(part.chance().loss.is_finite());
                }
            }
        }
    }
}

mod splits {
    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let noisy = Split {
            seed: 3,
            validation: 0.25,
            label_noise: 0.3,
            limit: Some(1000),
        };
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
            Dataset::from_csv("numbers", format!("x,y\n{rows}").as_bytes(), "y").unwrap();
        for (validation, held_out) in [
            (0.0, 0),
            (0.2, 200),
            (0.3333, 333),
            (0.9996, 1000),
            (0.9994, 999),
        ] {
            let prepared = numbered.prepare(&Split {
                validation,
                ..PLAIN
            });
            if held_out == 1000 {
                assert_eq!(
                    prepared.unwrap_err().to_string(),
                    "numbers: a validation share of 0.9996 leaves none of the 1000 samples to train on"
                );
                continue;
            }
            let Prepared::Samples {
                train,
                validation,
                scaling,
            } = prepared.unwrap()
            else {
                panic!()
            };
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
        let (some, same_validation) = parts(
            "spirals",
            Split {
                limit: Some(100),
                ..PLAIN
            },
        );
        assert_eq!(some.features, all.features[..200]);
        assert_eq!(labels(&some), &labels(&all)[..100]);
        assert_eq!(validation, same_validation);
        assert_eq!(
            parts(
                "spirals",
                Split {
                    limit: Some(5000),
                    ..PLAIN
                }
            )
            .0,
            all,
            "there are no more than there are"
        );
        let more = parts(
            "spirals",
            Split {
                validation: 0.5,
                limit: Some(100),
                ..PLAIN
            },
        )
        .0;
        assert_eq!(
            more, some,
            "the share held out does not change who trains first"
        );
    }

    #[test]
    fn label_noise_replaces_its_share_of_training_labels_only() {
        let (clean, validation) = parts("fashion14", PLAIN);
        let noisy = |label_noise| {
            parts(
                "fashion14",
                Split {
                    label_noise,
                    ..PLAIN
                },
            )
        };
        let (some, same_validation) = noisy(0.3);
        assert_eq!(validation, same_validation);
        assert_eq!(clean.features, some.features);
        let changed = |noisy: &Samples| -> Vec<usize> {
            (0..clean.len())
                .filter(|&at| labels(&clean)[at] != labels(noisy)[at])
                .collect()
        };
        // Of 8000 labels 2400 are replaced, nine in ten of them by another class: 2160 +- 15.
        let replaced = changed(&some);
        assert!(replaced.len().abs_diff(2160) < 75, "{}", replaced.len());
        let more = changed(&noisy(0.6).0);
        assert!(
            replaced.iter().all(|at| more.contains(at)),
            "more noise keeps what less noise replaced"
        );
        let all = noisy(1.0).0;
        assert!(changed(&all).len().abs_diff(7200) < 135);
        assert!(
            class_counts(&all)
                .iter()
                .all(|count| count.abs_diff(800) < 135),
            "{:?}",
            class_counts(&all)
        );
    }

    #[test]
    fn label_noise_of_a_regression_moves_values_about() {
        let (clean, validation) = parts("sine", PLAIN);
        let (noisy, same_validation) = parts(
            "sine",
            Split {
                label_noise: 0.5,
                ..PLAIN
            },
        );
        assert_eq!(validation, same_validation);
        let changed = values(&clean)
            .iter()
            .zip(values(&noisy))
            .filter(|(a, b)| a != b)
            .count();
        assert!((390..=400).contains(&changed), "{changed}");
        assert!(
            values(&noisy)
                .iter()
                .all(|value| values(&clean).contains(value))
        );
    }

    #[test]
    fn digits_are_divided_by_16_and_centred_by_the_training_mean() {
        let Prepared::Samples {
            train,
            validation,
            scaling,
        } = Dataset::load("digits").unwrap().prepare(&PLAIN).unwrap()
        else {
            panic!()
        };
        for pixel in 0..64 {
            let column: Vec<f32> = train
                .features
                .iter()
                .skip(pixel)
                .step_by(64)
                .copied()
                .collect();
            assert!(mean_and_deviation(&column).0.abs() < 1e-7, "pixel {pixel}");
            assert_eq!(scaling.features[pixel].scale, 16.0);
        }
        let spread = |column: &[f32]| {
            column.iter().copied().fold(f32::MIN, f32::max)
                - column.iter().copied().fold(f32::MAX, f32::min)
        };
        let column: Vec<f32> = train
            .features
            .iter()
            .skip(20)
            .step_by(64)
            .copied()
            .collect();
        assert!(
            (spread(&column) - 1.0).abs() < 1e-6,
            "0 to 16 is now 1 wide"
        );
        // Validation is scaled by the training part's mean, so its own is not quite 0.
        let mean = mean_and_deviation(&validation.features).0;
        assert!(mean != 0.0 && mean.abs() < 0.01, "{mean}");
    }

    #[test]
    fn images_are_standardised_globally_and_tables_by_column() {
        let (train, _) = parts(
            "fashion14",
            Split {
                limit: Some(4000),
                ..PLAIN
            },
        );
        let (mean, deviation) = mean_and_deviation(&train.features);
        assert!(
            mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6,
            "{mean} {deviation}"
        );
        let corner: Vec<f32> = train.features.iter().step_by(196).copied().collect();
        assert!(
            mean_and_deviation(&corner).1 < 0.5,
            "one pixel alone is not standardised"
        );

        let (train, _) = parts("wine_quality", PLAIN);
        for feature in 0..11 {
            let column: Vec<f32> = train
                .features
                .iter()
                .skip(feature)
                .step_by(11)
                .copied()
                .collect();
            let (mean, deviation) = mean_and_deviation(&column);
            assert!(
                mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6,
                "{feature}: {mean} {deviation}"
            );
        }
    }

    #[test]
    fn tables_of_numbers_have_their_targets_standardised_and_constants_stay_finite() {
        let rows: String = (0..50)
            .map(|n| format!("{n},0.1,{}\n", 100_000.0 + f64::from(n) * 1234.5))
            .collect();
        let houses = Dataset::from_csv(
            "houses",
            format!("x,same,price\n{rows}").as_bytes(),
            "price",
        )
        .unwrap();
        let Prepared::Samples { train, scaling, .. } = houses.prepare(&PLAIN).unwrap() else {
            panic!()
        };
        let (mean, deviation) = mean_and_deviation(values(&train));
        assert!(
            mean.abs() < 1e-6 && (deviation - 1.0).abs() < 1e-6,
            "{mean} {deviation}"
        );
        assert!(
            train
                .features
                .iter()
                .skip(1)
                .step_by(2)
                .all(|&same| same.abs() < 1e-6)
        );
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
        let text = |split: Split| match Dataset::load("shakespeare")
            .unwrap()
            .prepare(&split)
            .unwrap()
        {
            Prepared::Text { train, validation } => (train, validation),
            Prepared::Samples { .. } => panic!("shakespeare is a text"),
        };
        let (train, validation) = text(PLAIN);
        assert_eq!(
            (train.tokens.len(), validation.tokens.len()),
            (160_000, 40_000)
        );
        assert_eq!(
            [&train.tokens[..], &validation.tokens].concat(),
            whole.tokens
        );
        let (limited, same_validation) = text(Split {
            limit: Some(1000),
            ..PLAIN
        });
        assert_eq!(limited.tokens, whole.tokens[..1000]);
        assert_eq!(validation, same_validation);
        assert_eq!(
            limited.vocabulary, whole.vocabulary,
            "a part keeps the whole vocabulary"
        );
    }

    #[test]
    fn what_cannot_be_dealt_out_is_refused() {
        let digits = Dataset::load("digits").unwrap();
        let text = Dataset::load("shakespeare").unwrap();
        for (dataset, split, reason) in [
            (
                &digits,
                Split {
                    validation: 1.0,
                    ..PLAIN
                },
                "digits: validation is a share of at least 0 and below 1, found 1",
            ),
            (
                &digits,
                Split {
                    validation: f64::NAN,
                    ..PLAIN
                },
                "digits: validation is a share of at least 0 and below 1, found NaN",
            ),
            (
                &digits,
                Split {
                    validation: -0.1,
                    ..PLAIN
                },
                "digits: validation is a share of at least 0 and below 1, found -0.1",
            ),
            (
                &digits,
                Split {
                    label_noise: 1.1,
                    ..PLAIN
                },
                "digits: label_noise is a share from 0 to 1, found 1.1",
            ),
            (
                &digits,
                Split {
                    limit: Some(0),
                    ..PLAIN
                },
                "digits: limit must be at least 1 sample, found 0",
            ),
            (
                &text,
                Split {
                    label_noise: 0.1,
                    ..PLAIN
                },
                "shakespeare: label_noise has no meaning for text, which has no labels; set it to 0",
            ),
            (
                &text,
                Split {
                    validation: 2.0,
                    ..PLAIN
                },
                "shakespeare: validation is a share of at least 0 and below 1, found 2",
            ),
        ] {
            assert_eq!(dataset.prepare(&split).unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn chance_is_what_the_targets_allow_without_inputs() {
        let everything = Split {
            validation: 0.0,
            ..PLAIN
        };
        let chance = |name| {
            Dataset::load(name)
                .unwrap()
                .prepare(&everything)
                .unwrap()
                .chance()
        };
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
        let prepared = Dataset::load("moons")
            .unwrap()
            .prepare(&everything)
            .unwrap();
        assert_eq!(prepared.chance_loss(), 2_f64.ln());
    }
}

mod order {
    use super::*;

    fn order(seed: u64, epoch: u64, n: usize) -> Vec<u32> {
        let mut order = vec![7; 3];
        epoch_order(seed, epoch, n, &mut order);
        order
    }

    #[test]
    fn an_epoch_s_order_follows_from_seed_and_epoch() {
        assert_eq!(order(1, 2, 500), order(1, 2, 500));
        assert_ne!(order(1, 2, 500), order(1, 3, 500));
        assert_ne!(order(1, 2, 500), order(2, 2, 500));
        // By the program in src/random.rs: Rng(7, 2, 5).shuffled(10).
        assert_eq!(order(7, 5, 10), [0, 9, 4, 7, 8, 3, 1, 6, 2, 5]);
    }

    proptest! {
        #[test]
        fn an_epoch_sees_every_sample_once(seed: u64, epoch: u64, n in 0..300_usize) {
            let mut order = order(seed, epoch, n);
            order.sort_unstable();
            prop_assert!(order.into_iter().eq(0..n as u32));
        }
    }
}
