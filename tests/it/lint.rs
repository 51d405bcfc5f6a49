//! Lint: each trap is caught where it is, and a sound experiment has nothing said of it.

use anneal_studio::experiment::Experiment;
use anneal_studio::import::dialect_named;
use anneal_studio::lint::{Linted, NotLinted, Remedy, Severity, Warning, lint, lint_text};
use anneal_studio::schedule::Clock;

mod scenarios;
mod training;

const CLOCK: Clock = Clock { updates: 1000, updates_per_epoch: 100 };

/// An experiment of one run of 10 epochs with these lines in its section.
fn experiment(lines: &str) -> Experiment {
    with(lines, "")
}

fn with(lines: &str, train: &str) -> Experiment {
    let optimizer = if lines.contains("optimizer") { "" } else { "optimizer = { kind = \"sgd\" }\n" };
    let text = format!(
        "anneal = 1\nname = \"x\"\n[data]\nname = \"digits\"\n[model]\nkind = \"mlp\"\nhidden = [8]\n[train]\n\
         updates = \"10ep\"\n{train}\n[[run]]\nname = \"r\"\n{optimizer}{lines}\n"
    );
    Experiment::parse(&text, "x.toml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn codes(warnings: &[Warning]) -> Vec<&'static str> {
    warnings.iter().map(|warning| warning.code).collect()
}

/// The only warning of this code about a run of these lines.
fn only(lines: &str, code: &str) -> Warning {
    let warnings = lint(&experiment(lines), Some(CLOCK));
    let mut found = warnings.iter().filter(|warning| warning.code == code);
    let first = found.next().unwrap_or_else(|| panic!("{lines}: {:?}", codes(&warnings))).clone();
    assert!(found.next().is_none(), "{lines}: {:?}", codes(&warnings));
    assert_eq!(first.run.as_deref(), Some("r"));
    first
}

#[test]
fn a_sound_experiment_has_no_warnings() {
    for lr in [
        "lr = { kind = \"cosine\", peak = 0.1, floor = 1e-4 }",
        "lr = { kind = \"one_cycle\", peak = 0.1 }",
        "lr = { kind = \"wsd\", peak = 0.1, decay = \"20%\" }",
        "lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"25%\" }",
        "lr = { kind = \"step\", peak = 0.1, every = \"3ep\" }",
        "lr = { kind = \"exponential\", peak = 0.1, gamma = 0.7, tick = \"epoch\" }",
        "lr = { kind = \"cyclic\", floor = 0.01, peak = 0.1, up = \"2ep\" }",
    ] {
        for clock in [None, Some(CLOCK)] {
            assert_eq!(lint(&experiment(lr), clock), [], "{lr}");
        }
    }
    let noted = lint(&experiment("lr = { kind = \"cosine\", peak = 0.1, warmup = { over = \"5%\" } }"), None);
    assert!(noted.iter().all(|warning| warning.severity == Severity::Hint), "{noted:?}");
}

#[test]
fn lengths_beyond_the_run_are_caught() {
    for (lr, code) in [
        ("lr = { kind = \"cosine\", peak = 0.1, warmup = { over = \"10ep\" } }", "warmup-longer-than-run"),
        (
            "lr = { kind = \"cosine\", peak = 0.1, cooldown = { over = \"20ep\" } }",
            "cooldown-longer-than-run",
        ),
        ("lr = { kind = \"cosine\", peak = 0.1, over = \"20ep\" }", "over-longer-than-run"),
        (
            "lr = { kind = \"linear\", peak = 0.1, over = \"100%\", warmup = { over = \"10%\" } }",
            "over-longer-than-run",
        ),
        ("lr = { kind = \"wsd\", peak = 0.1, decay = \"11ep\" }", "decay-longer-than-run"),
        ("lr = { kind = \"step\", peak = 0.1, every = \"10ep\" }", "step-never-drops"),
        (
            "lr = { kind = \"multistep\", peak = 0.1, milestones = [\"5ep\", \"12ep\"] }",
            "milestone-after-run",
        ),
        ("lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"11ep\" }", "restarts-never-finish"),
        ("lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"3ep\" }", "restarts-end-mid-cycle"),
        (
            "lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"2ep\", cycle_warmup = \"2ep\" }",
            "cycle-warmup-too-long",
        ),
        (
            "lr = { kind = \"sequence\", parts = [{ for = \"10ep\", kind = \"constant\", peak = 0.1 }, \
          { kind = \"constant\", peak = 0.01 }] }",
            "part-never-starts",
        ),
        ("plateau = { patience = 9 }\nlr = { kind = \"constant\", peak = 0.1 }", "patience-longer-than-run"),
        (
            "greedy = { patience = 10, min_lr = 1e-4 }\nlr = { kind = \"constant\", peak = 0.1 }",
            "patience-longer-than-run",
        ),
    ] {
        let warning = only(lr, code);
        let is_error = code == "warmup-longer-than-run";
        assert_eq!(warning.severity, if is_error { Severity::Error } else { Severity::Warning }, "{code}");
        // Everything here is in epochs, so it can be said without a clock too.
        assert!(codes(&lint(&experiment(lr), None)).contains(&code), "{lr}");
    }
    let restarts =
        only("lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"3ep\" }", "restarts-end-mid-cycle");
    assert!(restarts.message.contains("33 % into cycle 4"), "{}", restarts.message);
    assert_eq!(restarts.remedy, Some(Remedy::Set { field: "lr.first".into(), value: "\"333\"".into() }));
    let patience = lint(
        &experiment("plateau = { patience = 8 }\nlr = { kind = \"constant\", peak = 0.1 }"),
        Some(CLOCK),
    );
    assert!(!codes(&patience).contains(&"patience-longer-than-run"));
}

#[test]
fn lengths_in_two_units_are_compared_only_where_the_clock_is_known() {
    let lines = "lr = { kind = \"cosine\", peak = 0.1, warmup = { over = \"1000\" } }";
    assert!(!codes(&lint(&experiment(lines), None)).contains(&"warmup-longer-than-run"));
    assert!(codes(&lint(&experiment(lines), Some(CLOCK))).contains(&"warmup-longer-than-run"));
}

#[test]
fn what_a_remedy_sets_mends_it() {
    let lines = "lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"3ep\" }";
    let mended = "lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"333\" }";
    assert!(!lint(&experiment(lines), Some(CLOCK)).is_empty());
    assert_eq!(lint(&experiment(mended), Some(CLOCK)), []);
    let doubling = "lr = { kind = \"cosine_restarts\", peak = 0.1, mult = 2, first = \"2ep\" }";
    let warning = only(doubling, "restarts-end-mid-cycle");
    assert_eq!(warning.remedy, Some(Remedy::Set { field: "lr.first".into(), value: "\"333\"".into() }));
}

#[test]
fn rates_that_do_nothing_are_caught() {
    for (lines, code) in [
        ("lr = { kind = \"cosine\", peak = 0.1, floor = 0.2 }", "floor-above-peak"),
        ("lr = { kind = \"constant\", peak = 0.0 }", "zero-rate"),
        ("lr = { kind = \"exponential\", peak = 0.1, gamma = 0.9 }", "exponential-vanishes"),
        (
            "optimizer = { kind = \"sgd\", momentum = { kind = \"mirror\", low = 0.8, high = 0.9 } }\n\
          lr = { kind = \"constant\", peak = 0.1 }",
            "mirror-of-a-constant",
        ),
        ("greedy = { patience = 1 }\nlr = { kind = \"constant\", peak = 5e-5 }", "greedy-never-cuts"),
        ("greedy = { patience = 1 }\nlr = { kind = \"constant\", peak = 2.0 }", "greedy-never-raises"),
        ("lr = { kind = \"one_cycle\", peak = 0.1, pct_start = 0.001 }", "one-cycle-divides-by-zero"),
        ("lr = { kind = \"one_cycle\", peak = 0.1, pct_start = 1.0 }", "one-cycle-divides-by-zero"),
        ("lr = { kind = \"one_cycle\", peak = 0.1, pct_start = 0.0005 }", "one-cycle-never-climbs"),
        ("lr = { kind = \"cosine_restarts\", peak = 0.1, first = \"25%\", mult = 3 }", "restarts-by-three"),
        ("lr = { kind = \"cosine\", peak = 0.1, warmup = { over = \"5%\" } }", "timm-truncates-peak"),
        ("plateau = { patience = 2 }\nlr = { kind = \"constant\", peak = 0.1 }", "plateau-patience-differs"),
    ] {
        only(lines, code);
    }
    let inside = "lr = { kind = \"product\", of = [{ kind = \"noam\", scale = 1.0, d_model = 64, warmup = \"1ep\" }], \
                  warmup = { over = \"5%\" } }";
    assert!(!codes(&lint(&experiment(inside), Some(CLOCK))).contains(&"noam-with-warmup"));
}

#[test]
fn a_warmup_before_noams_own_is_caught() {
    use anneal_studio::schedule::{Ramp, Span, Warmup};
    // A file cannot say it, an editor can.
    let mut noam = experiment("lr = { kind = \"noam\", scale = 1.0, d_model = 64, warmup = \"1ep\" }");
    noam.runs[0].lr.warmup = Some(Warmup::new(Span::Epochs(1.0), 0.0, Ramp::Linear));
    assert!(codes(&lint(&noam, Some(CLOCK))).contains(&"noam-with-warmup"));
}

#[test]
fn rates_that_small_weights_round_away_are_caught() {
    let adam = "optimizer = { kind = \"adamw\" }\nlr = { kind = \"constant\", peak = 5e-5 }";
    let found = lint(&with(adam, "weights = \"bf16\""), Some(CLOCK));
    assert_eq!(codes(&found), ["rate-underflows"]);
    assert_eq!(found[0].severity, Severity::Warning);
    assert_eq!(found[0].remedy, Some(Remedy::Set { field: "train.weights".into(), value: "\"f32\"".into() }));
    // f16 has three bits more, f32 enough.
    assert_eq!(lint(&with(adam, "weights = \"f16\""), Some(CLOCK)), []);
    assert_eq!(lint(&with(adam, ""), Some(CLOCK)), []);
    let cosine = "optimizer = { kind = \"adamw\" }\nlr = { kind = \"cosine\", peak = 3e-4 }";
    let part = lint(&with(cosine, "weights = \"bf16\""), Some(CLOCK));
    assert_eq!((part[0].code, part[0].severity), ("rate-underflows", Severity::Hint));
}

#[test]
fn what_is_about_the_experiment_has_no_run() {
    let two = "optimizer = { kind = \"sgd\" }\nlr = { kind = \"constant\", peak = 0.1 }\n[[run]]\nname = \"s\"\noptimizer = { kind = \"sgd\" }\n\
               lr = { kind = \"constant\", peak = 0.2 }";
    let found = lint(&experiment(two), Some(CLOCK));
    assert_eq!(codes(&found), ["one-seed"]);
    assert_eq!((found[0].run.clone(), found[0].severity), (None, Severity::Hint));
    assert_eq!(lint(&with(two, "replicas = 3"), Some(CLOCK)), []);
    let mut limited = experiment("lr = { kind = \"constant\", peak = 0.1 }");
    limited.data.limit = Some(100_000);
    assert_eq!(codes(&lint(&limited, Some(CLOCK))), ["limit-above-data"]);
    assert_eq!(lint(&limited, None), []);
    limited.data.limit = Some(6_400);
    assert_eq!(lint(&limited, Some(CLOCK)), []);
    let short = Clock { updates: 10, updates_per_epoch: 1 };
    limited.data.limit = None;
    assert_eq!(codes(&lint(&limited, Some(short))), ["epoch-of-one-update"]);
    let accumulated = with("lr = { kind = \"constant\", peak = 0.1 }", "accumulate = 4");
    assert_eq!(codes(&lint(&accumulated, Some(CLOCK))), ["keras-counts-micro-batches"]);
}

#[test]
fn the_worst_comes_first() {
    let found = lint(
        &experiment("lr = { kind = \"cosine\", peak = 0.1, floor = 0.2, warmup = { over = \"5%\" } }"),
        None,
    );
    assert!(found.is_sorted_by_key(|warning| warning.severity) && found.len() == 2);
    assert_eq!(
        found[0].to_string(),
        "error: run \"r\": the floor, 0.2, is above the peak, 0.1: the rate rises [floor-above-peak]"
    );
}

fn text(dialect: &str, text: &str) -> Vec<&'static str> {
    let dialect = dialect_named(dialect).unwrap();
    codes(&lint_text(dialect, text))
}

