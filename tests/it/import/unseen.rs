//! Kinds of texts that were once read wrongly, or refused for an untrue reason: each with its framework's rates.

use super::*;

const PI: f64 = std::f64::consts::PI;

/// The rates of a text's run at these updates.
#[track_caller]
fn gives(imported: &Imported, clock: (u64, u64), at: &[(u64, f64)]) {
    let curve = curve(imported, clock.0, clock.1);
    let most = at.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    for (update, rate) in at {
        let ours = curve.at(*update);
        assert!((ours - rate).abs() <= 1e-8 * most, "{:?}\nupdate {update}: {ours} not {rate}", imported.lr);
    }
}

fn says(imported: &Imported, sentence: &str) {
    let all = [&imported.notes[..], &imported.assumed[..]].concat();
    let unread = imported.unread.iter().map(ToString::to_string);
    let all: Vec<String> = all.into_iter().chain(unread).collect();
    assert!(all.iter().any(|note| note.contains(sentence)), "no {sentence:?} in {all:#?}");
}

#[test]
fn a_flag_without_a_value_is_off_until_it_is_given() {
    let text = "parser.add_argument('--epochs', default=200, type=int)\n\
                parser.add_argument('--lr', default=0.03, type=float)\n\
                parser.add_argument('--schedule', default=[120, 160], nargs='*', type=int)\n\
                parser.add_argument('--cos', action='store_true')\n\
                for epoch in range(args.epochs):\n    adjust_learning_rate(optimizer, epoch, args)\n\
                def adjust_learning_rate(optimizer, epoch, args):\n    lr = args.lr\n    if args.cos:\n        lr *= 0.5 * \
                (1. + math.cos(math.pi * epoch / args.epochs))\n    else:\n        for milestone in args.schedule:\n            \
                lr *= 0.1 if epoch >= milestone else 1.\n    for param_group in optimizer.param_groups:\n        \
                param_group['lr'] = lr\n";
    let imported = read(text);
    gives(&imported, (2000, 10), &[(0, 0.03), (1199, 0.03), (1200, 0.003), (1600, 3e-4)]);
    says(&imported, "args.cos was taken as False");
}

#[test]
fn a_counter_that_begins_at_its_epoch_counts_the_whole_run() {
    let text = "def adjust_learning_rate(args, optimizer, loader, step):\n    max_steps = args.epochs * len(loader)\n    \
                warmup_steps = 10 * len(loader)\n    base_lr = args.batch_size / 256\n    if step < warmup_steps:\n        \
                lr = base_lr * step / warmup_steps\n    else:\n        step -= warmup_steps\n        max_steps -= \
                warmup_steps\n        q = 0.5 * (1 + math.cos(math.pi * step / max_steps))\n        end_lr = base_lr * \
                0.001\n        lr = base_lr * q + end_lr * (1 - q)\n    optimizer.param_groups[0]['lr'] = lr * 0.2\n    \
                optimizer.param_groups[1]['lr'] = lr * 0.0048\n\
                parser.add_argument('--epochs', default=100, type=int)\n\
                parser.add_argument('--batch-size', default=2048, type=int)\n\
                for epoch in range(0, args.epochs):\n    for step, (x, _) in enumerate(loader, start=epoch * len(loader)):\n        \
                adjust_learning_rate(args, optimizer, loader, step)\n";
    let imported = read(text);
    let base = 8.0 * 0.2;
    let half = base * (0.5 + 0.001 * 0.5);
    gives(&imported, (10_000, 100), &[(0, 0.0), (500, 0.5 * base), (1000, base), (5500, half)]);
    says(&imported, "this is group 0");
    let other = import(text, &Options { group: Some("1".to_owned()), ..Options::default() }).unwrap();
    gives(&other, (10_000, 100), &[(500, 0.5 * 8.0 * 0.0048)]);
}

#[test]
fn a_counter_of_its_own_goes_on_from_epoch_to_epoch() {
    let text = "step = 0\nfor epoch in range(4):\n    for batch in loader:\n        lr = 0.1 * (1 - step / 400)\n        for \
                g in optimizer.param_groups:\n            g['lr'] = lr\n        step += 1\n";
    gives(&read(text), (400, 100), &[(0, 0.1), (100, 0.075), (399, 0.1 / 400.0)]);
}

#[test]
fn loops_over_optimizers_are_no_epochs_and_settings_say_how_long_a_run_is() {
    let text = "def get_lr(step):\n    x = step / args.num_iterations\n    if x < 1 - args.cooldown_frac:\n        return 1.0\n    \
                w = (1 - x) / args.cooldown_frac\n    return w * 1.0 + (1 - w) * 0.1\n\
                @dataclass\nclass Hyperparameters:\n    num_iterations = 1000\n    cooldown_frac = 0.4\nargs = \
                Hyperparameters()\noptimizer1 = torch.optim.Adam(params, lr=0.008, betas=(0.8, 0.95))\n\
                for step in range(train_steps + 1):\n    for opt in optimizers:\n        for group in opt.param_groups:\n            \
                group['lr'] = group['initial_lr'] * get_lr(step)\n";
    let imported = read(text);
    assert_eq!(imported.updates, Some(Span::Updates(1000.0)));
    gives(&imported, (1000, 100), &[(0, 0.008), (600, 0.008), (800, 0.008 * 0.55), (900, 0.008 * 0.325)]);
    says(&imported, "num_iterations was taken as 1000");
}

