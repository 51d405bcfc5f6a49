//! The commands that govern, as processes: what they refuse, and with which exit code.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{TEXT, with_peak};
use crate::command_line::{anneal, text};
use crate::support::Fixture;

/// Exit code, stdout, stderr.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let done = anneal(arguments);
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

/// A folder with an experiment, two keys and a policy that wants Grace's approval of what Ada signed.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(rules: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(place.path("a.toml"), TEXT).unwrap();
        let mut policy = "anneal_policy = 1\n".to_owned() + rules;
        for name in ["Ada", "Grace"] {
            let made = run(&["key", &place.at(&format!("{name}.key")), "--name", name]);
            assert_eq!(made.0, 0, "{}", made.2);
            policy += &made.1;
        }
        fs::write(place.path("policy.toml"), policy).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    fn sign(&self, what: &str, who: &str) {
        let key = self.at(&format!("{who}.key"));
        let done = run(&[what, &self.at("a.toml"), "--key", &key]);
        assert_eq!(done.0, 0, "{}", done.2);
    }

    fn train(&self) -> (i32, String, String) {
        let (file, policy, out) = (self.at("a.toml"), self.at("policy.toml"), self.at("out"));
        run(&["train", &file, "--policy", &policy, "--out", &out, "--no-baseline"])
    }

    #[track_caller]
    fn refused(&self, why: &str) {
        let (code, out, error) = self.train();
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(why) && error.contains("nothing was trained"), "{why}: {error}");
        assert!(out.is_empty() && !self.path("out").exists(), "nothing was trained");
    }
}

#[test]
fn what_is_not_signed_and_approved_is_not_trained() {
    let place = Place::new("author = true\n[approvals]\nneeded = 1\nof = [\"Grace\"]\n");
    place.refused("nobody that the policy knows has signed");
    place.sign("sign", "Ada");
    place.refused("0 of 1 approvals");
    place.sign("approve", "Ada");
    place.refused("0 of 1 approvals");
    place.sign("approve", "Grace");
    let (code, _, error) = place.train();
    assert_eq!(code, 0, "{error}");
    assert!(place.path("out/summary.json").exists());
    fs::remove_dir_all(place.path("out")).unwrap();

    // One edit later the approval is of another version.
    fs::write(place.path("a.toml"), with_peak("0.2")).unwrap();
    place.refused("not the newest version that its change log knows");
    place.sign("sign", "Ada");
    place.refused("0 of 1 approvals");
    let verified = run(&["verify", &place.at("a.toml"), "--policy", &place.at("policy.toml")]);
    assert_eq!(verified.0, 1);
    assert!(verified.1.contains("approval Grace") && verified.1.contains("of version 1"), "{}", verified.1);
    place.sign("approve", "Grace");
    assert_eq!(place.train().0, 0);
    assert_eq!(run(&["verify", &place.at("a.toml"), "--policy", &place.at("policy.toml")]).0, 0);
}

#[test]
fn an_author_who_may_approve_counts_only_where_the_policy_says_so() {
    let own = "author = true\n[approvals]\nneeded = 1\nauthor_counts = true\n";
    let place = Place::new(own);
    place.sign("sign", "Ada");
    place.sign("approve", "Ada");
    assert_eq!(place.train().0, 0);
}

#[test]
fn rates_outside_the_bounds_and_controllers_nobody_can_foresee_are_not_trained() {
    let place = Place::new("[rate]\nmin = 0.0\nmax = 0.15\n");
    fs::write(place.path("a.toml"), with_peak("0.2")).unwrap();
    place.refused("the rate 2e-1 of update 0 is outside 0e0 to 1.5e-1");
    let cuts = with_peak("0.1") + "plateau = { metric = \"val_loss\", patience = 1 }\n";
    fs::write(place.path("a.toml"), cuts).unwrap();
    place.refused("has a controller");
    fs::write(place.path("a.toml"), with_peak("0.15")).unwrap();
    let (code, _, error) = place.train();
    assert_eq!(code, 0, "{error}");
}

#[test]
fn a_bad_policy_is_a_bad_file() {
    let place = Place::new("");
    let policy = fs::read_to_string(place.path("policy.toml")).unwrap();
    fs::write(place.path("policy.toml"), policy.with("anneal_policy = 1", "anneal_policy = 9")).unwrap();
    let (code, _, error) = place.train();
    assert!(code == 2 && error.contains("is no policy"), "{error}");
    let piped = run(&["train", "-", "--policy", &place.at("policy.toml")]);
    assert_eq!(piped.0, 2);
}

