//! Every optimizer of the table, with its defaults and with each of its options, from a file to trained weights.

use std::sync::Arc;

use anneal_studio::experiment::{Experiment, Number, Optimizer, OptimizerKind};
use anneal_studio::export::Target;
use anneal_studio::import::{Options, import};
use anneal_studio::telemetry::Column;
use anneal_studio::train::checkpoint::Forget;
use anneal_studio::train::cohort::Cohort;
use anneal_studio::train::device::TrainDevice;

use super::export::truth::{experiment, made};
use super::training::{cohort, revision};

/// A run for every optimizer, and one for each of its options where that is not as usual.
pub fn every_optimizer() -> String {
    let mut text = "anneal = 1\nname = \"all\"\ndata = { name = \"moons\", batch_size = 16 }\nmodel = { kind = \"mlp\", hidden \
                    = [12, 8] }\ntrain = { updates = \"40\", seed = 5, clip_norm = 1.0 }\n"
        .to_owned();
    for (name, kind) in OptimizerKind::ALL {
        let momentum = if Optimizer::new(kind).get("momentum").is_some() { ", momentum = 0.9" } else { "" };
        let options = kind.options().iter().map(|info| format!(", {} = {}", info.name, !info.default));
        let (_, peak) = kind.info().pytorch;
        for (at, option) in [String::new()].into_iter().chain(options).enumerate() {
            text.push_str(&format!(
                "[[run]]\nname = \"{name} {at}\"\noptimizer = {{ kind = \"{name}\"{momentum}, weight_decay = \
                 0.01{option} }}\nlr = {{ kind = \"constant\", peak = {peak:?}, warmup = {{ over = \"5\" }} }}\n"
            ));
        }
    }
    text
}