/// The trap is found, and everything that is found has a sentence, a line, and a fix.
fn found_whole(dialect: &str, text: &str, trap: &str) {
    let warnings = lint_text(dialect_named(dialect).unwrap(), text);
    assert!(warnings.iter().any(|warning| warning.code == trap), "{text}: {:?}", codes(&warnings));
    for warning in warnings {
        let whole = !warning.message.is_empty() && warning.line > 0 && warning.remedy.is_some();
        assert!(whole, "{text}: {warning}, {:?}", warning.remedy);
    }
}

#[test]
fn pytorchs_traps() {
    for (code, trap) in [
        ("OneCycleLR(opt, 0.1, total_steps=10, pct_start=0.1)", "one-cycle-divides-by-zero"),
        ("OneCycleLR(opt, 0.1, total_steps=10, pct_start=1.0)", "one-cycle-divides-by-zero"),
        ("OneCycleLR(opt, 0.1, total_steps=10, pct_start=0.05)", "one-cycle-never-climbs"),
        (
            "n = 100\ns = OneCycleLR(opt, 0.1, n)\nfor i in range(n + 1):\n    s.step()",
            "one-cycle-extra-step",
        ),
        ("CosineAnnealingWarmRestarts(opt, 10, T_mult=3)", "restarts-by-three"),
        ("ConstantLR(opt, factor=0.0)", "constant-divides-by-zero"),
        ("LinearLR(opt, start_factor=0)", "linear-from-zero"),
        ("ReduceLROnPlateau(opt)", "plateau-patience-differs"),
        ("LambdaLR(opt, lr_lambda=lambda i: 0.9 ** i)", "lambda-not-saved"),
        (
            "a = OneCycleLR(opt, 0.1, 10)\ns = SequentialLR(opt, [LinearLR(opt), a], [5])",
            "part-overwrites-others",
        ),
        ("s = SequentialLR(opt, [LinearLR(opt), ReduceLROnPlateau(opt)], [5])", "plateau-inside-another"),
        (
            "ChainedScheduler([ExponentialLR(opt, .9), CosineAnnealingWarmRestarts(opt, 5)])",
            "chained-overwrites",
        ),
        ("ChainedScheduler([CosineAnnealingLR(opt, 9, eta_min=.1), StepLR(opt, 3)])", "chained-cosine-rises"),
        (
            "def configure_optimizers(self):\n    s = OneCycleLR(opt, 0.1, self.trainer.estimated_stepping_batches)\n    \
             return {'optimizer': opt, 'lr_scheduler': {'scheduler': s}}",
            "lightning-interval",
        ),
    ] {
        found_whole("pytorch", code, trap);
    }
    for sound in [
        "n = 100\ns = OneCycleLR(opt, 0.1, n)\nfor i in range(n):\n    s.step()",
        "SequentialLR(opt, [LinearLR(opt, 0.1, total_iters=5), CosineAnnealingLR(opt, 95)], [5])",
        "def configure_optimizers(self):\n    return {'scheduler': OneCycleLR(opt, 0.1, 10), 'interval': 'step'}",
    ] {
        assert_eq!(text("pytorch", sound), [""; 0], "{sound}");
    }
}

