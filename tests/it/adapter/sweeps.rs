//! Sweeps and maps on the adapter: a lane a training, hundreds at once.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anneal_studio::experiment::Experiment;
use anneal_studio::experiment::sweep::{Objective, Range, Unit};
use anneal_studio::sweep::Kept;
use anneal_studio::sweep::map::{Cell, MapRequest, survey};
use serde_json::Value;

use super::computer;
use crate::command_line::{anneal, text};
use crate::sweeps::support::{self, Until};

const VARIED: &str = "seeds = 2\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 0.3, scale = \"log\", points = 12 }\n\
                      \"lr.warmup.over\" = [\"0%\", \"20%\"]\n";

#[test]
fn a_map_of_64_by_64_trainings_is_that_of_the_cpu() {
    let Some(computer) = computer() else { return };
    let experiment = Experiment::parse(
        "anneal = 1\nname = \"s\"\nmodel = { kind = \"surface\", function = \"saddle\", start = [-1.5, 0.5] }\ntrain = { \
         updates = \"20\" }\n[[run]]\nname = \"a\"\noptimizer = { kind = \"sgd\", momentum = 0.5 }\nlr = { kind = \
         \"cosine\", peak = 0.1, warmup = { over = \"10%\" } }\n",
        Path::new("map.toml"),
    )
    .unwrap();
    let range = |from, to, unit| Range { from, to, log: false, points: None, unit };
    let request = MapRequest {
        run: "a".into(),
        axes: [
            ("lr.peak".into(), range(0.01, 0.3, Unit::Number)),
            ("lr.warmup.over".into(), range(0.0, 50.0, Unit::Percent)),
        ],
        side: 64,
        seeds: 1,
        objective: Objective::FinalTrainLoss,
    };
    let map = |computer| {
        let mut cells: Vec<Cell> = Vec::new();
        let mut each = |cell: Option<Cell>| {
            cells.extend(cell);
            Ok(())
        };
        let devices =
            survey(&experiment, Path::new("map.toml"), &request, None, computer, &mut each).unwrap();
        (cells, devices)
    };
    let (there, devices) = map(Some(Arc::clone(&computer)));
    assert!(devices.len() == 1 && devices[0].starts_with("GPU "), "{devices:?}");
    let (here, devices) = map(None);
    assert!(devices.len() == 1 && devices[0].starts_with("CPU"), "{devices:?}");
    assert_eq!((there.len(), here.len()), (4096, 4096));
    for (a, b) in there.iter().zip(&here) {
        assert_eq!((a.at, a.covers, a.diverged), (b.at, b.covers, b.diverged));
        let (x, y) = (a.objective.unwrap(), b.objective.unwrap());
        assert!((x - y).abs() < 1e-3, "{:?}: {x} {y}", a.at);
    }
}

#[test]
fn a_sweep_on_the_adapter_that_is_stopped_ends_with_the_same_bits() {
    let Some(computer) = computer() else { return };
    let experiment = support::experiment(VARIED);
    let sweeper = || support::sweeper(&experiment, 2).on_adapter(Arc::clone(&computer));
    let whole = sweeper().run(None, Kept::default(), &mut Until(usize::MAX)).unwrap();
    assert_eq!(whole.trials.len(), 24);
    // Few lanes at once, and others beside them.
    let parts = sweeper().with_lanes(6).run(None, Kept::default(), &mut Until(usize::MAX)).unwrap();
    assert_eq!(whole.trials, parts.trials);
}

#[test]
fn the_command_says_where_it_trained() {
    if computer().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("sweep.toml"), folder.path().join("out"));
    fs::write(&file, support::text(VARIED)).unwrap();
    let (file, out) = (file.to_string_lossy(), out.to_string_lossy());
    let run = |arguments: &[&str]| {
        let done = anneal(&[&["sweep", &*file, "--json"], arguments].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        (serde_json::from_slice::<Value>(&done.stdout).unwrap(), text(&done.stderr))
    };
    let (there, said) = run(&["--device", "gpu", "--out", &out]);
    assert!(said.contains("trained on the GPU "), "{said}");
    let summary = fs::read_to_string(Path::new(&*out).join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert!(summary["devices"][0].as_str().unwrap().starts_with("GPU "), "{summary}");
    let (here, _) = run(&[]);
    let best = |all: &Value| all["best"]["objective"].as_f64().unwrap();
    assert!((best(&there) - best(&here)).abs() < 2e-3, "{} {}", best(&there), best(&here));
    // A population breeds on the CPU, and says so.
    fs::write(
        &*file,
        support::text("search = \"pbt\"\n[sweep.over]\n\"lr.peak\" = { from = 1e-3, to = 0.3 }\n"),
    )
    .unwrap();
    let refused = anneal(&["sweep", &file, "--device", "gpu"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("bred on the CPU"), "{}", text(&refused.stderr));
}

#[test]
fn a_training_says_which_device_it_was_and_what_it_does_elsewhere() {
    if computer().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("train.toml");
    let experiment = |optimizer: &str, model: &str| {
        format!(
            "anneal = 1\nname = \"t\"\ndata = {{ name = \"digits\", batch_size = 32 }}\nmodel = {{ {model} }}\ntrain = {{ \
             updates = \"6\" }}\n[[run]]\nname = \"a\"\noptimizer = {{ kind = \"{optimizer}\" }}\nlr = {{ kind = \
             \"constant\", peak = 1e-3 }}\n"
        )
    };
    let (mlp, cnn) = ("kind = \"mlp\", hidden = [8]", "kind = \"cnn\", channels = [4, 4]");
    for (optimizer, model, device, words) in [
        ("adamw", mlp, "GPU ", "trains on the GPU "),
        ("adamw", cnn, "CPU", "of the models only the fully connected one"),
        ("lamb", mlp, "GPU ", "on the CPU \"a\": a step of LAMB looks at more"),
    ] {
        fs::write(&file, experiment(optimizer, model)).unwrap();
        let out = folder.path().join(format!("{optimizer}-{device}"));
        let arguments = ["--device", "gpu", "--no-baseline", "--out", &*out.to_string_lossy()];
        let done = anneal(&[&["train", &*file.to_string_lossy()], &arguments[..]].concat());
        let said = text(&done.stderr);
        assert!(done.status.success() && said.contains(words), "{said}");
        let summary: Value =
            serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
        assert!(summary["device"].as_str().unwrap().starts_with(device), "{summary}");
    }
}