#[test]
fn a_function_that_makes_the_schedule_is_called_as_the_program_calls_it() {
    let text = "def assign_learning_rate(optimizer, new_lr):\n    for param_group in optimizer.param_groups:\n        \
                param_group[\"lr\"] = new_lr\n\
                def _warmup_lr(base_lr, warmup_length, step):\n    return base_lr * (step + 1) / warmup_length\n\
                def cosine_lr(optimizer, base_lr, warmup_length, steps):\n    def _lr_adjuster(step):\n        if step < \
                warmup_length:\n            lr = _warmup_lr(base_lr, warmup_length, step)\n        else:\n            e = \
                step - warmup_length\n            es = steps - warmup_length\n            lr = 0.5 * (1 + np.cos(np.pi * e / \
                es)) * base_lr\n        assign_learning_rate(optimizer, lr)\n        return lr\n    return _lr_adjuster\n\
                optimizer = torch.optim.AdamW(params, lr=5e-4)\n\
                scheduler = cosine_lr(optimizer, 5e-4, 200, 5000)\nfor step in range(5000):\n    scheduler(step)\n";
    gives(&read(text), (5000, 100), &[(0, 2.5e-6), (199, 5e-4), (200, 5e-4), (2600, 2.5e-4)]);
}

#[test]
fn a_scheduler_of_one_s_own_may_set_the_rate_in_its_step() {
    let text = "class PolyLRScheduler(_LRScheduler):\n    def __init__(self, optimizer, initial_lr, max_steps, exponent=0.9, \
                current_step=None):\n        self.optimizer = optimizer\n        self.initial_lr = initial_lr\n        \
                self.max_steps = max_steps\n        self.exponent = exponent\n        self.ctr = 0\n\n    def step(self, \
                current_step=None):\n        if current_step is None or current_step == -1:\n            current_step = \
                self.ctr\n            self.ctr += 1\n        new_lr = self.initial_lr * (1 - current_step / \
                self.max_steps) ** self.exponent\n        for param_group in self.optimizer.param_groups:\n            \
                param_group['lr'] = new_lr\n\
                optimizer = torch.optim.SGD(network.parameters(), 1e-2, momentum=0.99, nesterov=True)\n\
                lr_scheduler = PolyLRScheduler(optimizer, 1e-2, 1000)\n\
                for epoch in range(1000):\n    lr_scheduler.step(epoch)\n    train_one(epoch)\n";
    let imported = read(text);
    gives(
        &imported,
        (10_000, 10),
        &[(0, 1e-2), (5000, 1e-2 * 0.5f64.powf(0.9)), (9990, 1e-2 * 0.001f64.powf(0.9))],
    );
    let without = text.replace("param_group['lr'] = new_lr", "pass");
    assert!(refused(&without).contains("no step() that sets the rate"), "{}", refused(&without));
}

#[test]
fn a_rate_may_be_set_by_updating_the_group() {
    let text = "lr_schedule = lambda epoch: np.interp([epoch], [0, 15, 30], [0, 0.1, 0])[0]\nfor epoch in range(30):\n    lr = \
                lr_schedule(epoch)\n    opt.param_groups[0].update(lr=lr)\n    train(epoch)\n";
    gives(&read(text), (300, 10), &[(0, 0.0), (150, 0.1), (220, 0.1 * 8.0 / 15.0)]);
}

#[test]
fn what_wraps_a_scheduler_is_named() {
    let text = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\nscheduler = ExponentialLR(optimizer, gamma=0.98)\n\
                scheduler = create_lr_scheduler_with_warmup(scheduler, warmup_start_value=0.0, warmup_duration=3)\n\
                trainer.add_event_handler(Events.EPOCH_STARTED, scheduler)\n";
    let imported = read(text);
    says(&imported, "create_lr_scheduler_with_warmup");
    assert_eq!(imported.lr.tick, Tick::Epoch, "by its event");
}