#[test]
fn the_traps_of_configurations() {
    for (dialect, config, trap) in [
        ("huggingface", "learning_rate: 3.0e-4\nwarmup_ratio: 0.1\n", "warmup-ratio-removed"),
        ("huggingface", "learning_rate: 3e-4\n", "yaml-number-is-text"),
        ("huggingface", "learning_rate: 5.0e-5\nlr_scheduler_type: greedy\n", "greedy-never-cuts"),
        (
            "huggingface",
            "TrainingArguments(learning_rate=1e-4, lr_scheduler_type='constant', warmup_steps=9)",
            "constant-ignores-warmup",
        ),
        (
            "huggingface",
            "learning_rate: 1.0e-4\nlr_scheduler_type: warmup_stable_decay\n",
            "wsd-without-decay",
        ),
        ("huggingface", "learning_rate: 1.0e-4\nlr_scheduler_type: cosine_with_min_lr\n", "no-minimum"),
        ("timm", "--sched cosine --epochs 100 --warmup-epochs 5", "timm-truncates-peak"),
        ("timm", "--sched poly --epochs 100 --warmup-epochs 0", "timm-poly-power"),
        ("timm", "--sched multistep --epochs 100", "timm-drops-early"),
        ("timm", "--sched cosine --lr-cycle-mul 3", "restarts-by-three"),
        ("timm", "--epochs 5 --warmup-epochs 5", "warmup-longer-than-run"),
        ("deepspeed", "{\"scheduler\": {\"type\": \"WarmupLR\", \"params\": {}}}", "deepspeed-log-warmup"),
        (
            "deepspeed",
            "{\"scheduler\": {\"type\": \"WarmupLR\", \"params\": {\"warmup_type\": \"linear\"}}}",
            "deepspeed-lags",
        ),
        (
            "deepspeed",
            "{\"scheduler\": {\"type\": \"OneCycle\", \"params\": {\"decay_mom_rate\": 0.1}}}",
            "deepspeed-momentum-grows",
        ),
        (
            "keras",
            "keras.optimizers.SGD(CosineDecay(0.1, 1000), gradient_accumulation_steps=4)",
            "keras-counts-micro-batches",
        ),
        (
            "keras",
            "s = CosineDecay(0.1, 9)\ncb = keras.callbacks.ReduceLROnPlateau()",
            "keras-plateau-over-schedule",
        ),
    ] {
        found_whole(dialect, config, trap);
    }
    for (dialect, sound) in [
        (
            "huggingface",
            "learning_rate: 3.0e-4\nwarmup_steps: 0.1\nlr_scheduler_type: cosine\nmax_steps: 1000\n",
        ),
        ("timm", "--sched cosine --epochs 100 --warmup-epochs 5 --warmup-prefix"),
        ("timm", "--sched poly --epochs 100 --warmup-epochs 0 --decay-rate 2.0"),
        (
            "deepspeed",
            "{\"scheduler\": {\"type\": \"OneCycle\", \"params\": {\"cycle_momentum\": false, \"cycle_min_lr\": 1e-4, \"cycle_max_lr\": 1e-3}}}",
        ),
        ("deepspeed", "{\"scheduler\": {\"type\": \"LRRangeTest\", \"params\": {}}}"),
        ("keras", "keras.optimizers.SGD(CosineDecay(0.1, 1000))"),
    ] {
        assert_eq!(text(dialect, sound), [""; 0], "{sound}");
    }
}