#[test]
fn every_optimizer_goes_on_from_a_checkpoint_bit_for_bit() {
    let text = every_optimizer();
    let mut straight = cohort(&text, 1);
    straight.advance(u64::MAX, u64::MAX).unwrap();
    let mut first = cohort(&text, 1);
    first.advance(17, u64::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    first.checkpoint().unwrap().save(&file).unwrap();
    let saved = anneal_studio::train::checkpoint::Checkpoint::open(&file).unwrap();
    let mut resumed = cohort(&text, 1);
    resumed.restore(&saved, Forget::default()).unwrap();
    resumed.advance(u64::MAX, u64::MAX).unwrap();
    let rows = |cohort: &Cohort| cohort.rows().to_vec2::<f32>().unwrap();
    for ((lane, straight), resumed) in straight.lanes().iter().zip(rows(&straight)).zip(rows(&resumed)) {
        let bits = |row: &[f32]| row.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert!(bits(&straight) == bits(&resumed), "{:?}", lane.plan.kind);
    }
}

#[test]
fn every_optimizer_trains_alike_in_candles_operations() {
    let text = every_optimizer();
    let pool = Arc::new(anneal_studio::train::pool(Some(1)).unwrap());
    let mut fused = cohort(&text, 1);
    let mut reference = Cohort::at(revision(&text, 0), TrainDevice::reference(pool)).unwrap();
    fused.advance(20, u64::MAX).unwrap();
    reference.advance(20, u64::MAX).unwrap();
    for (fused, reference) in fused.lanes().iter().zip(reference.lanes()) {
        assert_eq!(fused.log.rows.len(), 20);
        for (a, b) in fused.log.rows.iter().zip(&reference.log.rows) {
            for column in Column::ALL {
                let (ours, theirs) = (a.get(column), b.get(column));
                assert_eq!(ours.is_some(), theirs.is_some(), "{:?} {column:?}", fused.plan.kind);
                let (ours, theirs) = (ours.unwrap_or(0.0), theirs.unwrap_or(0.0));
                let close = (ours - theirs).abs() <= 5e-3 * (1.0 + ours.abs().max(theirs.abs()));
                assert!(close, "{:?}, update {}, {column:?}: {ours} {theirs}", fused.plan.kind, a.update);
            }
        }
    }
}

#[test]
fn every_optimizer_is_written_as_it_is_read() {
    let experiment = Experiment::parse(&every_optimizer(), "all.toml").unwrap();
    let again = Experiment::parse(&experiment.to_toml(), "again.toml").unwrap();
    assert_eq!(again.runs, experiment.runs);
    assert!(experiment.runs.iter().any(|run| run.optimizer.has("amsgrad")));
}

#[test]
fn the_rate_that_an_optimizer_makes_is_measured_where_it_makes_another() {
    let mut cohort = cohort(&every_optimizer(), 1);
    cohort.advance(20, u64::MAX).unwrap();
    for lane in cohort.lanes() {
        let rates: Vec<(f64, Option<f64>)> =
            lane.log.rows.iter().map(|row| (row.lr, row.effective_lr)).collect();
        match lane.plan.kind {
            // SGD's steps at first, then ones that are held back.
            OptimizerKind::RAdam => {
                let held_back = |(lr, effective): &(f64, Option<f64>)| effective.unwrap() < 0.2 * lr;
                assert!(rates[..5].iter().all(|(lr, effective)| *effective == Some(*lr)), "{rates:?}");
                assert!(rates[6..].iter().all(held_back), "{rates:?}");
            }
            // From the first estimate of 1e-6 upwards.
            OptimizerKind::Prodigy => {
                assert!(rates.iter().all(|(lr, effective)| effective.unwrap() < *lr || *lr == 0.0));
                assert!(rates[19].1.unwrap() > 10.0 * rates[1].1.unwrap(), "{rates:?}");
            }
            _ => assert!(rates.iter().all(|(_, effective)| effective.is_none())),
        }
    }
}

fn refusal(optimizer: &str) -> String {
    let text = format!(
        "anneal = 1\nname = \"a\"\n[data]\nname = \"moons\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\nupdates = \
         \"10\"\n[[run]]\nname = \"a\"\noptimizer = {{ {optimizer} }}\nlr = {{ kind = \"constant\", peak = 0.1 }}\n"
    );
    Experiment::parse(&text, "a.toml").expect_err(optimizer).to_string()
}

#[test]
fn nesterov_needs_a_momentum_without_dampening_as_in_pytorch() {
    let message = refusal("kind = \"sgd\", nesterov = true");
    assert!(message.contains("a.toml:12") && message.contains("true with momentum 0"), "{message}");
    let message = refusal("kind = \"sgd\", momentum = 0.9, dampening = 0.1, nesterov = true");
    assert!(message.contains("true with dampening"), "{message}");
    let message = refusal("kind = \"adam\", nesterov = true");
    assert!(message.contains("amsgrad"), "an option of another optimizer names what there is: {message}");
    let message = refusal("kind = \"muon\", ns_steps = 2.5");
    assert!(message.contains("whole, from 1 to 99"), "{message}");
    let message = refusal("kind = \"adam\", eps = { kind = \"linear\", peak = 1e-8 }");
    assert!(message.contains("one number for the whole run"), "{message}");
}

#[test]
fn a_momentum_of_zero_switches_nesterov_off_in_the_studio() {
    let mut optimizer = Optimizer::new(OptimizerKind::Sgd).with("momentum", 0.9);
    optimizer.switch("nesterov", true);
    assert!(optimizer.clone().settled().has("nesterov"));
    assert!(!optimizer.with("momentum", 0.0).settled().has("nesterov"));
}

#[test]
fn exports_say_an_option_or_name_it_as_left_out() {
    for (optimizer, option, carried) in [
        (
            "kind = \"adam\", amsgrad = true",
            "amsgrad",
            &["pytorch", "lightning", "fastai", "optax", "keras", "timm"][..],
        ),
        ("kind = \"adam\", gradient_start = true", "gradient_start", &[]),
        ("kind = \"adamw\", gradient_start = true", "gradient_start", &[]),
        ("kind = \"adamw\", cautious = true", "cautious", &["pytorch", "lightning", "fastai", "timm"]),
        ("kind = \"lion\", cautious = true", "cautious", &["pytorch", "lightning", "fastai", "timm"]),
        (
            "kind = \"rmsprop\", centered = true",
            "centered",
            &["pytorch", "optax", "keras", "deepspeed", "burn", "timm"],
        ),
        (
            "kind = \"sgd\", momentum = 0.9, dampening = 0.5",
            "dampening",
            &["pytorch", "deepspeed", "burn", "timm"],
        ),
        ("kind = \"adagrad\", lr_decay = 0.5", "lr_decay", &["pytorch", "deepspeed", "burn", "timm"]),
    ] {
        let lr = "lr = { kind = \"cosine\", peak = 0.01 }";
        let experiment = experiment("", &format!("optimizer = {{ {optimizer} }}\n{lr}"));
        for target in Target::ALL.iter().filter(|target| !["csv", "toml"].contains(&target.id)) {
            let export = made(&experiment, target.id);
            let says = |what: &str| export.notes.iter().any(|note| note.starts_with(what));
            let left_out = says(&format!("Left out: {option}")) || says("Left out: the optimizer");
            assert!(left_out || !carried.is_empty(), "{} {option}", target.id);
            if carried.contains(&target.id) {
                assert!(!left_out, "{} carries {option}: {:?}", target.id, export.notes);
            } else if !["lightning", "fastai", "hugging_face"].contains(&target.id) {
                assert!(
                    left_out,
                    "{} does not carry {option}: {:?}\n{}",
                    target.id, export.notes, export.text
                );
            }
        }
    }
}

#[test]
fn a_target_writes_an_optimizer_or_refuses_it_by_name() {
    for (name, kind) in OptimizerKind::ALL {
        let lr = "lr = { kind = \"cosine\", peak = 0.01 }";
        let experiment = experiment("", &format!("optimizer = {{ kind = \"{name}\" }}\n{lr}"));
        let refuses = |target: &str| {
            let notes = made(&experiment, target).notes;
            notes.iter().any(|note| note.starts_with(&format!("Left out: the optimizer {name};")))
        };
        let (class, _) = kind.info().pytorch;
        let pytorch = made(&experiment, "pytorch").text;
        assert!(pytorch.contains(&format!("{class}(")) || name == "muon", "{name}: {pytorch}");
        assert!(!refuses("pytorch") && !refuses("optax"), "{name}");
        for (target, lacks) in [
            ("keras", &["radam", "prodigy"][..]),
            ("timm", &["prodigy"]),
            ("deepspeed", &["prodigy"]),
            ("burn", &["nadam", "radam", "lamb", "adafactor", "prodigy", "muon"]),
        ] {
            assert_eq!(refuses(target), lacks.contains(&name), "{target}, {name}");
        }
    }
    // Hugging Face has no `optim` for it, so that its Python passes PyTorch's own.
    let experiment =
        experiment("", "optimizer = { kind = \"prodigy\" }\nlr = { kind = \"cosine\", peak = 1.0 }");
    assert!(made(&experiment, "hugging_face").text.contains("prodigyopt.Prodigy("));
    let yaml = made(&experiment, "hugging_face_yaml");
    assert!(yaml.notes.iter().any(|note| note.starts_with("Left out: the optimizer prodigy;")));
}

/// What a text in PyTorch's terms is read as.
fn imported(call: &str) -> (Optimizer, Vec<String>) {
    let text = format!(
        "import torch\noptimizer = torch.optim.{call}\nscheduler = torch.optim.lr_scheduler.StepLR(optimizer, 30)\n"
    );
    let imported = import(&text, &Options::default()).unwrap_or_else(|error| panic!("{call}: {error}"));
    (imported.optimizer.unwrap_or_else(|| panic!("{call}: no optimizer")), imported.notes)
}

#[test]
fn imports_read_every_class_with_its_numbers_and_options() {
    for (_, kind) in OptimizerKind::ALL {
        let mut arguments = vec!["model.parameters()".to_owned(), "lr=0.1".to_owned()];
        let mut expected = Optimizer::new(kind);
        for info in kind.numbers().iter().filter(|info| !info.name.starts_with("eps")) {
            // Another value than usual, that is allowed and survives both ways.
            let value = [0.5, 7.0, 0.25, -0.5].into_iter().find(|it| info.allows(*it) && *it != info.default);
            expected = expected.with(info.name, value.unwrap());
            if !info.name.starts_with("beta") || info.name == "beta2_decay" {
                arguments.push(format!("{}={:?}", info.name, value.unwrap()));
            }
        }
        if let (Some(Number::Fixed(first)), Some(Number::Fixed(second))) =
            (expected.get("beta1"), expected.get("beta2"))
        {
            arguments.push(format!("betas=({first:?}, {second:?})"));
        }
        for info in
            kind.options().iter().filter(|info| info.name != "match_rms_adamw" && info.name != "nesterov")
        {
            expected.switch(info.name, !info.default);
            arguments.push(format!("{}={}", info.name, if info.default { "False" } else { "True" }));
        }
        let (class, _) = kind.info().pytorch;
        let (read, notes) = imported(&format!("{class}({})", arguments.join(", ")));
        assert_eq!(read, expected, "{class}");
        assert!(!notes.iter().any(|note| note.contains("left out")), "{class}: {notes:?}");
    }
}

#[test]
fn imports_read_what_one_class_alone_has() {
    let (adafactor, _) = imported("Adafactor(model.parameters(), lr=0.01, eps=(None, 0.1))");
    assert_eq!(adafactor, Optimizer::new(OptimizerKind::Adafactor).with("eps2", 0.1));
    let (muon, notes) =
        imported("Muon(model.parameters(), nesterov=False, adjust_lr_fn=\"match_rms_adamw\")");
    assert!(!muon.has("nesterov") && muon.has("match_rms_adamw"), "{notes:?}");
    let (_, notes) = imported("Muon(model.parameters(), adjust_lr_fn=\"spectral_unclamped\")");
    assert!(notes.iter().any(|note| note.contains("adjust_lr_fn was left out")), "{notes:?}");
    let (_, notes) = imported("SGD(model.parameters(), lr=0.1, maximize=True)");
    assert!(notes.iter().any(|note| note.contains("maximize was left out")), "{notes:?}");
}
