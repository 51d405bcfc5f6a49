//! What is below the program is allowed to be there: `deny.toml`, read without `cargo deny`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What `cargo metadata` says of this package on Linux.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// The identities of the packages that the program is built of, without those of its tests.
fn below(metadata: &Value) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let mut found = BTreeSet::new();
    let mut waiting = vec![metadata["resolve"]["root"].as_str().unwrap()];
    while let Some(id) = waiting.pop() {
        if found.insert(id) {
            let is_for_more_than_tests = |dependency: &&Value| {
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev")
            };
            let dependencies = nodes[id]["deps"].as_array().unwrap().iter();
            waiting.extend(
                dependencies
                    .filter(is_for_more_than_tests)
                    .map(|dependency| dependency["pkg"].as_str().unwrap()),
            );
        }
    }
    found
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
    let rules: toml::Table = include_str!("../../deny.toml").parse().unwrap();
    let rules = serde_json::to_value(rules).unwrap();
    let allowed = texts(&rules["licenses"]["allow"]);
    let metadata = metadata();
    let below = below(&metadata);
    assert!(below.len() > 100);
    for package in metadata["packages"].as_array().unwrap() {
        let (id, name) = (package["id"].as_str().unwrap(), package["name"].as_str().unwrap());
        if !below.contains(id) {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(allows(&allowed, licence), "{name}: {licence}");
        let source = package["source"].as_str();
        let is_registry = source == Some("registry+https://github.com/rust-lang/crates.io-index");
        assert!(is_registry || name == env!("CARGO_PKG_NAME"), "{name} comes from {source:?}");
    }
}

#[test]
fn no_package_is_compiled_in_two_versions_without_a_reason() {
    let rules: toml::Table = include_str!("../../deny.toml").parse().unwrap();
    let rules = serde_json::to_value(rules).unwrap();
    let skipped = texts(&rules["bans"]["skip"]);
    let metadata = metadata();
    let below = below(&metadata);
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        let is_skipped = skipped.contains(&format!("{name}@{version}").as_str());
        if below.contains(package["id"].as_str().unwrap()) && !is_skipped {
            versions.entry(name).or_default().push(version.to_owned());
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