#[test]
fn a_remedy_of_a_text_can_be_applied() {
    let config = "learning_rate: 3e-4 # high\nwarmup_ratio: 0.1\n";
    let mut mended = config.to_owned();
    for warning in lint_text(dialect_named("huggingface").unwrap(), config) {
        if let Some(Remedy::Replace { from, to }) = warning.remedy {
            mended = mended.replace(&from, &to);
        }
    }
    assert_eq!(mended, "learning_rate: 3.0e-4 # high\nwarmup_steps: 0.1\n");
    assert_eq!(text("huggingface", &mended), [""; 0]);
}

#[test]
fn dialects_are_found_and_unreadable_texts_said_so() {
    for (of, dialect) in [
        ("learning_rate: 1.0e-4\nlr_scheduler_type: linear\n", "huggingface"),
        ("s = StepLR(opt, 3)", "pytorch"),
        ("opt = keras.optimizers.SGD(CosineDecay(0.1, 9))", "keras"),
        ("{\"optimizer\": {\"type\": \"Adam\"}}", "deepspeed"),
        ("optimizer = optax.sgd(learning_rate=0.1)\n", "optax"),
    ] {
        assert_eq!(Linted::of(of), Ok(Linted::Text(dialect_named(dialect).unwrap())), "{of}");
    }
    assert_eq!(Linted::of("anneal = 1\n"), Ok(Linted::Experiment));
    for (of, why) in [
        (" \n", NotLinted::Empty),
        ("step,lr\n0,0.1\n", NotLinted::Table),
        ("step,lr\nfirst,high\n", NotLinted::Table),
    ] {
        assert_eq!(Linted::of(of), Err(why), "{of}");
    }
    for of in [
        "hello",
        "# Learning rates\n\nThey are high.\n",
        "{\"a\": 1}",
        "learning_rate: 1.0e-4\n",
        "pub fn learning_rate(update: usize) -> f64 {\n    0.1\n}\n",
    ] {
        assert!(matches!(Linted::of(of), Err(NotLinted::Unknown(_))), "{of}: {:?}", Linted::of(of));
    }
    assert_eq!(text("deepspeed", "{\"scheduler\": "), ["cannot-be-read"]);
    assert_eq!(text("pytorch", "s = StepLR(opt, (3"), ["cannot-be-read"]);
    assert_eq!(text("pytorch", "LambdaLR(opt, Factor())"), ["not-imported"]);
}

