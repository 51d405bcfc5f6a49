//! Tables are read, or refused with a reason.

use std::io::Read as _;

use super::*;

fn table(text: &str, label: &str) -> Dataset {
    Dataset::from_table("mine.csv", text.as_bytes(), label, &ColumnUses::new()).unwrap()
}

fn content(dataset: Dataset) -> Samples {
    match dataset.content {
        Content::Samples { samples, standard: Standard::Columns } => samples,
        other => panic!("a table is standardised column by column, not {other:?}"),
    }
}

fn refusal(bytes: impl AsRef<[u8]>, label: &str) -> String {
    Dataset::from_table("mine.csv", bytes.as_ref(), label, &ColumnUses::new()).unwrap_err().to_string()
}

#[test]
fn numbers_and_words_become_inputs() {
    let read = content(table("size,colour,kind\n1,red,b\n2.5,blue,a\n-3e2,red,b\n", "kind"));
    assert_eq!(read.feature_names[..], ["size", "colour=blue", "colour=red"]);
    assert_eq!(read.features, [1., 0., 1., 2.5, 1., 0., -300., 0., 1.]);
    assert_eq!(class_names(&read), ["a", "b"]);
    assert_eq!(labels(&read), [1, 0, 1]);
}

#[test]
fn a_label_of_few_whole_numbers_makes_classes_and_other_numbers_a_regression() {
    let of = |labels: &str| {
        let rows: String = labels.split(' ').map(|label| format!("1,{label}\n")).collect();
        content(table(&format!("x,y\n{rows}"), "y"))
    };
    assert_eq!(class_names(&of("10 9 10 9 -1 -1")), ["-1", "9", "10"]);
    assert_eq!(labels(&of("10 9 10 9 -1 -1")), [2, 1, 2, 1, 0, 0]);
    assert_eq!(labels(&of("0 -0 1 1")), [0, 0, 1, 1]);
    assert_eq!(values(&of("0 0.5 0 0.5")), [0.0, 0.5, 0.0, 0.5]);
    assert_eq!(values(&of("1 2 3")), [1.0, 2.0, 3.0], "three numbers that never repeat are no classes");
    let many = (0..42).map(|n| (n % 21).to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(values(&of(&many)).len(), 42, "21 different numbers are no classes");
}

#[test]
fn rows_with_a_missing_cell_are_left_out_and_counted() {
    let dataset = table("x,y,z\n1,a,5\n,a,6\n2,n/a,7\n3,b,-\nNone,b,8\n4,b,8\n", "y");
    let report = dataset.table.clone().unwrap();
    assert_eq!((report.rows, report.rows_used, report.rows_left_out()), (6, 2, 4));
    assert_eq!(report.missing().collect::<Vec<_>>(), [("x", 2), ("y", 1), ("z", 1)]);
    assert!(
        report.to_string().starts_with("4 of 6 rows left out, 2 used: they have a missing cell (`x`: 2, "),
        "{report}"
    );
    let read = content(dataset);
    assert_eq!(read.features, [1., 5., 4., 8.]);
    assert_eq!(labels(&read), [0, 1]);
}

#[test]
fn columns_no_model_can_use_are_left_out_with_the_reason() {
    let rows: String = (0..40)
        .map(|n| format!("{n},name {n},{},{}\n", if n == 3 { "?3x".into() } else { n.to_string() }, n % 2))
        .collect();
    let dataset = table(&format!("x,who,typo,y\n{rows}"), "y");
    assert_eq!(
        dataset.table.as_ref().unwrap().to_string(),
        "column `who` left out: it has 40 different texts, more than the 32 that become inputs; column `typo` left \
         out: it mixes numbers such as `0` with text such as `?3x` (1 cells); \"number\" takes those for missing"
    );
    assert_eq!(content(dataset).feature_names[..], ["x"]);
    let empty = table("x,nothing,y\n1,,a\n2,NA,b\n", "y");
    let report = empty.table.clone().unwrap();
    assert_eq!(report.to_string(), "column `nothing` left out: it has no values");
    assert_eq!(content(empty).len(), 2, "a column that is left out costs no rows");
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
    assert_eq!(content(table("\"a,b\",y\n1,p\n2,q\n", "y")).feature_names[..], ["a,b"]);
}

#[test]
fn each_refusal_names_the_file_and_the_reason() {
    for (text, reason) in [
        ("x,y\n1,a\n2\n", "line 3 has 1 cells where the header has 2"),
        ("x,y\n1,a\n2,b,c\n", "line 3 has 3 cells where the header has 2"),
        (
            "x,z\n1,a\n",
            "no column is called `y` among the 2 of its first line: write the name as that line has it",
        ),
        ("x, Y \n1,a\n", "no column is called `y` among the 2 of its first line; did you mean `Y`?"),
        ("x,y,y\n1,a,b\n", "2 columns are called `y`; rename all but the one to predict"),
        ("", "holds no data"),
        ("\u{feff}", "holds no data"),
        ("x,y\n", "holds no data"),
        ("x,y\n,a\n2,NA\n", "no row can be used: 2 rows, all with a missing cell"),
        ("y\na\nb\n", "besides `y` no column can be used to predict it"),
        ("x,y\n1,a\n2,a\n", "column `y` has the same value in every row, so there is nothing to predict"),
        ("x,y\n1,7\n2,7\n", "column `y` has the same value in every row, so there is nothing to predict"),
        (
            "x,y\n1,a\ninf,b\n",
            "line 3, column `x` has `inf`, which is not a finite number; leave the cell empty if its value is missing",
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
        assert_eq!(refusal(text, "y"), format!("mine.csv: {reason}"), "{text:?}");
    }
    let windows = "x,y\r\n1,a\r\n2,b\r\n3\r\n";
    assert_eq!(refusal(windows, "y"), "mine.csv: line 4 has 1 cells where the header has 2");
    assert!(refusal("x,y\r\n1,a\r\n\r\n-inf,b\r\n", "y").contains("line 4, column `x` has `-inf`"));
    assert_eq!(
        refusal(b"x,y\n1,a\n2,\xff\n", "y"),
        "mine.csv: line 3 is not UTF-8 text; save the file as UTF-8"
    );
    assert_eq!(refusal(b"x,\xff\n1,a\n", "y"), "mine.csv: line 1 is not UTF-8 text; save the file as UTF-8");
    let typo: String = (0..40).map(|n| format!("{n},{n}{}\n", if n == 9 { " apples" } else { "" })).collect();
    assert_eq!(
        refusal(format!("x,y\n{typo}"), "y"),
        "mine.csv: column `y` mixes numbers such as `0` with text such as `9 apples`; correct the text, or leave its cells empty"
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
    let none = ColumnUses::new();
    let error = Dataset::from_table("mine.csv", endless, "y", &none).unwrap_err().to_string();
    assert_eq!(error, "mine.csv: is larger than 262144 bytes in its first line, the most that is read");
    let endless = std::io::Cursor::new(b"x,y\n1,2\n").chain(std::io::repeat(b'1'));
    let error = Dataset::from_table("mine.csv", endless, "y", &none).unwrap_err().to_string();
    assert_eq!(error, "mine.csv: is larger than 1048576 bytes in a line, the most that is read");
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
    let none = ColumnUses::new();
    let missing = Dataset::from_table_file("no such/file.csv".as_ref(), "y", &none).unwrap_err().to_string();
    assert!(missing.starts_with("no such/file.csv: cannot be read: "), "{missing}");
    let penguins = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/penguins.csv");
    let from_file = Dataset::from_table_file(penguins.as_ref(), "species", &none).unwrap();
    assert_eq!(content(from_file), samples("penguins"));
    let wine = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/winequality-red.csv.gz");
    assert_eq!(
        content(Dataset::from_table_file(wine.as_ref(), "quality", &none).unwrap()),
        samples("wine_quality")
    );
    let folder =
        Dataset::from_table_file(env!("CARGO_MANIFEST_DIR").as_ref(), "y", &none).unwrap_err().to_string();
    assert!(folder.contains(": cannot be read: "), "{folder}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, label in "[a-c]?") {
        let _ = Dataset::from_table("mine.csv", &bytes[..], &label, &ColumnUses::new());
    }

    #[test]
    fn near_tables_never_panic_and_what_is_read_can_be_prepared(
        text in "(a|b|c|x)(,|;)(a|b|c)(,|;)y\n(([0-9]{1,3}|-1e30|NA|p|q|\"|\u{e9}|nan)?(,|;|\n)){0,40}",
        seed: u64, validation in 0.0..1.0_f64, label_noise in 0.0..=1.0_f64, limit in prop::option::of(0..9_usize),
    ) {
        if let Ok(dataset) = Dataset::from_table("mine.csv", text.as_bytes(), "y", &ColumnUses::new())
            && let Ok(Prepared::Samples { train, validation, .. }) =
                dataset.prepare(&Split { seed, validation, label_noise, limit })
        {
            prop_assert!(!train.is_empty());
            for part in [train, validation] {
                prop_assert_eq!(part.features.len(), part.len() * part.shape.features());
                prop_assert!(part.features.iter().all(|feature| feature.is_finite()));
                prop_assert!(part.chance().loss.is_finite());
            }
        }
    }
}
