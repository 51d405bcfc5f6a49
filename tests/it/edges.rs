//! The edges of the program: files that are no files, streams that nobody reads, memory and threads that are not
//! there, two writers in one folder. Each test is a way in which a training was once lost or went wrong.

mod folders;
mod inputs;
mod kills;
#[cfg(target_os = "linux")]
mod long_days;
mod memory;
mod outputs;
mod streams;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Two runs, one of which diverges, so that there is a finding to tell.
pub const SMALL: &str = r#"
anneal = 1
name = "small"
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [8] }
train = { updates = "200" }
[[run]]
name = "one"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "one_cycle", peak = 0.1 }
[[run]]
name = "wild"
optimizer = { kind = "sgd" }
lr = { kind = "constant", peak = 1e6 }
"#;

/// The program, which may be another one to see that a test fails there.
pub fn program() -> PathBuf {
    std::env::var_os("ANNEAL_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_anneal").into(), PathBuf::from)
}

/// Runs a line of shell in a folder, where `$anneal` is the program; a minute is for ever.
pub fn shell(folder: &Path, line: &str) -> Output {
    let mut command = Command::new("timeout");
    command.args(["60", "sh", "-c", line]).current_dir(folder).env("anneal", program());
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.output().expect("a shell")
}

/// Runs a line that has to end with this exit code, and returns what it printed and said.
pub fn runs(folder: &Path, line: &str, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = shell(folder, line);
    let [printed, said] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(status.code(), Some(code), "`{line}` said:\n{said}{printed}");
    assert!(!said.contains("panicked"), "`{line}` said:\n{said}");
    (printed, said)
}

/// A folder with [`SMALL`] as `small.toml`.
pub fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.toml"), SMALL).unwrap();
    folder
}

/// [`SMALL`] where no run diverges.
pub fn calm() -> String {
    SMALL.replace("peak = 1e6", "peak = 0.1")
}

/// A folder in which [`SMALL`] was trained to `out`.
pub fn trained() -> tempfile::TempDir {
    let folder = place();
    runs(folder.path(), "$anneal train small.toml --out out --no-baseline", 0);
    folder
}

/// The names of what is in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The newest checkpoint of a training's folder.
pub fn newest(out: &Path) -> PathBuf {
    let folder = out.join("checkpoints");
    let last = names(&folder).into_iter().rfind(|name| name.ends_with(".safetensors"));
    folder.join(last.expect("a checkpoint"))
}