#[test]
fn a_batch_that_data_or_micro_batches_do_not_allow_is_caught() {
    // Epochs of 100 updates of 64 samples: 6,400 to train on.
    let lr = "lr = { kind = \"constant\", peak = 0.1 }\n";
    let batch = |schedule: &str| format!("{lr}batch = {{ {schedule} }}");
    let growing = "kind = \"step\", peak = 64, gamma = 2, every = \"2ep\"";
    assert_eq!(lint(&experiment(&batch(growing)), Some(CLOCK)), []);
    let above = only(&batch("kind = \"step\", peak = 64, gamma = 2, every = \"1ep\""), "batch-above-data");
    assert_eq!(above.severity, Severity::Error);
    assert!(above.message.contains("32768 samples, and an epoch has 6400"), "{}", above.message);
    let below = only(&batch("kind = \"linear\", peak = 64, from = 0.25, to = 4"), "batch-below-micro-batch");
    assert_eq!(below.severity, Severity::Warning);
    let rounded = only(&batch("kind = \"constant\", peak = 96"), "batch-rounded");
    assert!(rounded.message.contains("the batch of 96 samples at update"), "{}", rounded.message);
    let accumulated = lint(&with(&batch(growing), "accumulate = 2"), Some(CLOCK));
    assert_eq!(codes(&accumulated), ["keras-counts-micro-batches", "batch-replaces-accumulate"]);
    assert_eq!(
        only("lr = { kind = \"step\", peak = 0.1, gamma = 2, every = \"2ep\" }", "steps-grow").severity,
        Severity::Warning
    );
}

