//! What is below the program is allowed to be there: `deny.toml`, read without `cargo deny`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The packages that the program is built of on Linux, without those of its tests, as `cargo tree` shows them.
fn below(format: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--prefix=none", "--edges=normal,build"])
        .args(["--target=x86_64-unknown-linux-gnu", "--format", format])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    let lines: BTreeSet<String> = text
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    assert!(lines.len() > 100);
    lines
}

fn rules() -> Value {
    let rules: toml::Table = include_str!("../../deny.toml").parse().unwrap();
    serde_json::to_value(rules).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// Whether an SPDX expression can be met with these licences. Parentheses hold alternatives only.
fn allows(allowed: &[&str], expression: &str) -> bool {
    expression
        .replace(['(', ')'], "")
        .replace('/', " OR ")
        .split(" AND ")
        .all(|all| all.split(" OR ").any(|licence| allowed.contains(&licence.trim())))
}

#[test]
fn every_package_below_has_an_allowed_licence_and_comes_from_the_registry() {
    let rules = rules();
    let allowed = texts(&rules["licenses"]["allow"]);
    for package in below("{p}|{l}") {
        let (package, licence) = package.split_once('|').unwrap();
        assert!(allows(&allowed, licence), "{package}: {licence}");
        // Another source is named behind the version.
        let is_ours = package.contains(concat!("(", env!("CARGO_MANIFEST_DIR")));
        assert!(is_ours || !package.contains("://") && !package.contains("(/"), "{package}");
    }
}

#[test]
fn no_package_is_compiled_in_two_versions_without_a_reason() {
    let rules = rules();
    let skipped = texts(&rules["bans"]["skip"]);
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in below("{p}") {
        let mut words = package.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap().trim_start_matches('v'));
        if !skipped.contains(&format!("{name}@{version}").as_str()) {
            versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "unite them, or add the older ones to deny.toml: {versions:?}");
}

#[test]
fn a_published_package_has_everything_that_is_embedded() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let listed = String::from_utf8(out.stdout).unwrap();
    let listed: BTreeSet<&str> = listed.lines().collect();
    for file in ["src/main.rs", "examples/digits.toml", "assets/icon.png", "LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(listed.contains(file), "{file}");
    }
    for (folder, extensions) in
        [("shaders", ["wgsl"].as_slice()), ("datasets", &["gz", "csv"]), ("assets/fonts", &["otf", "ttf"])]
    {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_embedded =
                path.extension().is_some_and(|found| extensions.iter().any(|one| found == *one));
            assert!(!is_embedded || listed.contains(path.to_str().unwrap()), "{}", path.display());
        }
    }
    assert!(!listed.iter().any(|file| file.starts_with("tests/") || file.starts_with("assets/pictures/")));
}
