//! Each dialect's example is recognised as its own and read, and what is known of it is told.

use super::*;

#[test]
fn every_dialect_claims_its_own_example_and_reads_it() {
    for dialect in DIALECTS {
        let imported = import(dialect.example, &Options::default())
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", dialect.id, dialect.example));
        assert_eq!(imported.dialect.id, dialect.id, "{}", dialect.example);
        let curve = curve(&imported, 1000, 100);
        assert!(
            (0..1000).all(|update| curve.at(update).is_finite() && curve.at(update) >= 0.0),
            "{}",
            dialect.id
        );
        assert!((0..1000).any(|update| curve.at(update) > 0.0), "{}", dialect.id);
        let idle: Vec<String> =
            imported.unread.iter().filter(|unread| unread.matters).map(ToString::to_string).collect();
        assert!(idle.is_empty(), "{}: {idle:?}", dialect.id);
    }
}

#[test]
fn ids_are_given_once_and_found() {
    for (index, dialect) in DIALECTS.iter().enumerate() {
        assert_eq!(dialect_named(dialect.id).unwrap(), *dialect);
        assert!(DIALECTS.iter().skip(index + 1).all(|other| other.id != dialect.id));
    }
    assert!(matches!(dialect_named("nobody"), Err(ImportError::UnknownDialect { .. })));
}

#[test]
fn evidence_names_what_stands_where() {
    let (form, candidates) = anneal_studio::import::explain(
        "# a run\nlearning_rate: 1.0e-4\nlr_scheduler_type: cosine\nwarmup_ratio: 0.1\n",
    );
    assert_eq!(form, "YAML");
    let first = &candidates[0];
    assert_eq!((first.dialect.id, first.is_claimed()), ("huggingface", true));
    assert!(first.evidence.iter().any(|it| it.what == "the key lr_scheduler_type" && it.line == 3));
    let (_, none) = anneal_studio::import::explain("hello there");
    assert!(none.is_empty());
}

/// The rates of a text's run at these updates.
fn rates(text: &str, clock: (u64, u64), at: &[(u64, f64)]) -> Imported {
    let imported = read(text);
    let curve = curve(&imported, clock.0, clock.1);
    for (update, rate) in at {
        let ours = curve.at(*update);
        assert!((ours - rate).abs() <= 1e-9 * rate.max(1e-4), "{text}\nupdate {update}: {ours} not {rate}");
    }
    imported
}

const PI: f64 = std::f64::consts::PI;

#[test]
fn configurations_give_their_frameworks_rates() {
    // Each by its framework's formula.
    rates(
        "SOLVER:\n  BASE_LR: 0.02\n  STEPS: (600, 800)\n  MAX_ITER: 900\n  WARMUP_ITERS: 100\n",
        (900, 100),
        &[(0, 2e-5), (50, 0.02 * 0.5005), (100, 0.02), (600, 0.002), (800, 2e-4)],
    );
    rates(
        "torchrun pretrain_gpt.py --train-iters 1000 --lr 1e-3 --min-lr 1e-4 --lr-decay-style cosine --lr-decay-iters 1000 \
         --lr-warmup-fraction .1 --micro-batch-size 4",
        (1000, 100),
        &[(0, 0.0), (50, 5e-4), (100, 1e-3), (550, 5.5e-4)],
    );
    rates(
        "trainer:\n  max_steps: 1100\nmodel:\n  optim:\n    name: adamw\n    lr: 1.0e-3\n    sched:\n      name: \
         CosineAnnealing\n      warmup_steps: 99\n      min_lr: 0.0\n",
        (1100, 100),
        &[(0, 1e-5), (49, 5e-4), (99, 1e-3)],
    );
    rates(
        "max_duration: 1000ba\noptimizer:\n  name: decoupled_adamw\n  lr: 1.0e-3\nscheduler:\n  name: cosine_with_warmup\n  \
         t_warmup: 100ba\n  alpha_f: 0.1\n",
        (1000, 100),
        &[(0, 0.0), (100, 1e-3), (550, 5.5e-4)],
    );
    rates(
        "iters: 500\nlr_schedule:\n  name: cosine_decay\n  warmup: 100\n  arguments: [1e-4, 400, 1e-5]\n",
        (500, 100),
        &[(0, 0.0), (50, 5e-5), (100, 1e-4), (101, 1e-4), (301, 5.5e-5)],
    );
    rates(
        "[optimizer]\nlr = 1e-3\n[lr_scheduler]\nwarmup_steps = 4\ndecay_ratio = 0.4\ndecay_type = \"linear\"\n[training]\n\
         steps = 10\n",
        (10, 1),
        &[(0, 2.5e-4), (3, 1e-3), (6, 1e-3), (7, 7.5e-4), (9, 2.5e-4)],
    );
    let yolo = "task: detect\nepochs: 100\noptimizer: SGD\nlr0: 0.01\nlrf: 0.1\nwarmup_epochs: 0\nmomentum: 0.9\nweight_decay: 0\n";
    rates(yolo, (1000, 10), &[(0, 0.01), (9, 0.01), (500, 0.0055)]);
    rates(
        "torchrun -m training.main --train-data d --warmup 10 --lr 1e-3 --wd 0.1 --epochs 2 --dataset-type csv",
        (110, 55),
        &[(0, 1e-4), (9, 1e-3), (10, 1e-3), (60, 5e-4)],
    );
    rates(
        "torchrun main_pretrain.py --mask_ratio 0.75 --epochs 100 --warmup_epochs 10 --blr 1e-3 --accum_iter 2 --norm_pix_loss",
        (1000, 10),
        &[(0, 0.0), (50, 5e-4), (100, 1e-3), (550, 5e-4)],
    );
    rates(
        "optim: adam\noptim_conf:\n  lr: 0.002\nscheduler: warmuplr\nscheduler_conf:\n  warmup_steps: 100\nmax_epoch: 5\n",
        (500, 100),
        &[(0, 2e-5), (99, 2e-3), (399, 1e-3)],
    );
    rates(
        "learning_rate = 6e-4\nmax_iters = 1000\nlr_decay_iters = 1000\nwarmup_iters = 100\nmin_lr = 6e-5\n",
        (1000, 100),
        &[(0, 6e-4 / 101.0), (100, 6e-4), (550, 3.3e-4)],
    );
    rates(
        "epoch: 12\nLearningRate:\n  base_lr: 0.01\n  schedulers:\n  - !PiecewiseDecay\n    gamma: 0.1\n    milestones: [8, \
         11]\n  - !LinearWarmup\n    start_factor: 0.1\n    steps: 100\n",
        (1200, 100),
        &[(0, 1e-3), (50, 5.5e-3), (100, 0.01), (800, 1e-3)],
    );
    rates(
        "Global:\n  epochs: 100\nOptimizer:\n  name: Momentum\n  momentum: 0.9\n  lr:\n    name: Cosine\n    learning_rate: 0.1\n    \
         warmup_epoch: 5\n",
        (1000, 10),
        &[(0, 0.0), (50, 0.1), (525, 0.05)],
    );
}

