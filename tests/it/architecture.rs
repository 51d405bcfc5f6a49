//! The invariants of `ARCHITECTURE.md`, each the absence of something, kept by reading the source.

mod imports;

use std::fs;
use std::path::{Path, PathBuf};

use imports::Imports;

/// The sources of the two crates, which are one tree of rooms: below the studio, what decides a number.
const TREES: [&str; 2] = ["core/src", "src"];

/// Every Rust file of a room, in whichever crate it is.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let trees = TREES.map(|tree| Path::new(env!("CARGO_MANIFEST_DIR")).join(tree).join(folder));
    let mut folders: Vec<PathBuf> = trees.into_iter().filter(|path| path.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no Rust files");
    found
}

/// Fails for every line of code of `folder` (comments apart) that holds one of `words`.
fn absent(folder: &str, words: &[&str], except: &[&str]) {
    let mut wrong = Vec::new();
    for (path, text) in sources(folder) {
        if except.iter().any(|except| path.to_string_lossy().contains(except)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(word) = words.iter().find(|word| code.contains(**word)) {
                wrong.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "what must not be there:\n{}", wrong.join("\n"));
}

const INTERFACE: [&str; 5] = ["egui", "eframe", "epaint", "wgpu", "rfd::"];

#[test]
fn schedules_and_telemetry_know_nothing_of_tensors_or_windows() {
    for folder in ["schedule", "telemetry", "experiment"] {
        absent(folder, &INTERFACE, &[]);
        absent(folder, &["candle", "crate::train", "crate::model", "crate::ui"], &[]);
    }
    absent("telemetry", &["crate::schedule", "crate::experiment"], &[]);
    absent("schedule", &["crate::experiment", "crate::telemetry"], &[]);
}

#[test]
fn training_knows_nothing_of_windows() {
    for folder in ["engine", "train", "model", "data"] {
        absent(folder, &INTERFACE, &[]);
        absent(folder, &["crate::ui", "crate::cli"], &[]);
    }
    absent("train", &["crate::engine", "crate::analysis"], &[]);
}

#[test]
fn landscapes_are_computed_and_drawn_without_a_window() {
    absent("landscape", &INTERFACE, &[]);
    absent("landscape", &["candle", "crate::ui", "crate::train"], &[]);
    absent("gpu", &["candle", "crate::ui", "crate::train", "egui::"], &[]);
}

#[test]
fn recordings_know_telemetry_only() {
    absent("recording", &INTERFACE, &[]);
    let above =
        ["candle", "crate::analysis", "crate::import", "crate::train", "crate::experiment", "crate::ui"];
    absent("recording", &above, &[]);
}

#[test]
fn the_library_reads_files_and_never_a_training_under_way() {
    absent("library", &INTERFACE, &[]);
    absent("library", &["candle", "crate::train", "crate::engine", "crate::ui", "crate::cli"], &[]);
}

#[test]
fn sinks_know_telemetry_and_how_recordings_are_framed_only() {
    absent("sink", &INTERFACE, &[]);
    let above = ["candle", "crate::train", "crate::model", "crate::experiment", "crate::ui", "crate::cli"];
    absent("sink", &above, &[]);
}

#[test]
fn what_governs_files_knows_nothing_of_training() {
    absent("govern", &INTERFACE, &[]);
    absent("govern", &["candle", "crate::train", "crate::model", "crate::ui", "crate::cli"], &[]);
}

#[test]
fn the_api_looks_at_runs_and_asks_their_owners_and_shows_nothing() {
    absent("api", &INTERFACE, &[]);
    absent("api", &["crate::ui", "crate::cli", "candle", "engine::protocol::Command", "Engine::"], &[]);
    for folder in ["engine", "train", "recording", "analysis"] {
        absent(folder, &["crate::api", "tokio", "axum"], &[]);
    }
}

#[test]
fn exports_imports_and_lint_know_schedules_and_experiments_only() {
    for folder in ["export", "import", "lint"] {
        absent(folder, &INTERFACE, &[]);
        absent(folder, &["candle_core", "crate::train", "crate::ui", "crate::model"], &[]);
    }
}

#[test]
fn the_interface_calls_no_tensor_library_and_changes_training_by_commands_only() {
    absent("ui", &["candle_core", "crate::model", "train::cohort", "train::lane", "train::optimizer"], &[]);
}

#[test]
fn colours_are_named_in_the_theme_only() {
    let literals = [
        "Color32::from_",
        "Color32::WHITE",
        "Color32::BLACK",
        "Color32::RED",
        "Color32::GRAY",
        "Color32::GREEN",
        "Color32::BLUE",
        "hex_color!",
        "Rgba::from_",
    ];
    absent("ui", &literals, &["ui/theme/"]);
}

#[test]
fn all_randomness_is_seeded() {
    let unseeded = [
        "thread_rng",
        "rand::rng(",
        "from_os_rng",
        "from_entropy",
        "OsRng",
        "SystemTime",
        "RandomState::new",
        "getrandom::",
    ];
    // A token and a signing key must not be known beforehand, and a change says at what time of day it was made.
    absent("", &unseeded, &["src/api/stamp.rs", "src/govern/key.rs", "core/src/machine.rs"]);
}

#[test]
fn unsafe_code_is_in_the_fused_kernels_only() {
    absent("", &["unsafe {", "unsafe fn", "unsafe impl"], &["model/kernel/"]);
}

#[test]
fn threads_have_names_and_queues_have_bounds() {
    absent("", &["thread::spawn(", "mpsc::channel("], &[]);
}

#[test]
fn files_are_opened_in_one_place_and_words_are_said_in_one() {
    absent(
        "",
        &["File::open", "fs::read(", "fs::read_to_string"],
        &["core/src/files/", "core/src/machine.rs", "golden.rs"],
    );
    absent("", &["eprintln!", "eprint!", "println!", "print!("], &[]);
}

#[test]
fn the_binary_is_thin() {
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 60);
}

/// Every Rust file by its path, with its text.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let relative =
        |path: &Path| path.strip_prefix(root).expect("of this project").to_string_lossy().replace('\\', "/");
    let mut files: Vec<(String, String)> =
        sources("").into_iter().map(|(path, text)| (relative(&path), text)).collect();
    files.sort();
    files
}

