//! Tables as people have them: what is read, and that what is left out or assumed is said.

use super::*;

fn read(text: &str, label: &str, uses: &[(&str, ColumnUse)]) -> Dataset {
    let uses: ColumnUses = uses.iter().map(|(name, is)| ((*name).to_owned(), *is)).collect();
    Dataset::from_table("mine.csv", text.as_bytes(), label, &uses).unwrap()
}

fn said(dataset: &Dataset) -> String {
    dataset.table.as_ref().unwrap().to_string()
}

fn content(dataset: Dataset) -> Samples {
    match dataset.content {
        Content::Samples { samples, .. } => samples,
        Content::Text(_) => panic!("a table is samples"),
    }
}

fn case(name: &str, label: &str) -> Dataset {
    let file = format!("{}/tests/cases/tables/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    Dataset::from_table_file(file.as_ref(), label, &ColumnUses::new()).unwrap()
}

#[test]
fn a_sparse_column_costs_rows_and_a_broken_one_is_left_out_and_both_are_said() {
    let dataset = case("rows_dropped_silently", "y");
    let report = dataset.table.as_ref().unwrap();
    assert_eq!((report.rows, report.rows_used), (400, 40));
    let said = said(&dataset);
    assert!(said.contains("360 of 400 rows left out, 40 used"), "{said}");
    assert!(said.contains("`cabin`: 360") && said.contains("columns = { cabin = \"skip\" }"), "{said}");
    assert!(said.contains("column `price` left out: it mixes numbers such as `$1,0"), "{said}");
    let file = format!("{}/tests/cases/tables/rows_dropped_silently.csv", env!("CARGO_MANIFEST_DIR"));
    let uses = ColumnUses::from([("cabin".to_owned(), ColumnUse::Skip)]);
    let all = Dataset::from_table_file(file.as_ref(), "y", &uses).unwrap();
    assert_eq!(all.table.as_ref().unwrap().rows_used, 400);
    assert_eq!(content(all).feature_names[..], ["a"]);
}

#[test]
fn a_dash_is_a_missing_cell() {
    let dataset = case("dash_cells", "y");
    let report = dataset.table.as_ref().unwrap();
    let dashes = report.rows_left_out();
    assert!(dashes > 0 && report.missing().collect::<Vec<_>>() == [("z", dashes)], "{report}");
    assert_eq!(content(dataset).feature_names[..], ["x", "z"]);
}

#[test]
fn a_comma_may_be_a_decimal_point() {
    let dataset = case("decimal_comma", "label");
    assert!(
        said(&dataset).contains("`temp`, `label`: commas were read as decimal points"),
        "{}",
        said(&dataset)
    );
    let samples = content(dataset);
    let (low, high) =
        values(&samples).iter().fold((1.0_f32, 0.0_f32), |(low, high), v| (low.min(*v), high.max(*v)));
    assert!((0.29..0.32).contains(&low) && (0.88..0.91).contains(&high), "{low} to {high}");
}

#[test]
fn signs_of_currencies_percents_and_thousands_are_passed_over_and_said() {
    let dataset = read("price,share,y\n\"$1,200.50\",12 %,a\n$80,7.5%,b\n\"$1,000\",3%,a\n", "y", &[]);
    let said = said(&dataset);
    assert!(
        said.contains("`price`: signs that part thousands") && said.contains("`share`: percent signs"),
        "{said}"
    );
    assert!(said.contains("`price`: signs of currencies"), "{said}");
    assert_eq!(content(dataset).features, [1200.5, 12.0, 80.0, 7.5, 1000.0, 3.0]);
}

#[test]
fn a_table_without_a_header_has_numbered_columns() {
    let rows: String = (0..20).map(|n| format!("{n}.5,{},kind {}\n", 2 * n, n % 2)).collect();
    let dataset = read(&rows, "c3", &[]);
    assert!(said(&dataset).contains("the columns are called c1 to c3"), "{}", said(&dataset));
    assert_eq!(dataset.table.as_ref().unwrap().rows, 20);
    assert_eq!(content(dataset).feature_names[..], ["c1", "c2"]);
    let named = Dataset::from_table("mine.csv", rows.as_bytes(), "kind", &ColumnUses::new()).unwrap_err();
    assert!(named.to_string().contains("the columns are `c1`, `c2`, `c3`"), "{named}");
}

#[test]
fn comments_and_a_told_separator_are_no_rows() {
    let dataset = read("# made by hand\n# twice\nsep=;\nx;y\n1,5;a\n2,5;b\n", "y", &[]);
    assert!(said(&dataset).contains("2 comment lines"), "{}", said(&dataset));
    assert_eq!(content(dataset).features, [1.5, 2.5]);
    assert_eq!(content(read("#,y\n1,a\n2,b\n", "y", &[])).feature_names[..], ["#"]);
}

#[test]
fn dates_are_days_and_unclear_ones_are_named() {
    let rows: String = (1..=40)
        .map(|n| format!("2024-0{}-{:02},{n}/{n}/2024,{}\n", 1 + n / 30, 1 + n % 28, n % 2))
        .collect();
    let dataset = read(&format!("when,odd,y\n{rows}"), "y", &[]);
    let said = said(&dataset);
    assert!(said.contains("`when`: dates were read as days since 1970-01-01"), "{said}");
    assert!(
        said.contains("column `odd` left out: it has dates such as `1/1/2024`, whose day and month"),
        "{said}"
    );
    assert_eq!(dataset.table.as_ref().unwrap().columns[0].kind, CellKind::Dates);
    assert_eq!(content(dataset).features[0], 19_724.0);
}

#[test]
fn what_is_said_of_a_column_holds() {
    let rows: String = (0..60)
        .map(|n| format!("{},{},{}\n", if n == 7 { "oops".into() } else { n.to_string() }, n % 3, n % 2))
        .collect();
    let text = format!("size,zip,y\n{rows}");
    let plain = read(&text, "y", &[]);
    assert!(matches!(&plain.table.as_ref().unwrap().columns[0].role, ColumnRole::LeftOut(_)));
    let told = read(&text, "y", &[("size", ColumnUse::Number), ("zip", ColumnUse::Text)]);
    let report = told.table.as_ref().unwrap();
    assert_eq!((report.rows_left_out(), report.columns[0].missing), (1, 1));
    assert_eq!(content(told).feature_names[..], ["size", "zip=0", "zip=1", "zip=2"]);
    let uses = ColumnUses::from([("nope".to_owned(), ColumnUse::Skip)]);
    let error = Dataset::from_table("mine.csv", text.as_bytes(), "y", &uses).unwrap_err().to_string();
    assert!(error.contains("no column is called `nope`"), "{error}");
}

#[test]
fn a_label_may_have_hundreds_of_classes() {
    let rows: String = (0..1200).map(|n| format!("{n},class {}\n", n % 400)).collect();
    assert_eq!(class_names(&content(read(&format!("x,y\n{rows}"), "y", &[]))).len(), 400);
}

#[test]
fn a_preview_shows_the_first_rows_and_what_each_column_is() {
    let file = format!("{}/tests/cases/tables/rows_dropped_silently.csv", env!("CARGO_MANIFEST_DIR"));
    let report = Dataset::inspect_table(file.as_ref(), &ColumnUses::new()).unwrap();
    assert_eq!(report.first_rows.len(), 8);
    assert_eq!(report.first_rows[0][1], "$1,1015.00");
    let kinds: Vec<CellKind> = report.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [CellKind::Numbers, CellKind::Texts, CellKind::Texts, CellKind::Texts]);
    assert_eq!(report.columns[2].missing, 360);
}
