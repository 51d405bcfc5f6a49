//! Each thing that can be wrong gets one error with its place, field, what was found and what is allowed.

use anneal_studio::experiment::{Experiment, FileError};

use super::{FILE, error, read};
use crate::support::Fixture;

/// The file's error after the only `old` in it has become `new`. What it quotes from the file is at its place.
fn changed(old: &str, new: &str) -> String {
    assert_eq!(FILE.matches(old).count(), 1, "{old}");
    let text = FILE.with(old, new);
    match Experiment::parse(&text, "out.toml").expect_err(&text) {
        FileError::Field(error) => {
            let line = text.lines().nth(error.place.line - 1).unwrap();
            let rest: String = line.chars().skip(error.place.column - 1).collect();
            let in_words = error.found == "nothing" || error.found.starts_with(['a', 'n', '\'']);
            assert!(in_words || rest.trim_start_matches('[').starts_with(&error.found), "{error}\n{rest}");
            error.to_string()
        }
        error => error.to_string(),
    }
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let kind = changed("kind = \"cosine\"", "kind = \"cosin\"");
    assert!(
        kind.starts_with("out.toml:24:15: run \"cosine\", lr.kind: found \"cosin\", allowed: \"constant\", "),
        "{kind}"
    );
    assert!(kind.ends_with(" or \"product\" (did you mean `cosine`?)"), "{kind}");
    assert_eq!(
        changed("peak = 0.1, warmup", "peek = 0.1, warmup"),
        "out.toml:24:25: run \"cosine\", lr.peek: found a field that does not exist here, \
         allowed: kind, peak, floor, over, after, power, tick, warmup, cooldown or clamp (did you mean `peak`?)"
    );
    let data = changed("\"digits\"", "\"Digit\"");
    assert!(
        data.starts_with("out.toml:5:8: data.name: found \"Digit\", allowed: \"digits\", \"fashion14\", "),
        "{data}"
    );
    assert!(data.ends_with(" (did you mean `digits`?)"), "{data}");
    let optimizer = changed("\"sgd\"", "\"gsd\"");
    assert!(
        optimizer.starts_with(
            "out.toml:18:22: run \"constant\", optimizer.kind: found \"gsd\", allowed: \"sgd\", \"adam\", "
        ),
        "{optimizer}"
    );
    assert!(optimizer.ends_with(" (did you mean `sgd`?)"), "{optimizer}");
    assert_eq!(
        changed("beta1", "momentum"),
        "out.toml:23:31: run \"cosine\", optimizer.momentum: found a field that does not exist here, \
         allowed: kind, beta1, beta2, eps, weight_decay, amsgrad, gradient_start or cautious"
    );
}