#[test]
fn files_import_each_other_in_a_circle_only_where_a_resolved_schedule_holds_schedules() {
    // The studio re-exports the rooms of `core`: to who imports whom, both are one program.
    let within = |file: &str| {
        TREES.iter().find_map(|tree| Some(file.strip_prefix(tree)?.strip_prefix('/')?.to_owned()))
    };
    let files = files().into_iter().filter(|(file, _)| file != "core/src/lib.rs");
    let files: Vec<_> = files.filter_map(|(file, text)| Some((within(&file)?, text))).collect();
    let imports = Imports::of(&files);
    let recursion = [["schedule/body.rs", "schedule/node.rs"]];
    assert_eq!(imports.circles(), recursion, "put what both sides need into a file below them");
}

#[test]
fn no_file_is_over_500_lines() {
    let long = files().into_iter().filter(|(_, text)| text.lines().count() > 500);
    let long: Vec<String> = long.map(|(file, _)| file).collect();
    assert!(long.is_empty(), "split by ideas: {}", long.join(", "));
}

/// What a file says of itself at its top, up to the end of the first sentence.
fn first_sentence(text: &str) -> String {
    let said = text.lines().map_while(|line| line.strip_prefix("//!"));
    let said = said.map(str::trim).take_while(|line| !line.is_empty());
    let said = said.collect::<Vec<_>>().join(" ");
    match said.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => said,
    }
}

/// The list at the end of the page is made from the files, so that it names every one and none that is gone.
/// `ANNEAL_RENEW=1 cargo test --release architecture_lists` writes it.
#[test]
fn architecture_lists_every_file_with_what_it_says_of_itself() {
    const MARK: &str = "## Every file\n";
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(&page).expect("the page");
    let (before, _) = text.split_once(MARK).expect("the list's heading");
    let mut renewed = format!("{before}{MARK}\n");
    for (file, text) in files() {
        let said = first_sentence(&text);
        assert!(!said.is_empty(), "{file} begins with `//!` and what it is, in a sentence");
        renewed += &format!("- `{file}`: {said}\n");
    }
    if std::env::var_os("ANNEAL_RENEW").is_some() {
        fs::write(&page, &renewed).expect("the page is written");
        return;
    }
    assert_eq!(text, renewed, "ANNEAL_RENEW=1 cargo test --release architecture_lists writes the list");
}

#[test]
fn forecasts_know_no_window_and_their_law_no_training() {
    absent("forecast", &INTERFACE, &[]);
    absent("forecast", &["crate::ui", "crate::engine", "crate::cli"], &[]);
    let trains = ["crate::train", "crate::experiment", "crate::model", "candle"];
    absent("forecast", &trains, &["trainings.rs"]);
}
