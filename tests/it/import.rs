//! Imports: what each framework's text means, against the frameworks' own values in
//! `tests/golden/schedules.json`, and that nothing malformed does more than an error.

use std::fmt::Write as _;
use std::io::Write as _;

use anneal_studio::experiment::{Controller, Experiment, Number, Optimizer, OptimizerKind};
use anneal_studio::import::{DIALECTS, ImportError, Imported, Options, dialect_named, import, import_file};
use anneal_studio::schedule::plateau::PlateauRule;
use anneal_studio::schedule::{Clock, Curve, Kind, Schedule, Span, Tick};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::Fixture;

mod cases;
mod census;
mod dialects;
mod exports;
mod functions;
mod groups;
mod logs;
mod malformed;
mod mutated;
mod peers;
mod recordings;
mod unseen;

const GOLDEN: &str = include_str!("../golden/schedules.json");

/// The rates of the only entry of this framework and schedule with these arguments.
fn golden(framework: &str, schedule: &str, args: &Value) -> Vec<f64> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let mut found = golden["entries"].as_array().unwrap().iter().filter(|entry| {
        entry["framework"] == framework && entry["schedule"] == schedule && entry["args"] == *args
    });
    let entry = found.next().unwrap_or_else(|| panic!("no {framework} {schedule} {args}"));
    entry["lr"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect()
}

