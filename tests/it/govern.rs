//! A schedule as code that is governed: the change log, signatures, policies, canaries.

mod commands;

use std::fs;
use std::path::{Path, PathBuf};

use anneal_studio::govern::{
    Change, Checked, Head, History, Recorded, Role, SecretKey, Signatures, record, saving, sign,
};

use crate::support::Fixture;

const TEXT: &str = r#"anneal = 1
name = "governed" # a comment that stays
data = { name = "moons", batch_size = 32 }
model = { kind = "mlp", hidden = [8] }
train = { updates = "60" }
[[run]]
name = "cosine"
optimizer = { kind = "sgd", momentum = 0.9 }
lr = { kind = "cosine", peak = 0.1 }
"#;

fn with_peak(peak: &str) -> String {
    TEXT.with("peak = 0.1", &format!("peak = {peak}"))
}

fn change(why: &str) -> Change {
    Change { by: "Ada".to_owned(), through: "command line", why: why.to_owned(), update: None }
}

/// A file in a folder of its own with a log of so many versions.
fn governed(versions: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    for version in 1..=versions {
        fs::write(&file, with_peak(&format!("0.{version}"))).unwrap();
        assert!(matches!(record(&file, &change("try")).unwrap(), Recorded::As(n) if n == version as u64));
    }
    (folder, file)
}

fn log(file: &Path) -> PathBuf {
    file.with_file_name("a.history.jsonl")
}