#[test]
fn history_is_shown_filtered_and_verified_and_a_roll_back_is_a_version_of_its_own() {
    let place = Place::new("");
    let file = place.at("a.toml");
    assert_eq!(run(&["history", &file]).0, 1, "there is none yet");
    let first = run(&["history", &file, "--record", "--why", "begin", "--by", "Ada"]);
    assert_eq!(first.0, 0, "{}", first.2);
    fs::write(&file, with_peak("0.4")).unwrap();
    assert_eq!(run(&["history", &file, "--verify"]).0, 1, "the change is not recorded");
    let second = run(&["history", &file, "--record", "--why", "too low", "--by", "Grace", "--update", "30"]);
    assert!(second.1.contains("Grace (command line), in effect from update 30: too low"), "{}", second.1);
    assert!(second.1.contains("run[\"cosine\"].lr.peak: 0.1 -> 0.4"), "{}", second.1);
    let filtered = run(&["history", &file, "--path", "lr.peak", "--json", "--only", "Grace"]);
    let filtered: Value = serde_json::from_str(&filtered.1).unwrap();
    assert_eq!(filtered["entries"].as_array().unwrap().len(), 1);
    let head = filtered["head"].as_str().unwrap().to_owned();

    let back = run(&["rollback", &file, "--why", "it diverged", "--by", "Ada"]);
    assert_eq!(back.0, 0, "{}", back.2);
    assert_eq!(fs::read_to_string(&file).unwrap(), TEXT, "comments included");
    let verified = run(&["history", &file, "--verify", "--head", &head]);
    assert!(verified.0 == 0 && verified.1.starts_with("3 entries"), "{} {}", verified.1, verified.2);
    assert_eq!(run(&["rollback", &file, "--to", "9"]).0, 2);
    assert_eq!(run(&["rollback", &file, "--to", "2"]).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), with_peak("0.4"));

    // The last line goes, and whoever takes it writes the head anew.
    let log = place.path("a.history.jsonl");
    let kept: Vec<String> = fs::read_to_string(&log).unwrap().lines().take(1).map(str::to_owned).collect();
    fs::write(&log, kept.join("\n") + "\n").unwrap();
    let found = run(&["history", &file, "--verify", "--head", &head]);
    assert!(found.0 == 1 && found.2.contains("lines at its end were removed"), "{}", found.2);
    assert_eq!(run(&["rollback", &file]).0, 1, "nothing is put back from a damaged log");
}

fn canary(place: &Path, new: &str, more: &[&str]) -> (i32, Value) {
    let (old_file, new_file) = (place.join("old.toml"), place.join("new.toml"));
    fs::write(&old_file, TEXT.with("\"60\"", "\"400\"")).unwrap();
    fs::write(&new_file, new).unwrap();
    let (old, new) = (old_file.to_string_lossy(), new_file.to_string_lossy());
    let done = anneal(&[&["canary", &new, "--against", &old, "--json"], more].concat());
    let out = text(&done.stdout);
    let read = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{}", text(&done.stderr)));
    (done.status.code().unwrap(), read)
}

#[test]
fn a_canary_stops_what_is_worse_and_lets_through_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let long = TEXT.with("\"60\"", "\"400\"");
    let (code, same) = canary(folder.path(), &long, &[]);
    assert_eq!((code, &same["runs"][0]["decision"]), (0, &Value::from("no_worse")));
    assert_eq!(same["runs"][0]["updates"], 80);
    let pairs = same["runs"][0]["pairs"].as_array().unwrap();
    assert!(pairs.len() == 5 && pairs.iter().all(|pair| pair["old"] == pair["new"]), "the same seeds");

    let (code, worse) = canary(folder.path(), &long.with("peak = 0.1", "peak = 1e-6"), &["--length", "100"]);
    assert_eq!((code, &worse["runs"][0]["decision"]), (1, &Value::from("worse")), "{worse}");
    assert!(worse["runs"][0]["difference"]["p"].as_f64().unwrap() < 0.05);

    let (code, wild) = canary(folder.path(), &long.with("peak = 0.1", "peak = 1e30"), &[]);
    assert_eq!((code, &wild["runs"][0]["decision"]), (1, &Value::from("diverged")), "{wild}");
}

#[test]
fn a_canary_compares_only_what_is_scored_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old.toml"), folder.path().join("new.toml"));
    fs::write(&old, TEXT).unwrap();
    fs::write(&new, TEXT.with("moons", "circles")).unwrap();
    let done = anneal(&["canary", &new.to_string_lossy(), "--against", &old.to_string_lossy()]);
    assert!(done.status.code() == Some(2) && text(&done.stderr).contains("other data"));
}