fn read(text: &str) -> Imported {
    import(text, &Options::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    match import(text, &Options::default()) {
        Ok(imported) => panic!("{text}: {imported:?}"),
        Err(error) => error.to_string(),
    }
}

fn curve(imported: &Imported, updates: u64, updates_per_epoch: u64) -> Curve {
    imported.lr.resolve(Clock { updates, updates_per_epoch }).unwrap()
}

fn assert_same(imported: &Imported, values: &[f64]) {
    let curve = curve(imported, values.len() as u64, 1);
    for (update, value) in (0..).zip(values) {
        let ours = curve.at(update);
        assert!((ours - value).abs() <= 1e-12, "{:?}, update {update}: {ours} not {value}", imported.lr);
    }
}

fn fixed(optimizer: &Optimizer, name: &str) -> f64 {
    match optimizer.get(name) {
        Some(Number::Fixed(value)) => *value,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn a_usual_pytorch_snippet() {
    let imported = read(
        "import torch\nfrom torch.optim.lr_scheduler import LinearLR, CosineAnnealingLR, SequentialLR\n\
         EPOCHS, STEPS = 10, 100  # not used\ntotal = 10 * 100\nwarmup = total // 20\n\
         model = Net(hidden=[128, 64]).to('cuda')\n\
         opt = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1)\n\
         first = LinearLR(opt, start_factor=0.01, total_iters=warmup)\n\
         then = CosineAnnealingLR(opt, T_max=total - warmup, eta_min=3e-5)\n\
         scheduler = SequentialLR(\n    opt,\n    schedulers=[first, then],  # in order\n    milestones=[warmup],\n)\n\
         for step in range(total):\n    loss = model(batch[0]).sum()\n    loss.backward()\n    \
         torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n    opt.step(); scheduler.step()\n",
    );
    assert_eq!((imported.dialect.id, imported.name.as_str()), ("pytorch", "SequentialLR"));
    let curve = curve(&imported, 1000, 100);
    for (update, rate) in [(0, 3e-6), (25, 1.515e-4), (50, 3e-4), (525, 1.65e-4), (1000, 3e-5)] {
        assert!((curve.at(update) - rate).abs() < 1e-12, "{update}: {}", curve.at(update));
    }
    let optimizer = imported.optimizer.unwrap();
    assert_eq!(optimizer.kind, OptimizerKind::AdamW);
    assert_eq!((fixed(&optimizer, "beta2"), fixed(&optimizer, "weight_decay")), (0.95, 0.1));
    assert_eq!(imported.clip_norm, Some(1.0));
}

#[test]
fn every_pytorch_class_gives_pytorchs_rates() {
    let sgd = "opt = SGD(params, lr=1.0, momentum=0.9)\n";
    let golden_file: Value = serde_json::from_str(GOLDEN).unwrap();
    let mut compared = 0;
    for entry in golden_file["entries"].as_array().unwrap() {
        let name = entry["schedule"].as_str().unwrap();
        if entry["framework"] != "torch" || name == "ReduceLROnPlateau" {
            continue;
        }
        let call = match name {
            "SequentialLR[LinearLR(.1,4),CosineAnnealingLR(6)]@4" => {
                "SequentialLR(opt, [LinearLR(opt, .1, total_iters=4), CosineAnnealingLR(opt, 6)], [4])"
                    .to_owned()
            }
            "SequentialLR[LinearLR(.25,3),ConstantLR(1,1),LinearLR(1,0,4)]@3,6 (WSD linear)" => {
                "SequentialLR(opt, [LinearLR(opt, 0.25, total_iters=3), ConstantLR(opt, 1, 1), \
                 LinearLR(opt, 1, 0, 4)], milestones=[3, 6])"
                    .to_owned()
            }
            "ChainedScheduler[LinearLR(.1,4),ExponentialLR(.9)]" => {
                "ChainedScheduler([LinearLR(opt, .1, total_iters=4), ExponentialLR(opt, gamma=.9)])"
                    .to_owned()
            }
            _ => {
                let mut call = format!("scheduler = lr_scheduler.{name}(opt");
                for (key, value) in entry["args"].as_object().unwrap() {
                    let value = match value {
                        Value::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
                        Value::Null => "None".to_owned(),
                        other => other.to_string(),
                    };
                    let key = if key == "base_lr_" { "base_lr" } else { key };
                    if key != "base_lr" || name == "CyclicLR" {
                        write!(call, ", {key}={value}").unwrap();
                    }
                }
                call + ")"
            }
        };
        let base = entry["args"]["base_lr"].as_f64().unwrap_or(1.0);
        let text = format!("{}{call}\n", sgd.with("lr=1.0", &format!("lr={base}")));
        let values: Vec<f64> =
            entry["lr"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect();
        let imported = read(&text);
        assert_same(&imported, &values);
        if !entry["momentum"].is_null() {
            let momentum = imported.optimizer.unwrap().get("momentum").cloned();
            assert!(matches!(momentum, Some(Number::Mirror { .. })), "{text}");
        }
        compared += 1;
    }
    assert_eq!(compared, 31);
}

#[test]
fn lengths_that_the_text_computes_are_left_to_the_run() {
    let text = "opt = Adam(p, lr=0.1)\ns = CosineAnnealingLR(opt, T_max=epochs * len(loader))";
    let imported = read(text);
    assert!(matches!(&imported.lr.kind, Kind::Cosine(cosine) if cosine.over.is_none()));
    assert!(imported.assumed.iter().any(|it| it.contains("epochs * len(loader)")), "{:?}", imported.assumed);
    let text = "opt = SGD(p, lr=0.1)\ns = OneCycleLR(opt, 0.5, epochs=3, steps_per_epoch=len(loader))";
    assert!(matches!(read(text).lr.kind, Kind::OneCycle(cycle) if cycle.over == Some(Span::Epochs(3.0))));
}

#[test]
fn a_scheduler_that_is_stepped_by_epochs_counts_epochs() {
    let text = "opt = SGD(p, lr=0.1)\ns = StepLR(opt, 30)\n\
                return {'optimizer': opt, 'lr_scheduler': {'scheduler': s, 'interval': 'epoch'}}";
    let imported = read(text);
    assert_eq!(imported.lr.tick, Tick::Epoch);
    let curve = curve(&imported, 1000, 10);
    assert_eq!((curve.at(299), curve.at(300)), (0.1, 0.1 * 0.1));
    let updates = read("opt = SGD(p, lr=0.1)\ns = StepLR(opt, 30)");
    assert_eq!(updates.lr.tick, Tick::Update);
    let options = Options { tick: Some(Tick::Epoch), ..Options::default() };
    let epochs = import("opt = SGD(p, lr=0.1)\ns = StepLR(opt, 30)", &options).unwrap();
    assert_eq!(epochs.lr, imported.lr);
}

fn plateau(imported: &Imported) -> PlateauRule {
    match &imported.controller {
        Some(Controller::Plateau(plateau)) => plateau.rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plateau_comes_with_the_schedule_beside_it() {
    let text = "opt = SGD(p, lr=0.1)\nwarm = LinearLR(opt, 0.1, total_iters=100)\n\
                cut = ReduceLROnPlateau(opt, 'max', factor=0.5, patience=3, threshold_mode=\"abs\")";
    let imported = read(text);
    let plateau = plateau(&imported);
    assert_eq!((plateau.factor, plateau.patience), (0.5, 3));
    assert!(matches!(imported.lr.kind, Kind::Linear(_)));
    assert!(matches!(read("ReduceLROnPlateau(opt)").lr.kind, Kind::Constant(_)));
}

#[test]
fn code_is_never_run_and_says_why() {
    let lambda = refused("opt = SGD(p, lr=0.1)\ns = LambdaLR(opt, elsewhere.rate)");
    assert!(lambda.contains("no function that stands in the text"), "{lambda}");
    let hostile = refused("opt = SGD(p, lr=0.1)\ns = LambdaLR(opt, lambda i: open('/etc/passwd').read())");
    assert!(hostile.contains("not known here"), "{hostile}");
    let inside = refused("s = SequentialLR(opt, [LambdaLR(opt, f), ConstantLR(opt)], milestones=[5])");
    assert!(inside.contains("`f`"), "{inside}");
    let scale = refused("s = CyclicLR(opt, 0.1, 1.0, scale_fn=elsewhere)");
    assert!(scale.contains("elsewhere"), "{scale}");
}

#[test]
fn an_exponential_may_rise_within_bounds() {
    let imported = read("s = ExponentialLR(SGD(p, lr=0.01), gamma=1.1)");
    assert!((curve(&imported, 100, 1).at(50) - 0.01 * 1.1_f64.powi(50)).abs() < 1e-12);
    let error = refused("s = ExponentialLR(opt, gamma=1100)");
    assert!(error.contains("`gamma` is 1100.0; allowed is a number from 0.0 to 1000.0"), "{error}");
}

/// An entry's name, such as `cosine w4 T12 rate.1`, as arguments.
fn hugging_face(name: &str) -> String {
    let mut words = name.split(' ');
    let kind = words.next().unwrap();
    let mut text = format!("TrainingArguments('o', learning_rate=1.0, lr_scheduler_type='{kind}'");
    let mut kwargs = String::new();
    for word in words {
        let (key, value) =
            word.split_at(word.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(word.len()));
        match key {
            "w" => write!(text, ", warmup_steps={value}"),
            "T" => write!(text, ", max_steps={value}"),
            "d" => write!(kwargs, "'num_decay_steps': {value}, "),
            "min" => write!(kwargs, "'min_lr_ratio': {value}, "),
            "rate" => write!(kwargs, "'min_lr_rate': {value}, "),
            "warmup_lr_rate" => write!(kwargs, "'warmup_lr_rate': {value}, "),
            "num_cycles" | "lr_end" | "power" => write!(kwargs, "'{key}': {value}, "),
            shapes => {
                let (warmup, decay) = word.split_once('/').unwrap_or_else(|| panic!("{shapes}"));
                write!(kwargs, "'warmup_type': '{warmup}', 'decay_type': '{decay}', ")
            }
        }
        .unwrap();
    }
    format!("{text}, lr_scheduler_kwargs={{{kwargs}}})")
}

#[test]
fn hugging_faces_types_give_its_rates() {
    let golden_file: Value = serde_json::from_str(GOLDEN).unwrap();
    let mut compared = 0;
    for entry in golden_file["entries"].as_array().unwrap() {
        let name = entry["schedule"].as_str().unwrap();
        // A warmup that has no ramp here is approximated, and says so.
        if entry["framework"] != "transformers" || name.contains(" 1-sqrt/") {
            continue;
        }
        let imported = read(&hugging_face(name));
        let curve = curve(&imported, 12, 1);
        for (update, value) in (0..12).zip(entry["lr"].as_array().unwrap()) {
            let (ours, value) = (curve.at(update), value.as_f64().unwrap());
            assert!((ours - value).abs() <= 1e-12, "{name} update {update}: {ours} not {value}");
        }
        compared += 1;
    }
    assert_eq!(compared, 15);
}

#[test]
fn hugging_face_in_all_its_spellings_is_the_same() {
    let python = "args = TrainingArguments(output_dir=\"o\", learning_rate=3e-4, lr_scheduler_type=SchedulerType.COSINE,\n\
                  warmup_ratio=0.05, max_steps=1000, weight_decay=0.1, adam_beta2=0.95, \
                  gradient_accumulation_steps=4, max_grad_norm=0.5)"
        .with("SchedulerType.COSINE", "\"cosine\"");
    let yaml = "# a comment\nlearning_rate: 3.0e-4\nlr_scheduler_type: cosine  # the usual\nwarmup_steps: 0.05\nmax_steps: 1000\n\
                weight_decay: 0.1\nadam_beta2: 0.95\ngradient_accumulation_steps: 4\nmax_grad_norm: 0.5\nfsdp:\n  - full_shard\n";
    let json = "{\"learning_rate\": 3e-4, \"lr_scheduler_type\": \"cosine\", \"warmup_steps\": 50, \"max_steps\": 1000, \
                \"weight_decay\": 0.1, \"adam_beta2\": 0.95, \"gradient_accumulation_steps\": 4, \"max_grad_norm\": 0.5, \
                \"fp16\": true, \"seed\": null}";
    let flags = "python run.py --learning_rate 3e-4 --lr_scheduler_type=cosine --warmup_ratio 0.05 \\\n \
                 --max_steps 1000 --weight_decay 0.1 --adam_beta2 0.95 --gradient_accumulation_steps 4 --max_grad_norm 0.5";
    let first = read(&python);
    assert_eq!(first.updates, Some(Span::Updates(1000.0)));
    assert_eq!((first.accumulate, first.clip_norm), (Some(4), Some(0.5)));
    let curve = curve(&first, 1000, 10);
    assert_eq!((curve.at(0), curve.at(50)), (0.0, 3e-4));
    for text in [yaml, json, flags] {
        let other = read(text);
        assert_eq!(other.lr, first.lr, "{text}");
        assert_eq!(other.optimizer, first.optimizer);
        assert_eq!((other.updates, other.accumulate), (first.updates, first.accumulate));
        assert_eq!(other.clip_norm, first.clip_norm);
    }
    assert!(first.notes.iter().any(|note| note.contains("warmup_ratio")));
    let spelled = read("learning_rate: 3e-4\nlr_scheduler_type: linear\n");
    assert!(spelled.notes.iter().any(|note| note.contains("PyYAML")));
}

#[test]
fn greedy_and_plateau_types_bring_their_controllers() {
    let text = "learning_rate: 5.0e-5\nlr_scheduler_type: greedy\nlr_scheduler_kwargs:\n  min_lr: 1.0e-6\n  \
                patience: 3\n  smooth: true\n  window_size: 7\nmax_steps: 100\n";
    let imported = read(text);
    let Some(Controller::Greedy(greedy)) = imported.controller else { panic!("{imported:?}") };
    assert_eq!(
        (greedy.rule.min_lr, greedy.rule.patience, greedy.rule.window, greedy.rule.factor),
        (1e-6, 3, Some(7), 0.95)
    );
    let text = "learning_rate: 5.0e-5\nlr_scheduler_type: reduce_lr_on_plateau\nlr_scheduler_kwargs: {factor: 0.3}\n";
    assert_eq!(plateau(&read(text)).factor, 0.3);
}

#[test]
fn timms_arguments_give_its_rates() {
    let base = "python train.py --data-dir /data --model resnet50 --lr 1.0 ";
    let cases = [
        (
            "--sched cosine --epochs 12 --warmup-epochs 4 --warmup-lr 0.1",
            "cosine",
            json!({ "t_initial": 12, "warmup_t": 4, "warmup_lr_init": 0.1, "base_lr": 1.0 }),
        ),
        (
            "--sched cosine --epochs 8 --warmup-epochs 4 --warmup-lr 0.1 --warmup-prefix --min-lr 0.05",
            "cosine",
            json!({ "t_initial": 8, "warmup_t": 4, "warmup_lr_init": 0.1, "warmup_prefix": true, "lr_min": 0.05, "base_lr": 1.0 }),
        ),
        (
            "--sched cosine --epochs 2 --warmup-epochs 0 --lr-cycle-mul 2 --lr-cycle-decay 0.5 --lr-cycle-limit 3",
            "cosine",
            json!({ "t_initial": 2, "cycle_mul": 2.0, "cycle_decay": 0.5, "cycle_limit": 3, "base_lr": 1.0 }),
        ),
        (
            "--sched cosine --epochs 5 --warmup-epochs 0 --lr-k-decay 2.0",
            "cosine",
            json!({ "t_initial": 5, "k_decay": 2.0, "base_lr": 1.0 }),
        ),
        ("--sched tanh --epochs 10 --warmup-epochs 0", "tanh", json!({ "t_initial": 10, "base_lr": 1.0 })),
        (
            "--sched poly --epochs 5 --warmup-epochs 0 --decay-rate 0.5",
            "poly",
            json!({ "t_initial": 5, "power": 0.5, "base_lr": 1.0 }),
        ),
        (
            "--sched step --epochs 8 --decay-epochs 3 --warmup-epochs 2 --warmup-lr 0 --warmup-prefix",
            "step",
            json!({ "decay_t": 3, "decay_rate": 0.1, "warmup_t": 2, "base_lr": 1.0 }),
        ),
        (
            "--sched multistep --epochs 10 --decay-milestones 3 6 --warmup-epochs 0",
            "multistep",
            json!({ "decay_t": [3, 6], "decay_rate": 0.1, "base_lr": 1.0 }),
        ),
        (
            "--sched wsd --epochs 12 --decay-epochs 4 --warmup-epochs 4 --warmup-lr 0 --min-lr 0.01",
            "wsd",
            json!({ "t_initial": 8, "decay_t": 4, "warmup_t": 4, "stable_fn": "constant", "decay_fn": "1-sqrt", "lr_min": 0.01, "base_lr": 1.0 }),
        ),
    ];
    for (arguments, schedule, args) in cases {
        let imported = read(&format!("{base}{arguments} --opt momentum"));
        assert_eq!(imported.lr.tick, Tick::Epoch);
        let values = golden("timm", schedule, &args);
        // Of the growing cycles timm ends after its limit of 14 epochs; ours go on.
        let values = if args["cycle_mul"].is_null() { &values[..] } else { &values[..values.len().min(14)] };
        let Some(Span::Epochs(epochs)) = imported.updates else { panic!("{arguments}") };
        let curve = curve(&imported, (epochs as u64) * 3, 3);
        for (epoch, value) in (0..).zip(values) {
            let ours = curve.at(epoch * 3 + 1);
            // timm leaves the first rate to the optimizer, where tanh's own is a millionth lower.
            let near = if schedule == "tanh" && epoch == 0 { 1e-6 } else { 1e-12 };
            assert!((ours - value).abs() < near, "{arguments}: epoch {epoch}: {ours} not {value}");
        }
    }
    let truncated = read(&format!("{base}--sched cosine --epochs 12 --warmup-epochs 4"));
    assert!(truncated.notes.iter().any(|note| note.contains("is never reached")));
}

#[test]
fn timm_on_updates_is_drawn_closely() {
    let text = "--sched cosine --lr 1.0 --epochs 12 --warmup-epochs 4 --warmup-lr 0.1 --sched-on-updates \
                --opt adamw --opt-betas 0.9 0.95 --weight-decay 0.05 --clip-grad 1.0";
    let imported = read(text);
    let curve = curve(&imported, 1200, 100);
    for update in 0..1200 {
        let t = f64::from(update) / 100.0;
        let timm =
            if t < 4.0 { 0.1 + t * 0.9 / 4.0 } else { 0.5 * (1.0 + (std::f64::consts::PI * t / 12.0).cos()) };
        let ours = curve.at(u64::try_from(update).unwrap());
        assert!((ours - timm).abs() < 2e-4, "{update}: {ours} {timm}");
    }
    let optimizer = imported.optimizer.unwrap();
    assert_eq!((fixed(&optimizer, "beta2"), fixed(&optimizer, "weight_decay")), (0.95, 0.05));
    assert_eq!(imported.clip_norm, Some(1.0));
}

#[test]
fn deepspeeds_schedulers_give_its_rates() {
    let golden_file: Value = serde_json::from_str(GOLDEN).unwrap();
    let mut compared = 0;
    for entry in golden_file["entries"].as_array().unwrap() {
        let name = entry["schedule"].as_str().unwrap();
        if entry["framework"] != "deepspeed" {
            continue;
        }
        let args = &entry["args"];
        let text = json!({
            "train_micro_batch_size_per_gpu": 8, "gradient_accumulation_steps": 2, "gradient_clipping": 1.0,
            "optimizer": { "type": "AdamW", "params": { "lr": 1.0, "betas": [0.9, 0.95], "weight_decay": 0.1 } },
            "scheduler": { "type": name, "params": args },
        });
        let imported = read(&text.to_string());
        assert_eq!((imported.batch_size, imported.accumulate), (Some(8), Some(2)));
        let values: Vec<f64> =
            entry["lr"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect();
        let total = args["total_num_steps"].as_u64().unwrap_or(values.len() as u64);
        let curve = curve(&imported, total, 1);
        for (update, value) in (0..total).zip(&values) {
            // After a linear warmup the cosine is an update late, which a note says.
            let near = if name == "WarmupCosineLR" && update >= 5 { 0.25 } else { 1e-12 };
            let ours = curve.at(update);
            assert!((ours - value).abs() <= near, "{name} {args} update {update}: {ours} not {value}");
        }
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn an_experiment_file_is_its_first_run() {
    let text = "anneal = 1\nname = \"two\"\n[data]\nname = \"digits\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n\
                [train]\nupdates = \"5ep\"\n[[run]]\nname = \"a\"\noptimizer = { kind = \"sgd\" }\n\
                lr = { kind = \"cosine\", peak = 0.1 }\n[[run]]\nname = \"b\"\noptimizer = { kind = \"sgd\" }\n\
                lr = { kind = \"constant\", peak = 0.1 }\n";
    let imported = read(text);
    assert_eq!((imported.name.as_str(), imported.updates), ("a", Some(Span::Epochs(5.0))));
    assert_eq!(imported.notes, ["the file has 2 runs; this is its first"]);
    let run = imported.run(&Optimizer::new(OptimizerKind::Lion));
    assert_eq!(run.optimizer.kind, OptimizerKind::Sgd);
}

#[test]
fn an_import_is_written_as_a_run_of_an_experiment_file() {
    let imported =
        read("opt = AdamW(p, lr=3e-4, betas=(0.9, 0.95))\ns = OneCycleLR(opt, 3e-4, total_steps=500)");
    let run = imported.run(&Optimizer::new(OptimizerKind::Sgd));
    let file = format!(
        "anneal = 1\nname = \"x\"\n[data]\nname = \"digits\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\nupdates = \
         500\n\n{}",
        run.to_toml()
    );
    assert_eq!(Experiment::parse(&file, "x.toml").unwrap().runs, [run]);
}

#[test]
fn settings_that_no_run_can_have_are_left_out() {
    let imported = read(
        "learning_rate: 1.0e-4\nmax_steps: 2000000000000\nper_device_train_batch_size: 0\nmax_grad_norm: -1\n\
         gradient_accumulation_steps: 0\n",
    );
    assert_eq!((imported.updates, imported.batch_size, imported.clip_norm), (None, None, None));
    assert_eq!(imported.accumulate, Some(1));
    let epochs = read("learning_rate: 1.0e-4\nnum_train_epochs: 2.5\n");
    assert_eq!(epochs.updates, Some(Span::Epochs(2.5)));
}