#[test]
fn settings_in_a_wrapping_are_those_of_their_framework() {
    let card = rates(
        "---\nlicense: mit\n---\n# bert\n\nThe following hyperparameters were used during training:\n- learning_rate: 2e-05\n- \
         train_batch_size: 16\n- seed: 42\n- optimizer: Adam with betas=(0.9,0.98) and epsilon=1e-06\n- lr_scheduler_type: \
         linear\n- lr_scheduler_warmup_steps: 100\n- training_steps: 1100\n",
        (1100, 100),
        &[(0, 0.0), (100, 2e-5), (600, 1e-5)],
    );
    assert_eq!((card.dialect.id, card.batch_size), ("model-card", Some(16)));
    assert_eq!(fixed(card.optimizer.as_ref().unwrap(), "beta2"), 0.98);
    let wandb = rates(
        "_wandb:\n  value:\n    cli_version: 0.16\nlearning_rate:\n  desc: null\n  value: 1.0e-3\nlr_scheduler_type:\n  value: \
         cosine\nmax_steps:\n  value: 100\nfancy_lr_boost:\n  value: 3\n",
        (100, 10),
        &[(0, 1e-3), (50, 5e-4)],
    );
    assert!(
        wandb.unread.iter().any(|unread| unread.name == "fancy_lr_boost" && unread.matters),
        "{:?}",
        wandb.unread
    );
}

#[test]
fn timm_in_python_is_timm() {
    let imported = rates(
        "from timm.scheduler import CosineLRScheduler\nopt = SGD(p, lr=1.0)\ns = CosineLRScheduler(opt, t_initial=10, \
         lr_min=0.0)\n",
        (100, 10),
        &[(0, 1.0), (50, 0.5)],
    );
    assert_eq!(imported.dialect.id, "timm-python");
    let yaml =
        rates("sched: cosine\nlr: 1.0\nepochs: 10\nwarmup_epochs: 0\nopt: sgd\n", (100, 10), &[(50, 0.5)]);
    assert_eq!(yaml.dialect.id, "timm");
}

#[test]
fn what_was_asked_for_overrules_the_text() {
    let text = "opt = SGD(p, lr=0.1)\ns = CosineAnnealingLR(opt, T_max=10)";
    let options = Options { tick: Some(Tick::Epoch), length: Some(Span::Epochs(10.0)), ..Options::default() };
    let imported = import(text, &options).unwrap();
    assert_eq!((imported.lr.tick, imported.updates), (Tick::Epoch, Some(Span::Epochs(10.0))));
    let half = |epoch: f64| 0.05 * (1.0 + (PI * epoch / 10.0).cos());
    assert!((curve(&imported, 100, 10).at(35) - half(3.0)).abs() < 1e-12);
    let yaml = "learning_rate: 1.0e-3\nlr_scheduler_type: linear\nnum_train_epochs: 3\nwarmup_ratio: 0.1\n";
    let options = Options { updates_per_epoch: Some(100.0), ..Options::default() };
    assert_eq!(import(yaml, &options).unwrap().updates, Some(Span::Updates(300.0)));
    for wrong in [0.0, f64::NAN, -3.0] {
        let options = Options { updates_per_epoch: Some(wrong), ..Options::default() };
        assert!(import(yaml, &options).is_err(), "{wrong}");
    }
}