#[test]
fn settings_that_share_words_with_transformers_are_read_as_what_they_are() {
    let imported = read(
        "save_model: foo\ntrain_steps: 200000\nvalid_steps: 10000\nbatch_type: tokens\nbatch_size: 4096\naccum_count: [8]\n\
         optim: adam\nlearning_rate: 2\nwarmup_steps: 8000\ndecay_method: noam\nadam_beta2: 0.998\nmax_grad_norm: 0\n\
         hidden_size: 512\n",
    );
    assert_eq!((imported.dialect.id, imported.accumulate, imported.clip_norm), ("opennmt", Some(8), None));
    let noam = |step: f64| 2.0 * 512f64.powf(-0.5) * step.powf(-0.5).min(step * 8000f64.powf(-1.5));
    gives(&imported, (200_000, 100), &[(0, noam(1.0)), (7999, noam(8000.0)), (99_999, noam(100_000.0))]);
    let plain = read(
        "train_steps: 100000\nvalid_steps: 500\nlearning_rate: 1.0\nstart_decay_steps: 50000\ndecay_steps: 10000\n",
    );
    gives(&plain, (100_000, 100), &[(0, 1.0), (49_998, 1.0), (49_999, 0.5), (59_998, 0.5), (59_999, 0.25)]);
}

#[test]
fn gpt_neox_is_read_by_its_own_scheduler() {
    let text = "{\n  \"pipe-parallel-size\": 1,\n  # optimizer settings\n  \"optimizer\": {\"type\": \"Adam\", \"params\": {\"lr\": \
                0.0006, \"betas\": [0.9, 0.95], \"eps\": 1.0e-8}},\n  \"min_lr\": 0.00006,\n  \
                \"train_micro_batch_size_per_gpu\": 4,\n  \"gradient_clipping\": 1.0,\n  \"weight-decay\": 0.1,\n  \
                \"train-iters\": 1000,\n  \"lr-decay-style\": \"cosine\",\n  \"warmup\": 0.1\n}\n";
    let imported = read(text);
    let optimizer = imported.optimizer.as_ref().unwrap();
    assert_eq!((optimizer.kind, fixed(optimizer, "weight_decay")), (OptimizerKind::AdamW, 0.1));
    assert_eq!((imported.batch_size, imported.clip_norm), (Some(4), Some(1.0)));
    gives(&imported, (1000, 100), &[(50, 3e-4), (100, 6e-4), (550, 3.3e-4)]);
    says(&imported, "first update has the second one's rate");
}

#[test]
fn sections_without_quotes_are_an_ini_file() {
    let text = "[net]\n# Training\nbatch=64\nsubdivisions=16\nmomentum=0.9\ndecay=0.0005\nlearning_rate=0.001\nburn_in=100\n\
                max_batches = 5000\npolicy=steps\nsteps=4000,4500\nscales=.1,.1\n\n[convolutional]\nfilters=32\n";
    let imported = read(text);
    assert_eq!(
        (imported.dialect.id, imported.batch_size, imported.accumulate),
        ("darknet", Some(4), Some(16))
    );
    gives(&imported, (5000, 100), &[(0, 0.0), (50, 0.001 / 16.0), (100, 0.001), (4000, 1e-4), (4500, 1e-5)]);
    assert!(
        refused("[training]\nseed = 1\n\n[training.optimizer]\n@optimizers = \"Adam.v1\"\n")
            .contains("an INI file")
    );
}

#[test]
fn one_object_of_json_with_a_rate_in_it_is_no_log() {
    let text = "{\"run_name\": \"x\", \"epochs\": 100, \"lr\": 0.001, \"lr_scheduler\": \"NoamLR\", \"optimizer\": \"RAdam\"}";
    assert!(!refused(text).contains("log of learning rates"), "{}", refused(text));
}

#[test]
fn axolotl_s_rex_is_its_own() {
    let text = "base_model: m\nadapter: lora\nmicro_batch_size: 2\nsequence_len: 512\nmax_steps: 11\nlearning_rate: 1.0\n\
                lr_scheduler: rex\nwarmup_steps: 3\noptimizer: adamw_torch\n";
    // Recorded from axolotl's RexLR.
    let right =
        [0.333333333, 0.666666667, 1.0, 0.985915493, 0.967741935, 0.943396226, 0.909090909, 0.857142857];
    let imported = read(text);
    let curve = curve(&imported, 11, 1);
    for (update, rate) in (0..).zip(right) {
        assert!((curve.at(update) - rate).abs() < 1e-8, "{update}: {} not {rate}", curve.at(update));
    }
    assert_eq!(curve.at(10), 0.0);
    let floored = read(&text.replace("warmup_steps: 3", "warmup_steps: 0\ncosine_min_lr_ratio: 0.1"));
    let curve = floored.lr.resolve(Clock { updates: 11, updates_per_epoch: 1 }).unwrap();
    let z = 10.0 / 11.0;
    assert!((curve.at(0) - (0.1 + 0.9 * z / (0.1 + 0.9 * z))).abs() < 1e-12);
    assert!((curve.at(10) - 0.1).abs() < 1e-12);
}

