//! What people really have: scripts, commands, notebooks and configurations that were once read wrongly, and
//! others of their kinds. Rates are those of the frameworks' own arithmetic.

use std::path::Path;

use super::*;

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/reading").join(name)
}

fn file(name: &str) -> Imported {
    import_file(path(name), &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rates of these updates, of a run of so many updates with so many an epoch.
fn rates(imported: &Imported, clock: (u64, u64), at: &[(u64, f64)]) {
    let curve = curve(imported, clock.0, clock.1);
    for (update, rate) in at {
        let ours = curve.at(*update);
        assert!(
            (ours - rate).abs() <= 1e-9 * rate.abs().max(1e-3),
            "update {update}: {ours} not {rate}: {:?}",
            imported.lr
        );
    }
}

fn says(imported: &Imported, words: &str) -> bool {
    let unread = imported.unread.iter().map(ToString::to_string);
    imported.notes.iter().chain(&imported.assumed).cloned().chain(unread).any(|it| it.contains(words))
}

#[test]
fn command_lines_are_read_as_what_they_are_and_not_as_timm() {
    let fairseq = file("fairseq.sh");
    assert_eq!((fairseq.dialect.id, fairseq.updates), ("fairseq", Some(Span::Updates(50_000.0))));
    rates(&fairseq, (50_000, 100), &[(0, 0.0), (2000, 2.5e-4), (4000, 5e-4), (16_000, 2.5e-4)]);

    let torchvision = file("torchvision.sh");
    assert_eq!((torchvision.dialect.id, torchvision.updates), ("torchvision", Some(Span::Epochs(600.0))));
    let half = |epoch: f64| 0.25 * (1.0 + (std::f64::consts::PI * (epoch - 5.0) / 595.0).cos());
    rates(
        &torchvision,
        (6000, 10),
        &[(0, 0.005), (9, 0.005), (10, 0.5 * (0.01 + 0.99 / 5.0)), (50, 0.5), (3000, half(300.0))],
    );
    let sibling = read(
        "python train.py --model mobilenet_v2 --lr 0.045 --lr-step-size 1 --lr-gamma 0.98 --epochs 300 --wd 0.00004\n",
    );
    assert_eq!(sibling.dialect.id, "torchvision");
    rates(&sibling, (3000, 10), &[(0, 0.045), (10, 0.045 * 0.98), (25, 0.045 * 0.98 * 0.98)]);

    let polynomial = read(
        "fairseq-train d --lr-scheduler polynomial_decay --lr 1e-3 --warmup-updates 10 --total-num-update 110 \
         --end-learning-rate 1e-4 --max-update 110",
    );
    rates(&polynomial, (110, 10), &[(0, 0.0), (5, 5e-4), (10, 1e-3), (60, 5.5e-4)]);
    let strange =
        refused("fairseq-train d --lr-scheduler manual --lr 1e-3 --max-update 10 --warmup-updates 1");
    assert!(strange.contains("manual"), "{strange}");
}

#[test]
fn flags_of_diffusers_are_not_lost() {
    let imported = file("diffusers.sh");
    assert_eq!(imported.updates, Some(Span::Updates(1600.0)));
    rates(
        &imported,
        (1600, 100),
        &[
            (0, 0.0),
            (50, 5e-5),
            (100, 1e-4),
            (350, 5e-5),
            (600, 1e-4),
            (850, 5e-5),
            (1100, 1e-4),
            (1350, 5e-5),
        ],
    );
    let sibling = read(
        "accelerate launch train_dreambooth.py --instance_data_dir=d --learning_rate=5e-6 --lr_scheduler=polynomial \
         --lr_warmup_steps=0 --max_train_steps=400 --lr_power=2 --gradient_accumulation_steps=2",
    );
    assert_eq!((sibling.dialect.id, sibling.accumulate), ("diffusers", Some(2)));
    rates(&sibling, (400, 100), &[(0, 5e-6), (200, (5e-6 - 1e-7) * 0.25 + 1e-7)]);
    let shell = read(
        "LR=2e-4\nSTEPS=1000\naccelerate launch train_network.py \\\n  --network_module=networks.lora --unet_lr=$LR \\\n  \
         --learning_rate=\"${LR}\" --lr_scheduler=cosine --lr_warmup_steps=100 --max_train_steps $STEPS\n",
    );
    assert_eq!((shell.dialect.id, shell.updates), ("kohya", Some(Span::Updates(1000.0))));
    rates(&shell, (1000, 100), &[(100, 2e-4), (550, 1e-4)]);
}

#[test]
fn flags_that_belong_to_nobody_are_named() {
    let error = import_file(path("own_flags.sh"), &Options::default()).unwrap_err().to_string();
    for flag in ["--num_iterations", "--warmup_iters", "--min_lr"] {
        assert!(error.contains(flag), "{error}");
    }
    let as_arguments = Options { dialect: dialect_named("huggingface").ok(), ..Options::default() };
    let imported = import_file(path("own_flags.sh"), &as_arguments).unwrap();
    for flag in ["--num_iterations", "--warmup_iters", "--min_lr"] {
        assert!(imported.unread.iter().any(|unread| unread.name == flag && unread.line == 1), "{flag}");
    }
    for text in
        ["python train.py --lr 0.1 --epochs 90", "./run --learning_rate 3e-4", "x --lr 1 --warmup-epochs 3"]
    {
        let error = refused(text);
        assert!(error.contains("--l"), "{error}");
    }
}

#[test]
fn of_a_notebook_its_code_is_read() {
    let imported = file("notebook.ipynb");
    assert_eq!((imported.dialect.id, imported.updates), ("huggingface", Some(Span::Updates(60.0))));
    rates(&imported, (60, 10), &[(0, 0.0), (5, 2e-4), (60, 0.0)]);
    let torch = "{\"cells\": [{\"cell_type\": \"code\", \"source\": \"%matplotlib inline\\nopt = SGD(p, lr=0.1)\\n\"}, \
                 {\"cell_type\": \"code\", \"source\": [\"s = StepLR(opt, 5)\\n\", \"!ls\\n\"]}, {\"cell_type\": \"code\", \
                 \"source\": [\"broken(\\n\"]}]}";
    rates(&read(torch), (10, 1), &[(4, 0.1), (5, 0.01)]);
}

#[test]
fn axolotl_has_defaults_of_its_own() {
    let imported = file("axolotl.yaml");
    assert_eq!((imported.dialect.id, imported.updates), ("axolotl", Some(Span::Epochs(1.0))));
    rates(&imported, (100, 100), &[(0, 0.0), (5, 1e-4), (10, 2e-4), (60, 2e-4), (99, 2e-4)]);
    assert!(says(&imported, "cosine was taken"));
    let plain = read(
        "base_model: m\nsequence_len: 2048\nmicro_batch_size: 1\nmax_steps: 1000\nlearning_rate: 1e-4\n",
    );
    rates(&plain, (1000, 100), &[(15, 5e-5), (30, 1e-4), (515, 5e-5)]);
    assert!(says(&plain, "3 % of the run"));
}

#[test]
fn one_cycle_by_epochs_is_a_run_of_those_epochs() {
    let imported = file("one_cycle_by_epochs.py");
    assert_eq!(imported.updates, Some(Span::Epochs(20.0)));
    rates(&imported, (2000, 100), &[(0, 1e-2 / 25.0), (599, 1e-2)]);
    let known = read("opt = SGD(p, lr=1)\ns = OneCycleLR(opt, 0.1, epochs=10, steps_per_epoch=50)");
    assert_eq!(known.updates, Some(Span::Updates(500.0)));
    let product =
        read("opt = SGD(p, lr=1)\ns = OneCycleLR(opt, 0.1, total_steps=EPOCHS * len(train_dl))\nEPOCHS = 7");
    assert_eq!(product.updates, Some(Span::Epochs(7.0)));
}

#[test]
fn a_training_loop_says_what_its_scheduler_counts() {
    let imported = file("step_by_epoch.py");
    assert_eq!((imported.lr.tick, imported.updates), (Tick::Epoch, Some(Span::Epochs(90.0))));
    rates(&imported, (900, 10), &[(0, 0.1), (299, 0.1), (300, 0.01), (600, 0.001)]);

    let opt = "opt = SGD(net.parameters(), lr=0.1)\nsched = CosineAnnealingLR(opt, T_max=100)\n";
    let by_batch = read(&format!(
        "{opt}for epoch in range(5):\n    for x, y in loader:\n        opt.step()\n        sched.step()\n"
    ));
    assert_eq!((by_batch.lr.tick, by_batch.updates), (Tick::Update, Some(Span::Epochs(5.0))));
    let by_step = read(&format!("{opt}for step in range(1000):\n    opt.step()\n    sched.step()\n"));
    assert_eq!((by_step.lr.tick, by_step.updates), (Tick::Update, Some(Span::Updates(1000.0))));
    let in_function = read(&format!(
        "def train(loader, opt, sched):\n    for batch in loader:\n        opt.step()\n        sched.step()\n{opt}\
         for epoch in range(30):\n    train(loader, opt, sched)\n"
    ));
    assert_eq!((in_function.lr.tick, in_function.updates), (Tick::Update, Some(Span::Epochs(30.0))));
    let after_function =
        read(&format!("{opt}for epoch in range(1, 31):\n    train(loader)\n    sched.step()\n"));
    assert_eq!((after_function.lr.tick, after_function.updates), (Tick::Epoch, Some(Span::Epochs(30.0))));
    let accumulated = read(&format!(
        "{opt}for i, batch in enumerate(loader):\n    if (i + 1) % 4 == 0:\n        opt.step()\n        sched.step()\n"
    ));
    assert_eq!(accumulated.accumulate, None);
    rates(&accumulated, (100, 10), &[(50, 0.05)]);
    let micro = read(&format!(
        "{opt}for i, batch in enumerate(loader):\n    if (i + 1) % 4 == 0:\n        opt.step()\n    sched.step()\n"
    ));
    assert!(says(&micro, "every micro-batch"));
    rates(&micro, (100, 10), &[(0, 0.1), (25, 0.0)]);
    let fractional = read(
        "opt = SGD(p, lr=0.1)\ns = CosineAnnealingWarmRestarts(opt, T_0=10)\nfor epoch in range(30):\n    \
         for i, x in enumerate(loader):\n        opt.step()\n        s.step(epoch + i / len(loader))\n",
    );
    assert_eq!(fractional.lr.tick, Tick::Update);
    rates(&fractional, (300, 10), &[(0, 0.1), (50, 0.05), (100, 0.1)]);
}

#[test]
fn schedulers_of_others_are_read_or_named() {
    let imported = file("gradual_warmup.py");
    assert_eq!(imported.lr.tick, Tick::Epoch);
    rates(&imported, (400, 10), &[(0, 1e-4), (10, 2.8e-4), (50, 1e-3), (149, 1e-3), (150, 1e-4)]);
    let stranger = read(
        "opt = SGD(p, lr=0.1)\nwarm = FancyWarmup(opt, 5)\ns = StepLR(opt, 10)\nfinal = EarlyBirdScheduler(opt, s)\n",
    );
    for name in ["FancyWarmup", "EarlyBirdScheduler"] {
        assert!(stranger.unread.iter().any(|unread| unread.name == name), "{name}: {:?}", stranger.unread);
    }
    let alone = refused("opt = torch.optim.SGD(p, lr=0.1)\ns = torch.optim.lr_scheduler.SlantedLR(opt, 5)\n");
    assert!(alone.contains("SlantedLR (line 2)"), "{alone}");
    let restarts = read(
        "opt = AdamW(p, lr=1)\ns = CosineAnnealingWarmupRestarts(opt, first_cycle_steps=200, max_lr=0.1, min_lr=0.0, \
         warmup_steps=50)",
    );
    rates(&restarts, (200, 10), &[(50, 0.1), (125, 0.05)]);
}

#[test]
fn what_lasts_nothing_is_as_pytorch_has_it() {
    rates(&file("factor_for_no_time.py"), (100, 10), &[(0, 0.1), (50, 0.1), (99, 0.1)]);
    let linear = read("opt = SGD(p, lr=0.3)\ns = LinearLR(opt, total_iters=0)");
    rates(&linear, (100, 10), &[(0, 0.1), (99, 0.1)]);
}

#[test]
fn composites_give_pytorchs_own_rates() {
    // PyTorch 2.15, of an optimizer at 0.1.
    let golden: [(&str, &[f64]); 6] = [
        (
            "inner = SequentialLR(opt, [ConstantLR(opt, factor=.5, total_iters=2), ConstantLR(opt, factor=.2, \
             total_iters=10)], milestones=[2])\ns = SequentialLR(opt, [inner, ExponentialLR(opt, .9)], milestones=[12])",
            &[
                0.05, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.1, 0.1, 0.09, 0.081,
                0.0729,
            ],
        ),
        (
            "s = ChainedScheduler([CosineAnnealingLR(opt, T_max=8, eta_min=.01), MultiStepLR(opt, [5], gamma=.1)])",
            &[
                0.1,
                0.0965745789630079,
                0.08681980515339463,
                0.07222075445642905,
                0.055,
                0.0037779245543570965,
                0.007047861987640201,
                0.009232764327892636,
                0.01,
                0.013425421036992097,
            ],
        ),
        (
            "first = ChainedScheduler([LinearLR(opt, start_factor=.5, total_iters=4), ExponentialLR(opt, .9)])\n\
             s = SequentialLR(opt, [first, StepLR(opt, 3)], milestones=[6])",
            &[
                0.045, 0.050625, 0.054675, 0.05740875, 0.059049, 0.0531441, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01,
                0.001,
            ],
        ),
        (
            "s = MultiplicativeLR(opt, lambda e: 0.95 if e < 5 else 0.5)",
            &[0.1, 0.095, 0.09025, 0.0857375, 0.08145062499999998, 0.04072531249999999, 0.020362656249999996],
        ),
        (
            "s = SequentialLR(opt, [LinearLR(opt, start_factor=.1, total_iters=3), LambdaLR(opt, lambda e: 1 / (1 + e))], \
             milestones=[3])",
            &[0.01, 0.04, 0.07, 0.1, 0.05, 0.1 / 3.0, 0.025, 0.02],
        ),
        (
            "s = CyclicLR(opt, base_lr=.01, max_lr=.1, step_size_up=4, scale_fn=lambda x: 1 / (2. ** (x - 1)))",
            &[0.01, 0.0325, 0.055, 0.0775, 0.1, 0.0775, 0.055, 0.0325, 0.01, 0.02125, 0.0325, 0.04375, 0.055],
        ),
    ];
    for (text, values) in golden {
        let imported = read(&format!("opt = SGD(p, lr=0.1)\n{text}"));
        let at: Vec<(u64, f64)> = (0..).zip(values.iter().copied()).collect();
        rates(&imported, (1000, 1), &at);
    }
    rates(&file("nested_parts.py"), (1000, 10), &[(0, 0.05), (1, 0.02), (10, 0.02), (11, 0.1), (13, 0.09)]);
    let later = refused(
        "opt = SGD(p, lr=0.1)\nb = ChainedScheduler([StepLR(opt, 3)])\ns = SequentialLR(opt, [ConstantLR(opt), b], [3])",
    );
    assert!(later.contains("NotImplementedError"), "{later}");
}

#[test]
fn what_a_resumed_scheduler_does_is_said() {
    let imported = file("resumed.py");
    assert!(says(&imported, "last_epoch=45"), "{:?}", imported.notes);
    rates(&imported, (100, 10), &[(0, 0.1), (50, 0.05)]);
    assert!(!says(&read("opt = SGD(p, lr=0.1)\ns = StepLR(opt, 5, last_epoch=-1)"), "last_epoch"));
}

#[test]
fn groups_of_parameters_are_told_and_can_be_chosen() {
    let imported = file("groups.py");
    assert!(says(&imported, "2 groups") && says(&imported, "body: 0.001") && says(&imported, "head: 0.01"));
    rates(&imported, (1000, 10), &[(299, 1e-3)]);
    for group in ["1", "head"] {
        let options = Options { group: Some(group.to_owned()), ..Options::default() };
        let head = import_file(path("groups.py"), &options).unwrap();
        rates(&head, (1000, 10), &[(299, 1e-2)]);
    }
    let options = Options { group: Some("tail".to_owned()), ..Options::default() };
    let error = import_file(path("groups.py"), &options).unwrap_err().to_string();
    assert!(error.contains("body, head"), "{error}");
}

#[test]
fn what_an_argument_holds_is_its_default_or_told() {
    let imported = file("unknown_momentum.py");
    assert!(says(&imported, "args.lr") && says(&imported, "args.momentum"), "{:?}", imported.assumed);
    assert!(matches!(imported.lr.kind, Kind::Step(_)));
    let argparse = "parser = argparse.ArgumentParser()\nparser.add_argument('--lr', '--learning-rate', default=0.1, \
                    type=float)\nparser.add_argument('--momentum', default=0.9)\nparser.add_argument('--epochs', default=90)\n\
                    args = parser.parse_args()\n";
    let text = std::fs::read_to_string(path("unknown_momentum.py")).unwrap();
    let resolved = read(&format!("{argparse}{text}"));
    assert!(says(&resolved, "the default of the argument --momentum (line 3)"), "{:?}", resolved.assumed);
    assert_eq!(fixed(&resolved.optimizer.clone().unwrap(), "momentum"), 0.9);
    rates(&resolved, (100, 10), &[(0, 0.1), (30, 0.01)]);

    let dataclass = read(
        "@dataclass\nclass Config:\n    lr: float = 3e-4\n    steps: int = 500\n\ncfg = Config()\nopt = AdamW(p, \
         lr=cfg.lr)\ns = CosineAnnealingLR(opt, cfg.steps)\n",
    );
    rates(&dataclass, (500, 10), &[(0, 3e-4), (250, 1.5e-4)]);
    let table = read(
        "config = {\"lr\": 0.2, \"gamma\": 0.5}\nopt = SGD(p, lr=config['lr'])\ns = StepLR(opt, 3, config[\"gamma\"])\n",
    );
    rates(&table, (10, 1), &[(0, 0.2), (3, 0.1)]);
    let parameter = read(
        "def build(model, lr=0.4, every=7):\n    opt = SGD(model, lr=lr)\n    return StepLR(opt, every)\n",
    );
    rates(&parameter, (10, 1), &[(0, 0.4), (7, 0.04)]);
    let class = read(
        "class Net:\n    def __init__(self, lr=0.05):\n        self.lr = lr\n    def configure_optimizers(self):\n        \
         opt = SGD(self.parameters(), lr=self.lr)\n        return [opt], [ExponentialLR(opt, 0.5)]\n",
    );
    assert_eq!(class.lr.tick, Tick::Epoch);
    rates(&class, (10, 5), &[(0, 0.05), (5, 0.025)]);
}

#[test]
fn configurations_that_name_classes_are_read() {
    let imported = file("hydra.yaml");
    assert_eq!((imported.dialect.id, imported.updates), ("hydra", Some(Span::Updates(10_000.0))));
    rates(&imported, (10_000, 100), &[(0, 1e-4 / 25.0), (2999, 1e-4)]);
    let nested = read(
        "model:\n  optimizer:\n    _target_: torch.optim.SGD\n    _partial_: true\n    lr: 0.1\n  scheduler:\n    \
         _target_: torch.optim.lr_scheduler.CosineAnnealingLR\n    T_max: ${trainer.max_epochs}\n    eta_min: 0.01\n\
         trainer:\n  max_epochs: 50\n",
    );
    rates(&nested, (50, 1), &[(0, 0.1), (25, 0.055)]);
    let lightning = read(
        "optimizer:\n  class_path: torch.optim.SGD\n  init_args:\n    lr: 0.1\nlr_scheduler:\n  class_path: \
         torch.optim.lr_scheduler.StepLR\n  init_args:\n    step_size: 3\n",
    );
    assert_eq!(lightning.lr.tick, Tick::Epoch);
    rates(&lightning, (100, 10), &[(29, 0.1), (30, 0.01)]);

    let mm = file("openmmlab.py");
    assert_eq!(mm.dialect.id, "openmmlab");
    let gamma = 0.1;
    rates(
        &mm,
        (12_000, 1000),
        &[(0, 1e-5), (499, 0.01), (4000, 0.01), (8000, 0.01 * gamma), (11_000, 0.01 * gamma * gamma)],
    );
    let old = read(
        "optimizer = dict(type='SGD', lr=0.02, momentum=0.9)\nlr_config = dict(policy='step', warmup='linear', \
         warmup_iters=500, warmup_ratio=0.001, step=[8, 11])\nrunner = dict(type='EpochBasedRunner', max_epochs=12)\n",
    );
    assert_eq!(old.updates, Some(Span::Epochs(12.0)));
    rates(&old, (12_000, 1000), &[(0, 2e-5), (250, 0.02 * 0.5005), (500, 0.02), (8000, 0.002)]);
}

#[test]
fn a_json_with_a_key_of_deepspeeds_is_no_deepspeed() {
    let imported = file("optimizer_key.json");
    assert_eq!((imported.dialect.id, imported.updates), ("huggingface", Some(Span::Updates(100.0))));
    rates(&imported, (100, 10), &[(0, 1e-4), (50, 5e-5)]);
}

#[test]
fn restarts_share_what_follows_the_warmup() {
    let imported = file("restarts_by_epochs.yaml");
    assert!(says(&imported, "--updates-per-epoch"));
    let options = Options { updates_per_epoch: Some(400.0), ..Options::default() };
    let known = import_file(path("restarts_by_epochs.yaml"), &options).unwrap();
    assert_eq!(known.updates, Some(Span::Updates(1200.0)));
    let curve = curve(&known, 1200, 400);
    assert!((curve.at(100) - 2e-4).abs() < 1e-12 && curve.at(50) == 1e-4);
    // Cycles of 366.67 updates: three falls within the run.
    let falls = (101..1200).filter(|update| curve.at(*update) > curve.at(update - 1) + 1e-5).count();
    assert_eq!(falls, 2, "{:?}", known.lr);
}

#[test]
fn code_comes_out_of_fences_and_prompts() {
    let fenced = "Try this:\n\n```python\nopt = SGD(p, lr=0.1)\ns = StepLR(opt, 5)\n```\n\nIt drops.\n";
    rates(&read(fenced), (10, 1), &[(4, 0.1), (5, 0.01)]);
    rates(&read(">>> opt = SGD(p, lr=0.1)\n>>> s = StepLR(opt, 5)\n"), (10, 1), &[(4, 0.1), (5, 0.01)]);
    let trainer = read(
        "class Net(LightningModule):\n    def configure_optimizers(self):\n        opt = SGD(self.parameters(), lr=0.1)\n        \
         return {'optimizer': opt, 'lr_scheduler': {'scheduler': StepLR(opt, 5), 'interval': 'step'}}\n\
         trainer = Trainer(max_steps=50, gradient_clip_val=0.5, accumulate_grad_batches=4)\n",
    );
    assert_eq!((trainer.lr.tick, trainer.updates), (Tick::Update, Some(Span::Updates(50.0))));
    assert_eq!((trainer.clip_norm, trainer.accumulate), (Some(0.5), Some(4)));
}

#[test]
fn groups_that_are_added_later_are_named() {
    let added = read(
        "opt = SGD(body, lr=0.1)\nopt.add_param_group({'params': head, 'lr': 0.01})\ns = StepLR(opt, 5)\n",
    );
    assert!(
        added.unread.iter().any(|unread| unread.line == 2 && unread.value.contains("0.01")),
        "{:?}",
        added.unread
    );
}
