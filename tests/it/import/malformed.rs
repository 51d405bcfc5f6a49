//! Texts that are broken, hostile, or something else.

use super::*;

#[test]
fn a_truncated_json_is_one_error_with_its_line() {
    let error = refused("{\"train_batch_size\": 8,\n \"scheduler\": {\"type\": \"WarmupLR\", \"params\": {");
    assert_eq!(error, "line 2: `{` is never closed");
    assert_eq!(refused("{\"scheduler\": \"x"), "line 1: a text that does not end");
}

#[test]
fn what_is_no_scheduler_says_so() {
    for text in [
        "hello",
        "{\"a\": 1}",
        "def f(x):\n    return x + 1\n",
        "SELECT * FROM runs;",
        "a,b\n1,2\n",
        "<html></html>",
    ] {
        let error = import(text, &Options::default()).unwrap_err();
        assert!(matches!(error, ImportError::Unrecognised { .. } | ImportError::Log(_)), "{text}: {error}");
    }
    assert!(matches!(import(" \n", &Options::default()), Err(ImportError::Empty)));
    let error = refused("import torch.optim as optim\nopt = optim.SGD(p, lr=0.1)\n");
    assert!(error.contains("no learning-rate scheduler"), "{error}");
    let error = refused("{\"optimizer\": {\"type\": \"Adam\"}}");
    assert!(error.contains("\"scheduler\""), "{error}");
}

#[test]
fn a_csv_of_text_is_one_error() {
    let text = "step,lr\nfirst,high\nsecond,low\n";
    let options = Options { dialect: dialect_named("log").ok(), ..Options::default() };
    let error = refused(text);
    assert!(error.contains("no number was found in it") && error.contains("lr (such as `high`)"), "{error}");
    let names = import("name,colour\na,red\n", &options).unwrap_err().to_string();
    assert!(names.contains("this is no log of a training that is known here"), "{names}");
}

#[test]
fn a_log_with_broken_rows_says_how_many_were_left_out() {
    let mut text = "step,lr\n".to_owned();
    for step in 0..100 {
        writeln!(text, "{step},0.1").unwrap();
    }
    text += "100,nan\n101,-3\nworld\n102,0.1\n";
    let notes = read(&text).notes.join("; ");
    assert!(notes.contains("2 rates that are no numbers of at least 0"), "{notes}");
    assert!(notes.contains("1 rows with another number of cells"), "{notes}");
}

#[test]
fn gigantic_numbers_are_refused_or_read() {
    for number in ["1e308", "1e999", "-1", "9999999999999999999999999", "nan", "1e-400"] {
        for text in [
            format!("opt = SGD(p, lr={number})\ns = StepLR(opt, step_size={number})"),
            format!("opt = SGD(p, lr=0.1)\ns = CosineAnnealingLR(opt, T_max={number}, eta_min={number})"),
            format!(
                "learning_rate: {number}\nlr_scheduler_type: cosine\nmax_steps: {number}\nwarmup_steps: {number}"
            ),
            format!("--sched cosine --lr {number} --epochs {number} --warmup-epochs {number}"),
            format!(
                "{{\"scheduler\": {{\"type\": \"WarmupDecayLR\", \"params\": {{\"total_num_steps\": {number}}}}}}}"
            ),
            format!("step,lr\n0,{number}\n{number},0.1\n"),
        ] {
            if let Ok(imported) = import(&text, &Options::default()) {
                let curve = curve(&imported, 1000, 10);
                assert!((0..1000).all(|update| curve.at(update).is_finite()), "{text}");
            }
        }
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{1:", "}"), ("f(", ")"), ("-", ""), ("not ", ""), ("2**", "1")]
    {
        let text = format!("s = StepLR(opt, {}1{})", open.repeat(100_000), close.repeat(100_000));
        let _ = import(&text, &Options::default());
    }
    let mut text = "s0 = ExponentialLR(opt, 0.9)\n".to_owned();
    for level in 1..200 {
        writeln!(text, "s{level} = SequentialLR(opt, [s{0}, StepLR(opt, 3)], [5])", level - 1).unwrap();
    }
    assert!(refused(&text).contains("too many schedulers"));
    let circle = "a = b\nb = a\ns = SequentialLR(opt, a, [5])";
    assert!(refused(circle).contains("a list of schedulers"));
    let own = "s = SequentialLR(opt, [s, s], [5])";
    assert!(refused(own).contains("too many schedulers") || refused(own).contains("NotImplementedError"));
}

#[test]
fn an_import_never_says_what_a_terminal_would_obey() {
    let text = "s = StepLR(opt, step_size='\u{1b}[31m')";
    assert!(!refused(text).contains('\u{1b}'));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", dialect in prop::sample::select(DIALECTS.to_vec())) {
        let _ = import(&text, &Options { dialect: Some(dialect), ..Options::default() });
        let _ = import(&text, &Options::default());
    }

    #[test]
    fn any_change_of_a_real_text_is_read_or_refused(
        which in 0..5_usize, at in 0.0..1.0_f64, cut in 0_usize..20, put in "[-0-9a-z(){}\\[\\]:,.=\"'#\n ]{0,12}",
    ) {
        let texts = [
            "opt = SGD(p, lr=0.1)\ns = SequentialLR(opt, [LinearLR(opt, 0.1, total_iters=4), CosineAnnealingLR(opt, 6)], [4])",
            "args = TrainingArguments(learning_rate=3e-4, lr_scheduler_type='warmup_stable_decay', \
             lr_scheduler_kwargs={'num_decay_steps': 20}, max_steps=100, warmup_steps=10)",
            "learning_rate: 1.0e-4\nlr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 0.1}\nmax_steps: 50\n",
            "{\"optimizer\": {\"type\": \"Adam\", \"params\": {\"lr\": 0.1}}, \"scheduler\": {\"type\": \"WarmupCosineLR\", \
             \"params\": {\"total_num_steps\": 100, \"warmup_num_steps\": 10}}}",
            "--sched cosine --lr 0.1 --epochs 20 --warmup-epochs 5 --lr-k-decay 1.5 --decay-milestones 3 6",
        ];
        let text = texts[which];
        let start = (at * text.len() as f64) as usize;
        let end = (start + cut).min(text.len());
        let changed = format!("{}{put}{}", &text[..start], &text[end..]);
        if let Ok(imported) = import(&changed, &Options::default()) {
            let curve = curve(&imported, 500, 10);
            prop_assert!((0..500).all(|update| curve.at(update).is_finite()));
        }
    }
}