#[test]
fn mmengine_s_cycles_are_pytorch_s_and_its_restarts_have_weights() {
    let optimizer =
        "optim_wrapper = dict(optimizer=dict(type='AdamW', lr=0.0001))\ntrain_cfg = dict(max_iters=200)\n";
    let cycle = read(&format!(
        "{optimizer}param_scheduler = [dict(type='OneCycleLR', eta_max=0.003, total_steps=200, pct_start=0.3, by_epoch=False)]\n"
    ));
    let theirs = read(
        "opt = torch.optim.AdamW(p, lr=1e-4)\nscheduler = OneCycleLR(opt, max_lr=0.003, total_steps=200, pct_start=0.3)\nfor i in \
         range(200):\n    opt.step()\n    scheduler.step()\n",
    );
    let (ours, theirs) = (curve(&cycle, 200, 10), curve(&theirs, 200, 10));
    assert!((0..200).all(|update| (ours.at(update) - theirs.at(update)).abs() < 1e-15));
    let restarts = read(&format!(
        "{optimizer}param_scheduler = [dict(type='CosineRestartLR', periods=[100, 100], restart_weights=[1, 0.5], eta_min=0, \
         by_epoch=False)]\n"
    ));
    gives(&restarts, (200, 10), &[(0, 1e-4), (50, 5e-5), (100, 5e-5), (150, 2.5e-5)]);
}

#[test]
fn detectron2_is_read_from_python_and_from_lazy_configs() {
    let colab = read(
        "cfg = get_cfg()\ncfg.merge_from_file(model_zoo.get_config_file(\"mask_rcnn_R_50_FPN_3x.yaml\"))\n\
         cfg.SOLVER.IMS_PER_BATCH = 2\ncfg.SOLVER.BASE_LR = 0.00025\ncfg.SOLVER.MAX_ITER = 3000\ncfg.SOLVER.STEPS = []\n",
    );
    assert_eq!((colab.updates, colab.batch_size), (Some(Span::Updates(3000.0)), Some(2)));
    gives(
        &colab,
        (3000, 100),
        &[(0, 2.5e-7), (500, 2.5e-4 * (0.001 + 0.999 * 0.5)), (1000, 2.5e-4), (2999, 2.5e-4)],
    );
    says(&colab, "was not read");
    let steps = "from detectron2.config import LazyCall as L\ntrain.max_iter = 1000\nlr_multiplier = \
                 L(WarmupParamScheduler)(\n    scheduler=L(MultiStepParamScheduler)(values=[1.0, 0.1, 0.01], milestones=[800, \
                 900], num_updates=train.max_iter),\n    warmup_length=100 / train.max_iter,\n    warmup_factor=0.001,\n)\n\
                 optimizer = model_zoo.get_config(\"common/optim.py\").AdamW\noptimizer.lr = 1e-4\n";
    let lazy = read(steps);
    gives(
        &lazy,
        (1000, 100),
        &[(0, 1e-7), (50, 1e-4 * 0.5005), (100, 1e-4), (799, 1e-4), (800, 1e-5), (900, 1e-6)],
    );
    let cosine = steps.replace(
        "L(MultiStepParamScheduler)(values=[1.0, 0.1, 0.01], milestones=[800, 900], num_updates=train.max_iter)",
        "L(CosineParamScheduler)(start_value=1.0, end_value=0.0)",
    );
    let half = |at: f64| 1e-4 * 0.5 * (1.0 + (PI * at / 1000.0).cos());
    let end = half(100.0);
    gives(
        &read(&cosine),
        (1000, 100),
        &[(0, 1e-7), (50, 1e-7 + (end - 1e-7) * 0.5), (100, end), (600, half(600.0))],
    );
}

#[test]
fn a_configuration_is_read_with_the_files_that_it_inherits_from() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    write(
        "_base_/schedules/schedule_1x.py",
        "train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=1)\n\
         param_scheduler = [dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),\n    \
         dict(type='MultiStepLR', begin=0, end=12, by_epoch=True, milestones=[8, 11], gamma=0.1)]\n\
         optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=0.0001))\n",
    );
    let path = write(
        "coco/faster-rcnn.py",
        "_base_ = ['../_base_/models/faster-rcnn.py', '../_base_/schedules/schedule_1x.py']\n\
         optim_wrapper = dict(optimizer=dict(lr=0.005))\n",
    );
    let imported = import_file(&path, &Options::default()).unwrap();
    assert_eq!(imported.updates, Some(Span::Epochs(12.0)));
    gives(&imported, (12_000, 1000), &[(0, 5e-6), (500, 0.005), (7999, 0.005), (8000, 5e-4), (11_000, 5e-5)]);
    assert_eq!(fixed(imported.optimizer.as_ref().unwrap(), "momentum"), 0.9, "from the file below");
    says(&imported, "schedules/schedule_1x.py, which was read");
    says(&imported, "models/faster-rcnn.py, which was not read");
    // A text has no files beside it.
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(refused(&text).contains("_base_"), "{}", refused(&text));

    write("Base.yaml", "SOLVER:\n  BASE_LR: 0.02\n  STEPS: (600, 800)\n  MAX_ITER: 900\n  WARMUP_ITERS: 0\n");
    let yaml = write("own.yaml", "_BASE_: \"Base.yaml\"\nSOLVER:\n  BASE_LR: 0.01\n");
    let imported = import_file(&yaml, &Options::default()).unwrap();
    gives(&imported, (900, 100), &[(0, 0.01), (600, 1e-3), (800, 1e-4)]);
    // Files that inherit from themselves end, and what is not beside them is not read.
    let own = write(
        "ring.py",
        "_base_ = ['ring.py', '/etc/passwd', 'mmdet::x.py']\nlr_config = dict(policy='step', step=[3])\n",
    );
    let imported = import_file(&own, &Options::default()).unwrap();
    says(&imported, "it is in another package");
    says(&imported, "only .py and .yaml files");
}