#[test]
fn unknown_fields_are_errors_at_every_level() {
    for (old, new, says) in [
        ("anneal = 1", "anneal = 1\nauthor = \"me\"", "out.toml:2:1: author: found a field"),
        ("batch_size", "batchsize", "out.toml:6:1: data.batchsize: found a field"),
        ("hidden", "layers", "out.toml:11:1: model.layers: found a field"),
        ("updates", "steps", "out.toml:14:1: train.steps: found a field"),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\nlrs = 1",
            "out.toml:23:1: run \"cosine\", lrs: found a field",
        ),
        ("over = \"5%\"", "over = \"5%\", form = 0", "run \"cosine\", lr.warmup.form: found a field"),
        ("[train]", "[snapshots]\nevery = 5\n[train]", "out.toml:14:1: snapshots.every: found a field"),
        (
            "hidden = [64, 32]",
            "hidden = [64, 32]\nnorm = \"pre\"",
            "out.toml:12:1: model.norm: found a field",
        ),
    ] {
        let message = changed(old, new);
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn wrong_values_are_named_with_place_field_found_and_allowed() {
    const SPAN: &str =
        "a span longer than nothing: updates (\"500\"), epochs (\"10ep\") or a share of the run (\"5%\")";
    for (old, new, says) in [
        // A span of nothing, and what is no span.
        ("\"5%\"", "0", format!("out.toml:24:55: run \"cosine\", lr.warmup.over: found 0, allowed: {SPAN}")),
        ("\"5%\"", "\"0ep\"", format!("out.toml:24:55: run \"cosine\", lr.warmup.over: found \"0ep\", allowed: {SPAN}")),
        ("\"5%\"", "\"-3\"", format!("out.toml:24:55: run \"cosine\", lr.warmup.over: found \"-3\", allowed: {SPAN}")),
        ("\"5%\"", "\"soon\"", format!("out.toml:24:55: run \"cosine\", lr.warmup.over: found \"soon\", allowed: {SPAN}")),
        ("\"5%\"", "2.5", format!("out.toml:24:55: run \"cosine\", lr.warmup.over: found 2.5, allowed: {SPAN}")),
        ("\"10ep\"", "\"0\"", format!("out.toml:14:11: train.updates: found \"0\", allowed: {SPAN}")),
        (
            "\"10ep\"",
            "\"50%\"",
            "out.toml:14:11: train.updates: found \"50%\", allowed: whole updates (\"500\", at most 1e9) \
             or epochs (\"10ep\", at most 1e6)"
                .to_owned(),
        ),
        // Rates that are negative, or no numbers.
        (
            "peak = 0.1 }",
            "peak = -0.1 }",
            "out.toml:19:34: run \"constant\", lr.peak: found -0.1, allowed: a number of at least 0".to_owned(),
        ),
        (
            "peak = 0.1 }",
            "peak = nan }",
            "out.toml:19:34: run \"constant\", lr.peak: found nan, allowed: a number of at least 0".to_owned(),
        ),
        (
            "peak = 0.1 }",
            "peak = +inf }",
            "out.toml:19:34: run \"constant\", lr.peak: found +inf, allowed: a number of at least 0".to_owned(),
        ),
        (
            "peak = 0.1 }",
            "peak = 1e999 }",
            "out.toml:19:34: run \"constant\", lr.peak: found 1e999, allowed: a number of at least 0".to_owned(),
        ),
        (
            "peak = 0.1 }",
            "peak = 1e40 }",
            "out.toml:19:34: run \"constant\", lr.peak: found 1e40, allowed: a number from 0.0 to 1e30".to_owned(),
        ),
        (
            "peak = 0.1 }",
            "peak = \"0.1\" }",
            "out.toml:19:34: run \"constant\", lr.peak: found \"0.1\", allowed: a number of at least 0".to_owned(),
        ),
        (
            "{ kind = \"constant\", peak = 0.1 }",
            "0.1",
            "out.toml:19:6: run \"constant\", lr: found 0.1, \
             allowed: a table, such as { kind = \"constant\", peak = 0.1 }"
                .to_owned(),
        ),
        (
            "{ kind = \"constant\", peak = 0.1 }",
            "{ kind = \"constant\" }",
            "out.toml:19:6: run \"constant\", lr.peak: found nothing, allowed: a number of at least 0".to_owned(),
        ),
        // Optimizer numbers.
        (
            "momentum = 0.9",
            "momentum = 1.0",
            "out.toml:18:40: run \"constant\", optimizer.momentum: found 1.0, \
             allowed: a number from 0 to below 1"
                .to_owned(),
        ),
        (
            "momentum = 0.9",
            "momentum = { kind = \"linear\", peak = 0.8, to = 1.5 }",
            "out.toml:18:40: run \"constant\", optimizer.momentum: found a schedule that reaches 1.19".to_owned(),
        ),
        (
            "momentum = 0.9",
            "momentum = { kind = \"mirror\", low = 0.9, high = 0.8 }",
            "out.toml:18:77: run \"constant\", optimizer.momentum.high: found 0.8, \
             allowed: at least `low`, which is 0.9"
                .to_owned(),
        ),
        (
            "beta1 = 0.9",
            "beta2 = { kind = \"mirror\", low = 0.8, high = 0.9 }",
            "out.toml:23:39: run \"cosine\", optimizer.beta2: found a mirror of the rate, \
             allowed: a number or a schedule"
                .to_owned(),
        ),
        // Names and counts.
        (
            "name = \"cosine\"",
            "name = \"constant\"",
            "out.toml:22:8: run 2, name: found \"constant\", \
             allowed: a name of its own; the run on line 16 has this one"
                .to_owned(),
        ),
        (
            "name = \"cosine\"",
            "name = \" \"",
            "out.toml:22:8: run 2, name: found \" \", allowed: a name that can be seen".to_owned(),
        ),
        (
            "= 64\n",
            "= 0\n",
            "out.toml:6:14: data.batch_size: found 0, allowed: a whole number from 1 to 1000000000".to_owned(),
        ),
        (
            "= 64\n",
            "= \"some\"\n",
            "out.toml:6:14: data.batch_size: found \"some\", allowed: a whole number of at least 1, or \"all\"".to_owned(),
        ),
        (
            "= 64\n",
            "= 64\nlimit = 10\n",
            "out.toml:6:14: data.batch_size: found 64, allowed: at most the data's limit, 10".to_owned(),
        ),
        (
            "validation = 0.2",
            "validation = 1",
            "out.toml:7:14: data.validation: found 1, allowed: a number from 0 to below 1".to_owned(),
        ),
        (
            "validation = 0.2",
            "label_noise = 1.5",
            "out.toml:7:15: data.label_noise: found 1.5, allowed: a number from 0 to 1".to_owned(),
        ),
        (
            "[64, 32]",
            "[64, 0]",
            "out.toml:11:15: model.hidden[1]: found 0, allowed: a whole number from 1 to 16384".to_owned(),
        ),
        (
            "\"10ep\"",
            "\"10ep\"\nreplicas = 2000",
            "out.toml:15:12: train.replicas: found 2000, allowed: a whole number from 1 to 1024".to_owned(),
        ),
        (
            "\"10ep\"",
            "\"10ep\"\nseed = -1",
            "out.toml:15:8: train.seed: found -1, allowed: a whole number from 0 to 9223372036854775807".to_owned(),
        ),
        (
            "\"10ep\"",
            "\"10ep\"\nclip_norm = 0.0",
            "out.toml:15:13: train.clip_norm: found 0.0, allowed: a number above 0".to_owned(),
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\nlayer_decay = 0",
            "out.toml:23:15: run \"cosine\", layer_decay: found 0, allowed: a number above 0, at most 1".to_owned(),
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\nbatch = { kind = \"constant\", peak = 0.1 }",
            "out.toml:23:9: run \"cosine\", batch: found a schedule that stays below 1 sample, allowed: a schedule of \
             samples an update"
                .to_owned(),
        ),
    ] {
        let message = changed(old, new);
        assert!(message.starts_with(&says), "{message}\n{says}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn what_cannot_be_together_is_said() {
    for (old, new, says) in [
        (
            "[model]\nkind = \"mlp\"\nhidden = [64, 32]",
            "[model]\nkind = \"transformer\"\nlayers = 2\nwidth = 32\nheads = 4\ncontext = 32",
            "out.toml:10:8: model.kind: found \"transformer\", \
             allowed: another kind of model, or text: the data set \"shakespeare\"",
        ),
        (
            "[model]\nkind = \"mlp\"\nhidden = [64, 32]",
            "[model]\nkind = \"transformer\"\nlayers = 2\nwidth = 32\nheads = 5\ncontext = 32",
            "out.toml:13:9: model.heads: found 5, allowed: a number that divides the width, 32",
        ),
        (
            "[model]\nkind = \"mlp\"\nhidden = [64, 32]",
            "[model]\nkind = \"surface\"\nfunction = \"saddle\"\nstart = [0, 0]",
            "out.toml:4:1: data: found a table, allowed: no [data] section: a surface is its own loss",
        ),
        (
            "\"digits\"",
            "\"shakespeare\"",
            "out.toml:10:8: model.kind: found \"mlp\", allowed: \"mlp\" with a context, such as context = 8, \
             or \"transformer\" for the data set \"shakespeare\"",
        ),
        (
            "hidden = [64, 32]",
            "hidden = [64, 32]\ncontext = 8",
            "out.toml:12:11: model.context: found 8, allowed: no context, or text: the data set \"shakespeare\"",
        ),
        (
            "hidden = [64, 32]",
            "hidden = [64, 32]\nembedding = 8",
            "out.toml:12:13: model.embedding: found 8, allowed: `context` beside it: the characters that are embedded",
        ),
        (
            "\"digits\"\nbatch_size = 64\nvalidation = 0.2\n\n[model]\nkind = \"mlp\"\nhidden = [64, 32]",
            "\"spirals\"\n[model]\nkind = \"cnn\"\nchannels = [8]",
            "out.toml:7:8: model.kind: found \"cnn\", \
             allowed: another kind of model, or images: the data sets \"digits\" and \"fashion14\"",
        ),
        (
            "\"digits\"\nbatch_size = 64\nvalidation = 0.2\n\n[model]\nkind = \"mlp\"\nhidden = [64, 32]\n\n[train]",
            "\"sine\"\n[model]\nkind = \"mlp\"\nhidden = []\n[train]\nloss = \"cross_entropy\"",
            "out.toml:10:8: train.loss: found \"cross_entropy\", allowed: \"mse\": the data set \"sine\" is a regression",
        ),
        (
            "name = \"digits\"",
            "name = \"digits\"\npath = \"mine.csv\"",
            "out.toml:6:8: data.path: found \"mine.csv\", allowed: either `name` or `path`, not both",
        ),
        (
            "name = \"digits\"",
            "path = \"mine.csv\"",
            "out.toml:4:1: data.label: found nothing, allowed: the column to predict",
        ),
        (
            "validation = 0.2\n\n[model]\nkind = \"mlp\"\nhidden = [64, 32]\n\n[train]\nupdates = \"10ep\"\n\n[[run]]",
            "validation = 0\n[model]\nkind = \"mlp\"\nhidden = []\n[train]\nupdates = 9\n[[run]]\nplateau = {}",
            "out.toml:14:11: run \"constant\", plateau: found a validation metric, \
             allowed: \"train_loss\": no data are held out for validation",
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\nplateau = { metric = \"val_accuracy\" }",
            "out.toml:23:11: run \"cosine\", plateau.mode: found nothing, allowed: \"max\" for an accuracy, or \"min\"",
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\nplateau = {}\ngreedy = {}",
            "out.toml:24:10: run \"cosine\", greedy: found a table, allowed: either `plateau` or `greedy`, not both",
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\nhypergradient = { beta = 1e-4 }\ngreedy = {}",
            "out.toml:23:17: run \"cosine\", hypergradient: found a table, \
             allowed: either `greedy` or `hypergradient`, not both",
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\ngreedy = { min_lr = 0.5, max_lr = 0.1 }",
            "out.toml:23:21: run \"cosine\", greedy.min_lr: found 0.5, allowed: a number from 0 to 0.1",
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\ngreedy = { max_lr = 1e-4 }",
            "out.toml:23:10: run \"cosine\", greedy.min_lr: found nothing, \
             allowed: a rate of at most max_lr, 0.0001; its default is 0.001",
        ),
        (
            "name = \"cosine\"",
            "name = \"cosine\"\nplateau = { smoothing = 1.0 }",
            "out.toml:23:25: run \"cosine\", plateau.smoothing: found 1.0, allowed: a number from 0 to below 1",
        ),
        (
            "[data]\nname = \"digits\"\nbatch_size = 64\nvalidation = 0.2\n",
            "",
            "out.toml:1:1: data: found nothing, allowed: a [data] section",
        ),
    ] {
        assert_eq!(changed(old, new), says);
    }
    let surface = FILE.with("[data]\nname = \"digits\"\nbatch_size = 64\nvalidation = 0.2\n", "").with(
        "kind = \"mlp\"\nhidden = [64, 32]",
        "kind = \"surface\"\nfunction = \"saddle\"\nstart = [0, 0]",
    );
    assert_eq!(
        error(&surface),
        "out.toml:11:11: train.updates: found \"10ep\", \
         allowed: updates (\"500\") or a share of the run (\"5%\"): a surface has no epochs"
    );
}

#[test]
fn schedules_are_tried_against_the_run() {
    for (schedule, says) in [
        (
            "{ kind = \"sequence\", parts = [{ kind = \"constant\", peak = 1 }, { kind = \"constant\", peak = 1 }] }",
            "out.toml:24:36: run \"cosine\", lr.parts[0].for: found nothing, \
             allowed: the part's span; only the last part goes without",
        ),
        (
            "{ kind = \"sequence\", parts = [{ for = \"9\", kind = \"constant\", peak = 1 }] }",
            "out.toml:24:44: run \"cosine\", lr.parts[0].for: found \"9\", \
             allowed: nothing: the last part has what is left",
        ),
        ("{ kind = \"product\", of = [] }", "out.toml:24:31: run \"cosine\", lr.of: found an empty list, "),
        (
            "{ kind = \"points\", points = [[\"9\", 0.1], [\"3\", 0.2]] }",
            "out.toml:24:47: run \"cosine\", lr.points[1]: found \"3\", allowed: a position after",
        ),
        (
            "{ kind = \"points\", points = [[\"9\", 0.1, 3]] }",
            "out.toml:24:35: run \"cosine\", lr.points[0]: found a list, allowed: a pair [span, value]",
        ),
        (
            "{ kind = \"constant\", peak = 1, clamp = { min = 0.2, max = 0.1 } }",
            "out.toml:24:64: run \"cosine\", lr.clamp.max: found 0.1, allowed: a number of at least 0.2",
        ),
        (
            "{ kind = \"table\", values = [0.1], file = \"a.csv\" }",
            "out.toml:24:47: run \"cosine\", lr.file: found \"a.csv\", allowed: either `values` or `file`, not both",
        ),
        (
            "{ kind = \"noam\", scale = 1, d_model = 64, warmup = { over = \"5%\" } }",
            "out.toml:24:57: run \"cosine\", lr.warmup: found a table, allowed: a span longer than nothing",
        ),
        (
            "{ kind = \"step\", peak = 1, every = 0.5 }",
            "out.toml:24:41: run \"cosine\", lr.every: found 0.5, allowed: a span longer than nothing",
        ),
        (
            "{ kind = \"step\", peak = 1, every = \"0.5\" }",
            "out.toml:24:41: run \"cosine\", lr.every: found \"0.5\", allowed: at least one update",
        ),
    ] {
        let message = changed("{ kind = \"cosine\", peak = 0.1, warmup = { over = \"5%\" } }", schedule);
        assert!(message.starts_with(says), "{message}\n{says}");
    }
    // The start of an exponential warmup is 0 when the file does not say, which is not in the file.
    let warmup = error(&FILE.with("\"5%\"", "9, shape = \"exponential\""));
    assert!(
        warmup.starts_with("out.toml:24:46: run \"cosine\", lr.warmup.from: found 0, allowed: above 0"),
        "{warmup}"
    );
    // 50 updates are less than an epoch of some data and more than one of other data.
    read(&FILE.with("kind = \"cosine\", peak", "kind = \"step\", every = 50, tick = \"epoch\", peak"));
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| {
        let open = "{ kind = \"product\", of = [".repeat(depth);
        let schedule = format!("{open}{{ kind = \"constant\", peak = 1 }}{}", "] }".repeat(depth));
        FILE.with("{ kind = \"constant\", peak = 0.1 }", &schedule)
    };
    read(&nested(15));
    assert!(
        error(&nested(16)).contains(": found a schedule inside more than 15 others, allowed: at most 15")
    );
    assert!(error(&nested(10_000)).starts_with("out.toml:19:"));
    let keys = FILE.with("[train]", &format!("[train]\n{} = 1", ["a"; 100_000].join(".")));
    assert!(error(&keys).starts_with("out.toml:14:1: not TOML: "));
    let arrays = FILE.with("[64, 32]", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert!(error(&arrays).starts_with("out.toml:11:"));
}

#[test]
fn a_file_that_is_none_is_said_to_be_none() {
    assert_eq!(error(" \n\n"), "out.toml: the file is empty; an experiment file starts with `anneal = 1`");
    assert_eq!(error("\u{feff}"), error(""));
    assert_eq!(
        error("# nothing\n[package]\nname = \"a\"\n"),
        "out.toml:1:1: anneal: found nothing, so this is not an experiment file; one starts with `anneal = 1`"
    );
    assert_eq!(
        changed("anneal = 1", "anneal = 2"),
        "out.toml:1:10: anneal: found 2: the file was written for a newer Anneal Studio; \
         this one reads version 1, update it to open the file"
    );
    assert_eq!(
        changed("anneal = 1", "anneal = \"1\""),
        "out.toml:1:10: anneal: found \"1\", allowed: a whole number of at least 1"
    );
    assert!(changed("[model]", "[model").starts_with("out.toml:9:7: not TOML: "));
    assert!(
        changed("validation = 0.2", "name = \"xor\"").starts_with("out.toml:7:1: not TOML: duplicate key")
    );
    read(&format!("\u{feff}{FILE}"));
    read(&FILE.replace('\n', "\r\n"));
    // What a terminal would obey is not repeated to it.
    let escaped = changed("\"digits\"", "'''\u{9b}31m\nx'''");
    assert!(escaped.contains("found '''\\u{9b}31m\\nx''', allowed"), "{escaped}");
}
