//! `anneal train`, killed again and again, and resumed each time.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anneal_studio::random::{Stream, below, rng};
use anneal_studio::train::checkpoint::newest_good;
use rand_chacha::rand_core::RngCore;

use crate::support::Fixture;
use crate::training::MOONS;

const KILLS: u32 = 50;
/// Longer than a training takes, so that kills fall anywhere in one, its start and its end included.
const LATEST: Duration = Duration::from_millis(400);

/// `anneal train` of the experiment in `folder`, to its `out`.
fn train(folder: &Path, resume: bool) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anneal"));
    command.arg("train").arg(folder.join("experiment.toml")).args(["--threads", "1", "--device", "cpu"]);
    command.arg(if resume { "--resume" } else { "--out" }).arg(folder.join("out"));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Updates done at the newest good checkpoint; a kill leaves none that is not good.
fn saved(folder: &Path) -> u64 {
    let Ok(found) = newest_good(&folder.join("out/checkpoints")) else { return 0 };
    assert!(found.refused.is_empty(), "a kill leaves no half file: {:?}", found.refused);
    found.newest.map_or(0, |(_, checkpoint)| checkpoint.update())
}

fn experiment(folder: &Path) {
    let text = MOONS.with("[16, 8]", "[4]").with("\"200\"", "\"8000\"").with("replicas = 2", "replicas = 1");
    fs::write(folder.join("experiment.toml"), text).unwrap();
}