#[test]
fn ultralytics_is_read_from_python() {
    let imported = read(
        "from ultralytics import YOLO\nmodel = YOLO(\"yolo11n.pt\")\nmodel.train(data=\"coco8.yaml\", epochs=100, imgsz=640, \
         lr0=0.01, lrf=0.1, cos_lr=True, warmup_epochs=0, batch=16, optimizer=\"SGD\", momentum=0.9)\n",
    );
    assert_eq!((imported.dialect.id, imported.batch_size), ("yolo", Some(16)));
    gives(&imported, (1000, 10), &[(0, 0.01), (500, 0.0055)]);
}

#[test]
fn a_function_s_own_parameter_is_what_its_only_call_gives_from_outside() {
    let text = "def create_learning_rate_fn(config, base_learning_rate, steps_per_epoch):\n    warmup_fn = \
                optax.linear_schedule(init_value=0.0, end_value=base_learning_rate, transition_steps=config.warmup_epochs * \
                steps_per_epoch)\n    cosine_epochs = max(config.num_epochs - config.warmup_epochs, 1)\n    cosine_fn = \
                optax.cosine_decay_schedule(init_value=base_learning_rate, decay_steps=cosine_epochs * steps_per_epoch)\n    \
                return optax.join_schedules(schedules=[warmup_fn, cosine_fn], boundaries=[config.warmup_epochs * \
                steps_per_epoch])\n\
                config.warmup_epochs = 5.0\nconfig.num_epochs = 100.0\nsteps_per_epoch = 10\nlearning_rate_fn = \
                create_learning_rate_fn(config, 0.1, steps_per_epoch)\ntx = optax.sgd(learning_rate=learning_rate_fn, \
                momentum=0.9)\n";
    gives(&read(text), (1000, 10), &[(0, 0.0), (25, 0.05), (50, 0.1), (525, 0.05)]);
}

#[test]
fn the_share_of_a_climb_is_rounded_as_its_framework_rounds_it() {
    // A tenth of 33 updates: transformers takes 4 of them, axolotl 3.
    let hf = "learning_rate: 1.0\nlr_scheduler_type: linear\nwarmup_ratio: 0.1\n";
    let climb = |imported: &Imported| imported.lr.warmup.as_ref().unwrap().over;
    assert_eq!(climb(&read(&format!("{hf}max_steps: 33\n"))), Span::Updates(4.0));
    let per_epoch = Options { updates_per_epoch: Some(11.0), ..Options::default() };
    let by_epochs = import(&format!("{hf}num_train_epochs: 3\n"), &per_epoch).unwrap();
    assert_eq!(climb(&by_epochs), Span::Updates(4.0));
    says(&read(&format!("{hf}num_train_epochs: 3\n")), "--updates-per-epoch");
    let axolotl = "base_model: m\nadapter: lora\nmicro_batch_size: 2\nsequence_len: 512\nlearning_rate: 1.0\nlr_scheduler: \
                   linear\nwarmup_ratio: 0.1\n";
    assert_eq!(climb(&read(&format!("{axolotl}max_steps: 33\n"))), Span::Updates(3.0));
    let by_epochs = import(&format!("{axolotl}num_epochs: 3\n"), &per_epoch).unwrap();
    assert_eq!(climb(&by_epochs), Span::Updates(3.0));
}

#[test]
fn flags_may_stand_in_yaml_and_prose_is_no_broken_program() {
    let imported = read(
        "ENV_VARS:\n  A: 1\nMODEL_ARGS:\n  --num-layers: 12\n  --micro-batch-size: 4\n  --lr: 0.0001\n  --train-iters: 100\n  \
         --lr-decay-iters: 100\n  --lr-decay-style: linear\n  --min-lr: 0.00001\n  --weight-decay: 1e-2\n  --clip-grad: 1.0\n",
    );
    assert_eq!((imported.dialect.id, imported.batch_size), ("megatron", Some(4)));
    gives(&imported, (100, 10), &[(0, 1e-4), (50, 5.5e-5)]);
    let prose =
        refused("## Chat settings\n\n| Option | Default |\n| --- | --- |\n| `chat` | `\"it isn't\"` |\n");
    assert!(!prose.contains("does not end"), "{prose}");
    // A program that trains is no log, even where its lines look like one.
    let program = refused("import mlx\n\ndef test():\n    check(step=1, loss=2.0, lr=0.1)\n");
    assert!(!program.contains("log of learning rates"), "{program}");
}

