//! Notifications: delivered by other programs, without anybody waiting for them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anneal_studio::notify::{Note, Notifier, Programs, Ways};
use serde_json::Value;

fn note(run: &str) -> Note {
    Note {
        experiment: "told".to_owned(),
        run: run.to_owned(),
        kind: "Divergence",
        severity: "error",
        update: 7,
        text: "Divergence: loss NaN \"quoted\" \\ and\nbroken".to_owned(),
        runbook: "docs/runbook.md#divergence".to_owned(),
    }
}

/// A program of the shell.
fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn until<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(it) = there() {
            return it;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_webhook_gets_a_note_as_json() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook?secret=1", listener.local_addr().unwrap());
    let mut notifier = Notifier::start(Programs::default()).unwrap();
    notifier.tell(note("r"), &Ways { desktop: false, webhook: Some(address) });
    let (mut client, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let (mut line, mut length, mut first) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if first.is_empty() {
            first = line.clone();
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!(first.starts_with("POST /hook?secret=1 "), "{first}");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["note"]["text"], note("r").text.as_str(), "every sign arrives");
    assert_eq!((&body["note"]["run"], &body["note"]["update"]), (&Value::from("r"), &Value::from(7)));
}

#[test]
fn the_address_of_a_webhook_is_in_no_argument_and_in_no_sentence() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let text = format!(
        "echo \"$@\" > {}; cat > {}.part; mv {}.part {}; exit 22",
        at("arguments"),
        at("input"),
        at("input"),
        at("input")
    );
    let webhook = script(place.path(), "curl", &text);
    let mut notifier = Notifier::start(Programs { webhook, ..Programs::default() }).unwrap();
    notifier
        .tell(note("r"), &Ways { desktop: false, webhook: Some("https://hooks.example/secret".to_owned()) });
    let said = until("what went wrong", || notifier.problems().into_iter().next());
    assert_eq!(said, "the webhook was not reached: it answered with an error");
    let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
    assert!(!read("arguments").contains("secret"), "{}", read("arguments"));
    assert!(read("input").contains("https://hooks.example/secret"));
}

#[test]
fn a_desktop_that_hangs_makes_nobody_wait_and_what_was_dropped_is_said() {
    let place = tempfile::tempdir().unwrap();
    let started = place.path().join("started");
    let go = place.path().join("go");
    let told = place.path().join("told");
    let text = format!(
        "touch {}; while [ ! -e {} ]; do sleep 0.02; done; echo \"$5\" >> {}",
        started.display(),
        go.display(),
        told.display()
    );
    let desktop = script(place.path(), "notify-send", &text);
    let mut notifier = Notifier::start(Programs { desktop, ..Programs::default() }).unwrap();
    let ways = Ways { desktop: true, webhook: None };
    notifier.tell(note("first"), &ways);
    until("the first message", || started.exists().then_some(()));
    // One is being shown and sixteen may wait.
    (0..40).for_each(|at| notifier.tell(note(&format!("run {at}")), &ways));
    assert_eq!(notifier.problems(), ["24 notifications were dropped: others still wait to be delivered"]);
    fs::write(go, "").unwrap();
    let lines = until("the others", || {
        let lines: Vec<String> = fs::read_to_string(&told).ok()?.lines().map(str::to_owned).collect();
        (lines.len() >= 17).then_some(lines)
    });
    assert_eq!((lines[0].as_str(), lines[16].as_str()), ("first: Divergence", "run 15: Divergence"));
}

#[test]
fn a_program_that_is_missing_is_said_once_with_what_to_install() {
    let programs =
        Programs { desktop: PathBuf::from("/nowhere/notify-send"), webhook: PathBuf::from("/nowhere/curl") };
    let mut notifier = Notifier::start(programs).unwrap();
    let ways = Ways { desktop: true, webhook: None };
    (0..3).for_each(|_| notifier.tell(note("r"), &ways));
    let said = until("what went wrong", || notifier.problems().into_iter().next());
    assert_eq!(
        said,
        "the desktop shows no message: its program is not there: install notify-send (libnotify-bin)"
    );
    notifier.tell(note("r"), &Ways { desktop: false, webhook: Some("ftp://x".to_owned()) });
    let next = until("the next", || notifier.problems().into_iter().next());
    assert!(next.contains("neither https:// nor http://"), "{next}");
}