fn faults(file: &Path) -> Vec<String> {
    History::read(file).unwrap().faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_version_is_recorded_with_who_why_and_what_was_before() {
    let (_folder, file) = governed(2);
    assert!(matches!(record(&file, &change("again")).unwrap(), Recorded::Known), "nothing changed");
    let history = History::read(&file).unwrap();
    assert!(history.faults.is_empty() && history.is_of(with_peak("0.2").as_bytes()));
    let last = history.entries.last().unwrap();
    assert_eq!((last.number, last.by.as_str(), last.why.as_str()), (2, "Ada", "try"));
    let changed: Vec<_> =
        last.changes.iter().map(|it| (&*it.path, it.before.as_deref(), it.after.as_deref())).collect();
    assert_eq!(changed, [("run[\"cosine\"].lr.peak", Some("0.1"), Some("0.2"))]);
}

#[test]
fn whatever_is_done_to_a_log_is_found() {
    let (_folder, file) = governed(5);
    let good = fs::read(log(&file)).unwrap();
    assert_eq!(faults(&file), [] as [String; 0]);
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    let check = |what: &str, bytes: Vec<u8>| {
        fs::write(log(&file), bytes).unwrap();
        let found = faults(&file);
        assert!(!found.is_empty(), "not found: {what}");
        let refused = record(&file, &change("onto it"));
        fs::write(&file, with_peak("0.9")).unwrap();
        assert!(refused.is_err() || record(&file, &change("onto it")).is_err(), "added to: {what}");
        fs::write(&file, with_peak("0.5")).unwrap();
    };
    // Every byte: any other value would do, and so would none.
    for at in (0..good.len()).step_by(7) {
        let mut edited = good.clone();
        edited[at] = if edited[at] == b'x' { b'y' } else { b'x' };
        check(&format!("byte {at} edited"), edited);
        let mut cut = good.clone();
        cut.remove(at);
        check(&format!("byte {at} removed"), cut);
        check(&format!("cut after {at} bytes"), good[..at].to_vec());
    }
    check("the last line end removed", good[..good.len() - 1].to_vec());
    for at in 0..lines.len() {
        let without = [&lines[..at], &lines[at + 1..]].concat().concat();
        check(&format!("line {at} removed"), without);
        let twice = [&lines[..=at], &lines[at..]].concat().concat();
        check(&format!("line {at} twice"), twice);
        for other in 0..at {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            check(&format!("lines {other} and {at} swapped"), swapped.concat());
        }
    }
    check("an empty line", [good.clone(), b"\n".to_vec()].concat());
    check("all removed", Vec::new());
    fs::write(log(&file), &good).unwrap();
    assert_eq!(faults(&file), [] as [String; 0]);
    fs::remove_file(file.with_file_name("a.history.head")).unwrap();
    assert!(faults(&file)[0].contains("is missing"), "without its head");
}

#[test]
fn a_log_that_was_written_anew_with_its_head_is_found_by_any_anchor_elsewhere() {
    let (folder, file) = governed(3);
    let noted: Head = History::read(&file).unwrap().head().unwrap().to_string().parse().unwrap();
    let key = SecretKey::generate("Ada").unwrap();
    let bytes = fs::read(&file).unwrap();
    sign(&file, &bytes, &History::read(&file).unwrap(), &key, Role::Author, "").unwrap();
    // Somebody makes another past, hashes and head included, that ends with the same file.
    let (_other, forged) = governed(1);
    fs::write(&forged, with_peak("0.7")).unwrap();
    let _ = record(&forged, &change("never happened")).unwrap();
    fs::write(&forged, &bytes).unwrap();
    let _ = record(&forged, &change("try")).unwrap();
    for name in ["a.history.jsonl", "a.history.head"] {
        fs::copy(forged.with_file_name(name), folder.path().join(name)).unwrap();
    }
    let history = History::read(&file).unwrap();
    assert!(history.faults.is_empty() && history.is_of(&bytes), "the chain alone cannot know");
    assert!(history.anchored(&noted, "--head").unwrap().to_string().contains("written anew"));
    let signatures = Signatures::read(&file).unwrap();
    assert!(matches!(signatures.all[0].check(&bytes, &history), Checked::History(_)));
}

#[test]
fn a_writer_that_died_in_a_line_leaves_a_log_that_goes_on() {
    let (_folder, file) = governed(2);
    let mut bytes = fs::read(log(&file)).unwrap();
    bytes.extend_from_slice(b"{\"number\":3,\"at\":17");
    fs::write(log(&file), bytes).unwrap();
    let history = History::read(&file).unwrap();
    assert!(history.is_torn() && history.faults.is_empty());
    fs::write(&file, with_peak("0.3")).unwrap();
    assert!(matches!(record(&file, &change("after the crash")).unwrap(), Recorded::As(3)));
    let history = History::read(&file).unwrap();
    assert!(!history.is_torn() && history.faults.is_empty());
    assert_eq!(history.entries.len(), 3);
}

#[test]
fn a_change_made_outside_is_not_taken_for_the_one_that_is_saved() {
    let (_folder, file) = governed(1);
    fs::write(&file, with_peak("0.6")).unwrap();
    let save = || fs::write(&file, with_peak("0.7"));
    let ((), recorded) = saving(&file, &change("mine"), save).unwrap();
    assert!(matches!(recorded.unwrap(), Recorded::As(3)));
    let history = History::read(&file).unwrap();
    let outside = &history.entries[1];
    assert_eq!((outside.through.as_str(), outside.by.as_str()), ("outside", "unknown"));
    assert_eq!(outside.changes[0].after.as_deref(), Some("0.6"));
    assert_eq!(history.entries[2].changes[0].before.as_deref(), Some("0.6"));
}

#[test]
fn signatures_hold_for_the_bytes_and_the_signer_they_were_made_for() {
    let (_folder, file) = governed(2);
    let bytes = fs::read(&file).unwrap();
    let history = History::read(&file).unwrap();
    let key = SecretKey::generate("Ada").unwrap();
    sign(&file, &bytes, &history, &key, Role::Author, "for the release").unwrap();
    let checked = |bytes: &[u8]| {
        let all = Signatures::read(&file).unwrap().all;
        all[0].check(bytes, &History::read(&file).unwrap())
    };
    assert_eq!(checked(&bytes), Checked::Good);
    assert!(matches!(checked(b"other bytes"), Checked::OfAnotherVersion { entry: 2 }));
    let beside = file.with_file_name("a.signatures.jsonl");
    let written = fs::read_to_string(&beside).unwrap();
    let other = SecretKey::generate("Eve").unwrap().public().to_string();
    let mine = key.public().to_string();
    for (what, from, to) in [
        ("another name", "\"Ada\"", "\"Eve\""),
        ("another role", "author", "approval"),
        ("another reason", "release", "holiday"),
        ("another key", mine.as_str(), other.as_str()),
    ] {
        fs::write(&beside, written.with(from, to)).unwrap();
        assert_eq!(checked(&bytes), Checked::Bad, "{what}");
    }
    // What is not the newest version of its log is not signed.
    assert!(sign(&file, b"other bytes", &history, &key, Role::Author, "").is_err());
}

#[test]
#[cfg(unix)]
fn a_key_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ada.key");
    let key = SecretKey::generate("Ada").unwrap();
    key.save(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(SecretKey::read(&file).unwrap().public(), key.public());
    assert!(key.save(&file).is_err(), "a key is never replaced");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = SecretKey::read(&file).err().unwrap().to_string();
    assert!(refused.contains("can be read by others (mode 640)"), "{refused}");
}

#[test]
fn many_writers_at_once_leave_one_whole_chain() {
    let (folder, file) = governed(1);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let folder = folder.path();
            let file = &file;
            scope.spawn(move || {
                for turn in 0..5 {
                    // Each saves through a file of its own that replaces the one they share.
                    let mine = folder.join(format!("{writer}-{turn}.toml"));
                    fs::write(&mine, with_peak(&format!("0.{writer}{turn}1"))).unwrap();
                    fs::rename(&mine, file).unwrap();
                    let _ = record(file, &change(&format!("writer {writer}"))).unwrap();
                }
            });
        }
    });
    let history = History::read(&file).unwrap();
    assert!(history.faults.is_empty(), "{:?}", history.faults);
    assert!(history.entries.len() > 1 && history.is_of(&fs::read(&file).unwrap()));
}