#[test]
fn what_a_configuration_of_classes_lacks_is_said_as_it_is() {
    let odd =
        "optimizer:\n  _component_: bitsandbytes.optim.PagedLion\n  lr: 2e-5\nepochs: 1\nbatch_size: 2\n";
    assert!(refused(odd).contains("no optimizer that is known here"), "{}", refused(odd));
    let lightning = read(
        "trainer:\n  max_epochs: 50\n  accumulate_grad_batches: 2\n  gradient_clip_val: 0.5\noptimizer:\n  class_path: \
         torch.optim.AdamW\n  init_args:\n    lr: 0.001\nlr_scheduler:\n  class_path: \
         torch.optim.lr_scheduler.CosineAnnealingLR\n  init_args:\n    T_max: 50\n",
    );
    assert_eq!((lightning.accumulate, lightning.clip_norm), (Some(2), Some(0.5)));
}

#[test]
fn a_length_that_is_made_of_epochs_is_so_many_epochs() {
    let text = "parser.add_argument(\"--learning_rate\", type=float, default=5e-5)\n\
                parser.add_argument(\"--num_train_epochs\", type=int, default=3)\n\
                parser.add_argument(\"--max_train_steps\", type=int, default=None)\n\
                parser.add_argument(\"--gradient_accumulation_steps\", type=int, default=1)\n\
                optimizer = torch.optim.AdamW(parameters, lr=args.learning_rate)\n\
                num_update_steps_per_epoch = math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)\n\
                if args.max_train_steps is None:\n    args.max_train_steps = args.num_train_epochs * num_update_steps_per_epoch\n\
                lr_scheduler = get_scheduler(name=\"linear\", optimizer=optimizer, num_warmup_steps=0 * \
                accelerator.num_processes, num_training_steps=args.max_train_steps * accelerator.num_processes)\n";
    let imported = read(text);
    gives(&imported, (300, 100), &[(0, 5e-5), (150, 2.5e-5)]);
    assert_eq!(imported.updates, Some(Span::Epochs(3.0)));
}

#[test]
fn a_program_that_shows_its_usage_between_fences_is_read_itself() {
    let text = "# Train\n\"\"\"\nUsage:\n\n```\n$ python train.py --epochs 3\n```\n\"\"\"\nimport torch\nfrom torch.optim import \
                lr_scheduler\n\ndef train(opt):\n    optimizer = torch.optim.SGD(p, lr=0.01)\n    scheduler = \
                lr_scheduler.StepLR(optimizer, step_size=30)\n    for epoch in range(90):\n        scheduler.step()\n";
    gives(&read(text), (900, 10), &[(0, 0.01), (300, 1e-3), (600, 1e-4)]);
    let page = "# How to\n\nWrite:\n\n```python\nopt = torch.optim.SGD(p, lr=0.01)\ns = torch.optim.lr_scheduler.StepLR(opt, 30)\n```\n";
    assert_eq!(read(page).dialect.id, "pytorch");
}

#[test]
fn gpt_neox_is_not_taken_for_deepspeed() {
    let text = "{\"pipe_parallel_size\": 1, \"zero_optimization\": {\"stage\": 1}, \"fp16\": {\"enabled\": true}, \
                \"train_micro_batch_size_per_gpu\": 4, \"gradient_clipping\": 1.0, \"optimizer\": {\"type\": \"Adam\", \
                \"params\": {\"lr\": 0.001}}, \"train_iters\": 100, \"lr_decay_style\": \"linear\", \"warmup\": 0.1}";
    assert_eq!(read(text).dialect.id, "gpt-neox");
}

#[test]
fn nemo_s_climb_by_a_share_begins_one_part_up_and_a_run_of_no_epochs_is_none() {
    let nemo = read(
        "trainer:\n  max_epochs: 10\nmodel:\n  optim:\n    name: adamw\n    lr: 1.0\n    sched:\n      name: CosineAnnealing\n      \
         warmup_ratio: 0.1\n",
    );
    // A climb of 20 updates: (i + 1) / 21.
    gives(&nemo, (200, 20), &[(0, 1.0 / 21.0), (9, 10.0 / 21.0), (19, 20.0 / 21.0), (20, 1.0), (110, 0.5)]);
    let none = "learning_rate: 1.0e-4\nlr_scheduler_type: linear\nnum_train_epochs: 0\n";
    assert!(refused(none).contains("nothing is trained"), "{}", refused(none));
}