const HEAD: &str = "lr = { kind = \"constant\", peak = 0.1 }\n[[run.group]]\nmatch = \"head\"\n";

#[test]
fn a_group_that_is_frozen_for_the_whole_run_is_caught() {
    let warning = only(&format!("{HEAD}freeze = \"100%\""), "group-never-thaws");
    assert_eq!(warning.severity, Severity::Warning);
    assert!(warning.message.contains("\"head\""), "{}", warning.message);
    // In updates it is known only once the length of an epoch is.
    let late = format!("{HEAD}freeze = \"1000\"");
    assert!(!codes(&lint(&experiment(&late), None)).contains(&"group-never-thaws"));
    only(&late, "group-never-thaws");
    for freeze in ["99%", "9ep", "1"] {
        let thaws = format!("{HEAD}freeze = \"{freeze}\"");
        assert_eq!(lint(&experiment(&thaws), Some(CLOCK)), [], "{freeze}");
    }
}

#[test]
fn a_group_of_rate_zero_is_caught_and_may_be_frozen_instead() {
    for lr in ["0", "{ kind = \"constant\", peak = 0.0 }"] {
        let lines = format!("{HEAD}lr = {lr}");
        let warning = only(&lines, "group-of-rate-zero");
        let fixed = match &warning.remedy {
            Some(Remedy::Set { .. }) => warning.remedy.clone(),
            other => panic!("{other:?}"),
        };
        assert!(format!("{fixed:?}").contains("group[0].freeze"), "{fixed:?}");
    }
    let falls = format!("{HEAD}lr = {{ kind = \"linear\", peak = 0.1, from = 1.0, to = 0.0 }}");
    assert_eq!(lint(&experiment(&falls), Some(CLOCK)), []);
}

#[test]
fn a_run_in_which_nothing_is_trained_is_an_error() {
    let all = format!("{}match = \"*\"\nfreeze = \"100%\"", HEAD.replace("match = \"head\"\n", ""));
    let warning = only(&all, "nothing-thaws");
    assert_eq!(warning.severity, Severity::Error);
    // A group that has all that is left of the head still leaves the head.
    let rest = format!("{HEAD}[[run.group]]\nmatch = \"*\"\nfreeze = \"100%\"");
    let found = codes(&lint(&experiment(&rest), Some(CLOCK)));
    assert_eq!(found, ["group-never-thaws"]);
}
