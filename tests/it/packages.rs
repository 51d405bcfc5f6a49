//! What packages are made of: the Python client, manual pages and completions.

use std::path::Path;
use std::process::Command;

use super::command_line::anneal;

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = anneal(&["man", "--out", folder.path().to_str().unwrap()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let help = String::from_utf8(anneal(&["--help"]).stdout).unwrap();
    let commands = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let mut pages = 0;
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let command = line.split_whitespace().next().unwrap();
        if command == "help" {
            continue;
        }
        let page = std::fs::read_to_string(folder.path().join(format!("anneal-{command}.1"))).unwrap();
        let name = command.replace('-', "\\-");
        assert!(page.contains(&format!("anneal\\-{name}")), "{command}: {page}");
        pages += 1;
    }
    assert!(pages > 10);
    let page = String::from_utf8(anneal(&["man"]).stdout).unwrap();
    assert_eq!(page, std::fs::read_to_string(folder.path().join("anneal.1")).unwrap());
    assert_eq!(anneal(&["man", "nothing"]).status.code(), Some(2));
}

#[test]
fn shells_complete_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let out = anneal(&["completions", shell]);
        assert!(out.status.success());
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains("anneal") && text.contains("find-lr"), "{shell}: {text}");
    }
}

#[test]
fn the_python_client_passes_its_own_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut python = Command::new("python3");
    let supported = python.args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).status();
    if !supported.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: the Python client is not tested, as there is no python3 of 3.9 or newer");
        return;
    }
    let out = Command::new("python3")
        .args(["-m", "unittest", "-q"])
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