#[test]
fn a_counter_may_be_written_out_and_a_rate_that_is_set_after_its_update_is_the_next_one_s() {
    let text = "base_lr = 0.01\nmax_iterations = 400\noptimizer = optim.SGD(model.parameters(), lr=base_lr, momentum=0.9)\n\
                iter_num = 0\nfor epoch_num in range(4):\n    for i, batch in enumerate(trainloader):\n        \
                optimizer.step()\n        lr_ = base_lr * (1.0 - iter_num / max_iterations) ** 0.9\n        for param_group \
                in optimizer.param_groups:\n            param_group['lr'] = lr_\n        iter_num = iter_num + 1\n";
    let imported = read(text);
    let rate = |at: f64| 0.01 * (1.0 - at / 400.0).powf(0.9);
    gives(
        &imported,
        (400, 100),
        &[(0, 0.01), (1, 0.01), (2, rate(1.0)), (201, rate(200.0)), (399, rate(398.0))],
    );
    says(&imported, "the rate is set after its update");
}

#[test]
fn a_rate_that_is_cut_now_and_then_is_the_optimizer_s_until_then() {
    let listed = "lr = 0.1\noptimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)\nfor epoch in range(60):\n    if \
                  epoch in [30, 45]:\n        lr *= 0.1\n        for param_group in optimizer.param_groups:\n            \
                  param_group['lr'] = lr\n    train(epoch)\n";
    gives(&read(listed), (600, 10), &[(0, 0.1), (299, 0.1), (300, 0.01), (450, 0.001)]);
    let halved = "optimizer = torch.optim.Adam(model.parameters(), lr=0.01)\nfor epoch in range(100):\n    train()\n    if (epoch \
                  + 1) % 20 == 0:\n        for g in optimizer.param_groups:\n            g['lr'] *= 0.5\n";
    gives(&read(halved), (1000, 10), &[(0, 0.01), (199, 0.01), (200, 0.005), (999, 0.01 / 16.0)]);
    let two = "opt_g = torch.optim.Adam(g.parameters(), lr=0.02)\nopt_d = torch.optim.Adam(d.parameters(), lr=0.04)\nfor epoch in \
               range(10):\n    for p in opt_g.param_groups:\n        p['lr'] = 0.02 * 0.5 ** epoch\n    for p in \
               opt_d.param_groups:\n        p['lr'] = 0.04\n    train()\n";
    gives(&read(two), (100, 10), &[(0, 0.02), (10, 0.01), (90, 0.02 / 512.0)]);
}

#[test]
fn settings_of_lightning_tables_and_variables_of_a_shell_are_read() {
    let lightning = "class Lit(pl.LightningModule):\n    def __init__(self, lr=3e-4, warmup_steps=50, max_steps=1000):\n        \
                     super().__init__()\n        self.save_hyperparameters()\n    def configure_optimizers(self):\n        \
                     optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)\n        scheduler = \
                     get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=self.hparams.warmup_steps, \
                     num_training_steps=self.hparams.max_steps)\n        return {\"optimizer\": optimizer, \"lr_scheduler\": \
                     {\"scheduler\": scheduler, \"interval\": \"step\"}}\n";
    gives(&read(lightning), (1000, 100), &[(25, 1.5e-4), (50, 3e-4), (525, 1.5e-4)]);
    let table = "cfg = dict(lr=0.01, epochs=30, milestones=[10, 20], gamma=0.1)\nopt = torch.optim.Adam(net.parameters(), \
                 lr=cfg[\"lr\"])\nsched = torch.optim.lr_scheduler.MultiStepLR(opt, cfg[\"milestones\"], gamma=cfg[\"gamma\"])\nfor \
                 ep in range(cfg[\"epochs\"]):\n    run_epoch()\n    sched.step()\n";
    gives(&read(table), (300, 10), &[(0, 0.01), (100, 1e-3), (200, 1e-4)]);
    let shell = "LR=3e-4\nOPTS=\" --lr $LR --min-lr 3e-5 --lr-decay-style cosine --train-iters 1000 --clip-grad 1.0 \"\ntorchrun \
                 pretrain_gpt.py $OPTS --micro-batch-size 4\n";
    let megatron = read(shell);
    assert_eq!((megatron.clip_norm, megatron.batch_size), (Some(1.0), Some(4)));
    gives(&megatron, (1000, 100), &[(0, 3e-4), (500, 1.65e-4)]);
    let steps = read(
        "accelerate launch run.py --learning_rate 1.0 --lr_scheduler_type linear --max_train_steps 100 \
                      --per_device_train_batch_size 8\n",
    );
    assert_eq!(steps.updates, Some(Span::Updates(100.0)));
}

