//! Where an output goes: into pipes, through links, and never in the place of somebody else's file.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

use super::{calm, place, runs, shell, trained};

#[test]
fn an_output_that_is_a_pipe_is_written_into() {
    let folder = place();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("small.toml"), calm()).unwrap();
    runs(folder.path(), "$anneal train small.toml --out out --no-baseline", 0);
    for (name, command) in [
        ("export", "$anneal export small.toml --run one --to optax --out pipe"),
        ("landscape", "$anneal landscape out --out pipe --size 64x64 --flat"),
        ("screenshot", "$anneal screenshot small.toml --updates 2 --size 640x400 --out pipe"),
    ] {
        let line =
            format!("rm -f pipe; mkfifo pipe; timeout 30 cat pipe > got & {command}; rc=$?; wait; exit $rc");
        let done = shell(folder.path(), &line);
        let is_pipe = fs::symlink_metadata(at("pipe")).unwrap().file_type().is_fifo();
        assert!(is_pipe, "{name} put a file in the place of a pipe");
        if name == "screenshot" && !done.status.success() {
            eprintln!("skipped: no adapter draws here: {}", String::from_utf8_lossy(&done.stderr));
            continue;
        }
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(fs::metadata(at("got")).unwrap().len() > 100, "the reader of {name} got nothing");
    }
    // A reader that leaves early is no error.
    runs(
        folder.path(),
        "rm pipe; mkfifo pipe; timeout 30 head -c 1 pipe > got & $anneal export small.toml --run one --to csv --out pipe",
        0,
    );
}

#[test]
fn an_output_of_this_process_is_its_output() {
    let folder = place();
    let export = "$anneal export small.toml --run one --to optax";
    let (printed, _) = runs(folder.path(), export, 0);
    let (through, _) = runs(folder.path(), &format!("{export} --out /proc/self/fd/1 | cat"), 0);
    assert_eq!(through, printed);
    runs(folder.path(), &format!("echo kept > log; {export} --out /proc/self/fd/1 >> log"), 0);
    assert_eq!(fs::read_to_string(folder.path().join("log")).unwrap(), format!("kept\n{printed}"));
}

#[test]
fn a_file_keeps_its_mode_its_owner_and_the_links_to_it() {
    let folder = place();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text.py"), "old").unwrap();
    fs::set_permissions(at("text.py"), fs::Permissions::from_mode(0o640)).unwrap();
    // Only the superuser can give a file away.
    let others = std::os::unix::fs::chown(at("text.py"), Some(12345), Some(54321)).is_ok();
    symlink("text.py", at("link")).unwrap();
    symlink("new.py", at("dangling")).unwrap();
    for out in ["link", "dangling"] {
        runs(folder.path(), &format!("$anneal export small.toml --run one --to optax --out {out}"), 0);
        assert!(fs::symlink_metadata(at(out)).unwrap().is_symlink(), "{out} was replaced");
    }
    let now = fs::metadata(at("text.py")).unwrap();
    assert!(now.len() > 100 && fs::metadata(at("new.py")).unwrap().len() > 100);
    assert_eq!(now.mode() & 0o777, 0o640);
    assert!(!others || (now.uid(), now.gid()) == (12345, 54321));
    symlink("circle", at("circle")).unwrap();
    runs(folder.path(), "$anneal export small.toml --run one --to optax --out circle", 1);
}

#[test]
fn halves_that_a_killed_process_left_are_swept_away() {
    let folder = trained();
    let halves = [".anneal-a.tmp", "out/.anneal-b.tmp", "out/checkpoints/.anneal-c.tmp"];
    let halves = halves.map(|name| folder.path().join(name));
    halves.iter().for_each(|half| fs::write(half, "half").unwrap());
    runs(folder.path(), "$anneal export small.toml --run one --to optax --out text.py", 0);
    runs(folder.path(), "$anneal train small.toml --resume out --no-baseline", 0);
    for half in halves {
        assert!(!half.exists(), "{} is still there", half.display());
    }
}