/// Every measured number, and the losses at the end, without the seconds it took.
fn results(folder: &Path) -> (String, Vec<serde_json::Value>) {
    let metrics = fs::read_to_string(folder.join("out/metrics.csv")).unwrap();
    let summary = fs::read_to_string(folder.join("out/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let names =
        ["name", "updates", "final_train_loss", "final_val_loss", "best_val_loss", "final_val_accuracy"];
    let runs = summary["runs"].as_array().unwrap().iter();
    (metrics, runs.flat_map(|run| names.map(|name| run[name].clone())).collect())
}

/// Kills trainings of the experiment that `write` puts into a folder at moments before `latest`, resumes each until it
/// ends, and holds what it came to against one that nobody killed. Returns how often one was resumed.
fn kill(write: impl Fn(&Path), most: u32, latest: Duration, moments: &mut impl RngCore) -> u32 {
    let whole = tempfile::tempdir().unwrap();
    write(whole.path());
    assert!(train(whole.path(), false).wait().unwrap().success());
    let expected = results(whole.path());
    let (mut kills, mut resumes, mut ends) = (0, 0, 0);
    while kills < most || ends == 0 {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        loop {
            let before = saved(folder.path());
            let mut child = train(folder.path(), before > 0);
            let kill = kills < most;
            if kill {
                let moment = below(moments, latest.as_micros().max(1) as usize) as u64;
                std::thread::sleep(Duration::from_micros(moment));
                child.kill().unwrap();
            }
            let ended = child.wait().unwrap();
            resumes += u32::from(before > 0);
            assert!(saved(folder.path()) >= before, "nothing that was saved is lost");
            if ended.success() {
                break;
            }
            assert!(kill, "a training that was not killed ends: {ended}");
            kills += 1;
        }
        assert_eq!(results(folder.path()), expected, "after {kills} kills");
        ends += 1;
    }
    resumes
}

#[test]
fn a_training_killed_at_any_moment_ends_as_the_one_that_was_not() {
    let mut moments = rng(6, Stream::Noise { update: 0 });
    let resumes = kill(experiment, KILLS, LATEST, &mut moments);
    assert!(resumes >= 10, "{resumes} resumes of {KILLS} kills");
}

/// A training on the digits, with these lines in its sections.
fn scenario(data: &str, model: &str, train: &str, more: &str) -> String {
    format!(
        "anneal = 1\nname = \"killed\"\n{more}\n[data]\nname = \"digits\"\nbatch_size = 16\n{data}\n[model]\nkind = \
         \"mlp\"\nhidden = [16]\n{model}\n[train]\n{train}\n[[run]]\nname = \"high\"\noptimizer = {{ kind = \"sgd\", \
         momentum = 0.9 }}\nlr = {{ kind = \"cosine\", peak = 0.1, warmup = {{ over = \"5%\" }} }}\n[[run]]\nname = \
         \"adaptive\"\noptimizer = {{ kind = \"adamw\" }}\nlr = {{ kind = \"constant\", peak = 1e-3 }}\n"
    )
}

/// One of every scenario of docs/scenarios.md; `base` is a finished training of the same model.
fn scenarios(base: &Path) -> Vec<(&'static str, String)> {
    let phases = "phase = [{ name = \"a\", for = \"30%\", classes = [0, 1, 2, 3, 4] }, { name = \"b\", for = \"40%\", shift = { \
                  rotate = 40, noise = 0.1 }, order = \"easy_first\" }, { name = \"c\", poison = { share = 0.4, to = 0 } }]";
    let from = format!("from = {:?}", base.join("out"));
    let clients = "[federated]\nclients = 8\nshare = 0.5\nlocal = \"7\"\nskew = 0.3\nprox = 0.01\nserver = { optimizer = \
                   \"adam\", lr = { kind = \"linear\", peak = 0.02, to = 0.1 } }";
    let workers = |rest: &str| format!("[parallel]\nworkers = 3\n{rest}");
    let updates = "updates = \"3000\"";
    let mut all = vec![
        ("phases", scenario(phases, "", updates, "")),
        ("fine-tuning", scenario("", &from, updates, "")),
        ("label noise", scenario("label_noise = 0.3", "", updates, "")),
        ("early stopping", scenario("", "", "updates = \"60ep\"\nstop = { patience = 8 }", "")),
        ("federated", scenario("", "", "updates = \"1500\"", clients)),
        ("half precision", scenario("", "", "updates = \"3000\"\nweights = \"bf16\"", "")),
        (
            "stochastic rounding",
            scenario("", "", "updates = \"3000\"\nweights = \"bf16\"\nrounding = \"stochastic\"", ""),
        ),
        (
            "loss scaling",
            scenario(
                "",
                "",
                "updates = \"3000\"\ngradients = \"f16\"\nloss_scale = { init = 4e6, interval = 50 }",
                "",
            ),
        ),
        (
            "robustness",
            scenario("", "", "updates = \"200\"\nattack = { kind = \"fgsm\", eps = 0.1, train = true }", ""),
        ),
    ];
    let faults = [
        "",
        "fault = { worker = 1, lr_factor = 1.5 }",
        "fault = { worker = 1, stale = true }",
        "fault = { worker = 1, dropped = true }",
        "fault = { worker = 1, other_seed = true }",
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        let sync = ["every 1", "every 6"][at % 2];
        let section = workers(&format!("sync = \"{sync}\"\n{fault}"));
        all.push(("data parallel", scenario("", "", "updates = \"1200\"", &section)));
    }
    all
}

/// Some minutes: `cargo test --release --test it every_scenario_killed -- --ignored`.
#[test]
#[ignore = "thirty kills in each of fourteen scenarios take minutes"]
fn every_scenario_killed_thirty_times_ends_as_the_one_that_was_not() {
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("experiment.toml"), scenario("", "", "updates = \"200\"", "")).unwrap();
    assert!(train(base.path(), false).wait().unwrap().success());
    let mut moments = rng(7, Stream::Noise { update: 0 });
    for (name, text) in scenarios(base.path()) {
        let write = |folder: &Path| fs::write(folder.join("experiment.toml"), &text).unwrap();
        let alone = tempfile::tempdir().unwrap();
        write(alone.path());
        let start = Instant::now();
        assert!(train(alone.path(), false).wait().unwrap().success(), "{text}");
        let resumes = kill(write, 30, start.elapsed(), &mut moments);
        eprintln!("{name}: 30 kills, {resumes} resumes");
        assert!(resumes >= 5, "{name}: {resumes} resumes");
    }
}