#[test]
fn arguments_of_whatever_trainer_are_training_arguments() {
    let imported = read(
        "from sentence_transformers import SentenceTransformerTrainingArguments\n\
         args = SentenceTransformerTrainingArguments(output_dir=\"m\", max_steps=100, learning_rate=2e-5,\n    \
         warmup_ratio=0.1, per_device_train_batch_size=16)\n",
    );
    assert_eq!((imported.dialect.id, imported.batch_size), ("huggingface", Some(16)));
    gives(&imported, (100, 10), &[(0, 0.0), (5, 1e-5), (10, 2e-5), (55, 1e-5)]);
}

#[test]
fn trl_has_rates_of_its_own_where_none_is_given() {
    for (name, rate) in [("SFTConfig", 2e-5), ("DPOConfig", 1e-6), ("RewardConfig", 1e-4)] {
        let imported =
            read(&format!("from trl import {name}\nargs = {name}(output_dir=\"out\", max_steps=200)\n"));
        gives(&imported, (200, 10), &[(0, rate), (100, rate / 2.0)]);
        says(&imported, "the text gives no learning_rate");
    }
}

#[test]
fn composer_is_read_as_it_is_called() {
    let imported = read(
        "from composer import Trainer\nfrom composer.optim import DecoupledAdamW, CosineAnnealingWithWarmupScheduler\n\
         optimizer = DecoupledAdamW(model.parameters(), lr=1.0e-3, weight_decay=1.0e-5)\n\
         schedule = CosineAnnealingWithWarmupScheduler(t_warmup=\"100ba\", alpha_f=0.1)\n\
         trainer = Trainer(model=model, train_dataloader=loader, max_duration=\"1000ba\", optimizers=optimizer,\n    \
         schedulers=schedule, algorithms=[LabelSmoothing()])\ntrainer.fit()\n",
    );
    assert_eq!(imported.dialect.id, "composer");
    gives(&imported, (1000, 100), &[(0, 0.0), (100, 1e-3), (550, 5.5e-4)]);
    let optimizer = imported.optimizer.as_ref().unwrap();
    assert_eq!((optimizer.kind, fixed(optimizer, "beta2")), (OptimizerKind::AdamW, 0.95));
    // Decoupled: a share of the weights, times the rate over its peak.
    assert!((fixed(optimizer, "weight_decay") - 0.01).abs() < 1e-12);
    says(&imported, "algorithms");
    let per_epoch = "from composer import Trainer\ns = LinearWithWarmupScheduler(t_warmup=\"1ep\")\n\
                     opt = DecoupledSGDW(net.parameters(), lr=2.0)\n\
                     Trainer(max_duration=\"5ep\", step_schedulers_every_batch=False)\n";
    assert!(refused(per_epoch).contains("step_schedulers_every_batch"));
}

#[test]
fn a_voice_falls_by_lr_decay_after_every_epoch() {
    let imported = read(
        "{\"train\": {\"epochs\": 30, \"learning_rate\": 2e-4, \"betas\": [0.8, 0.99], \"eps\": 1e-9, \"batch_size\": \
         64, \"lr_decay\": 0.9, \"segment_size\": 8192, \"init_lr_ratio\": 1, \"warmup_epochs\": 2, \"c_mel\": 45}, \
         \"data\": {\"sampling_rate\": 22050}}\n",
    );
    assert_eq!((imported.dialect.id, imported.batch_size), ("vits", Some(64)));
    assert_eq!(imported.updates, Some(Span::Epochs(30.0)));
    assert_eq!(fixed(imported.optimizer.as_ref().unwrap(), "beta1"), 0.8);
    gives(&imported, (300, 10), &[(0, 2e-4), (9, 2e-4), (10, 1.8e-4), (25, 1.62e-4)]);
    says(&imported, "warmup_epochs=2 was left out");
    let hifi = read(
        "{\"resblock\": \"1\", \"num_gpus\": 0, \"batch_size\": 16, \"learning_rate\": 0.0002, \"adam_b1\": 0.8, \
         \"adam_b2\": 0.99, \"lr_decay\": 0.5, \"seed\": 1234, \"upsample_rates\": [8,8,2,2], \"segment_size\": 8192}\n",
    );
    gives(&hifi, (40, 10), &[(0, 2e-4), (10, 1e-4), (39, 2.5e-5)]);
}

#[test]
fn megatron_s_climb_by_share_ends_between_two_updates() {
    let flags = "torchrun pretrain_gpt.py --lr 1.0 --min-lr 0.1 --lr-warmup-fraction .01 --micro-batch-size 2 \
                 --lr-decay-style cosine --train-iters";
    let share = |update: f64| (update - 0.5) / 49.5;
    let rate = |update: f64| 0.1 + 0.45 * (1.0 + (PI * share(update)).cos());
    gives(
        &read(&format!("{flags} 50\n")),
        (50, 10),
        &[(0, 0.0), (1, rate(1.0)), (25, rate(25.0)), (49, rate(49.0))],
    );
    // A whole number of updates keeps its named schedule.
    assert!(matches!(read(&format!("{flags} 1000\n")).lr.kind, Kind::Cosine(_)));
}
