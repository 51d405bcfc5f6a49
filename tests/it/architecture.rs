//! The invariants of `ARCHITECTURE.md`, each the absence of something, kept by reading the source.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a folder of `src`.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)];
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
    assert!(!found.is_empty(), "src/{folder} has no Rust files");
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
    ];
    absent("", &unseeded, &[]);
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
        &["src/files/", "src/machine.rs", "golden.rs"],
    );
    absent("", &["eprintln!", "eprint!", "println!", "print!("], &[]);
}

#[test]
fn the_binary_is_thin() {
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 60);
}

#[test]
fn architecture_names_every_module() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let missing: Vec<String> = sources("")
        .into_iter()
        .map(|(path, _)| path.strip_prefix(&root).expect("below src").to_path_buf())
        // A module of a module is its parent's to describe.
        .filter(|path| path.components().count() <= 2)
        .filter(|path| path.file_name().is_some_and(|name| name != "mod.rs"))
        .map(|path| path.with_extension("").to_string_lossy().replace('\\', "/"))
        .filter(|module| {
            let name = module.rsplit('/').next().unwrap_or(module);
            !page.contains(&format!("`{module}`")) && !page.contains(&format!("`{name}`"))
        })
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name: {}", missing.join(", "));
}
