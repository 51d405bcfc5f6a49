//! A save keeps what a person wrote: every comment, and every line that the edit did not touch.

use std::fs;

use anneal_studio::experiment::{
    BatchSize, Comments, Controller, Experiment, Fork, Hypergradient, Metric, Number, Plateau, Run,
    SnapshotWhen, Snapshots,
};
use anneal_studio::schedule::kind::{Constant, Points};
use anneal_studio::schedule::{Clamp, Kind, Ramp, Schedule, Span, Warmup};
use anneal_studio::ui::document::{Document, presets};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use super::{any, examples, read};

/// What a file that said `text` says after an edit in the studio and a save.
fn saved(text: &str, edit: impl FnOnce(&mut Document)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.toml");
    fs::write(&path, text).unwrap();
    let mut document = Document::new(Experiment::open(&path).unwrap(), Some(path.clone()));
    edit(&mut document);
    assert_eq!(document.experiment().save_like(&path, &path).unwrap(), Comments::Kept);
    assert_eq!(Experiment::open(&path).unwrap(), *document.experiment());
    fs::read_to_string(&path).unwrap()
}

/// A file laid out in every way there is.
const LAID_OUT: &str = r#"# At the top.
anneal = 1
name = 'my "own" words'   # a literal string

data = { name = "digits", batch_size = 32 } # inline
model.kind = "mlp"  # dotted
model.hidden = [
    64, # wide
    32, # narrow
]

[train]   # no defaults below
seed = 0x0   # hexadecimal, and the default
updates = 500 # a number

# ---- the runs ----

# The first run.
[[run]]
name = "plain"
    optimizer.kind = "sgd"   # indented
    optimizer.momentum = 0.90 # with a zero
lr = { kind = "points", points = [
  ["0", 0.1], # begin
  ["50%", 0.05],
  ["90%", 0.01] # end
] }
# Below the first run.

# A note on both runs.

# The second run.
[[run]]
name = "sections"
plateau = { metric = "val_loss" } # watch
[run.optimizer]
kind = "adamw"
# on the schedule
[run.lr]
peak = 1e-2   # before its kind
kind = "cosine"
[run.lr.warmup]
over = "5%"

# The end."#;

#[test]
fn only_the_changed_value_of_a_file_changes() {
    type Edit = fn(&mut Experiment);
    let cases: [(Edit, &[(&str, &str)]); 18] = [
        (|it| it.name = "other".into(), &[("'my \"own\" words'", "\"other\"")]),
        (|it| it.data.batch_size = BatchSize::All, &[("batch_size = 32", "batch_size = \"all\"")]),
        (|it| it.data.limit = Some(100), &[("batch_size = 32 }", "batch_size = 32, limit = 100 }")]),
        (|it| it.data.batch_size = BatchSize::Samples(64), &[(", batch_size = 32", "")]),
        (|it| it.train.seed = 7, &[("0x0", "7")]),
        (|it| it.train.replicas = 3, &[("# a number", "# a number\nreplicas = 3")]),
        (|it| it.train.updates = Span::Epochs(2.0), &[("updates = 500", "updates = \"2ep\"")]),
        (|it| number(it, "momentum", 0.5), &[("0.90 # with", "0.5 # with")]),
        (
            |it| number(it, "weight_decay", 0.1),
            &[("# with a zero", "# with a zero\n    optimizer.weight_decay = 0.1")],
        ),
        (|it| number(it, "momentum", 0.0), &[("optimizer.momentum = 0.90 # with", "# with")]),
        (|it| points(it)[1].1 = 0.5, &[("0.05]", "0.5]")]),
        (|it| _ = points(it).remove(1), &[("  [\"50%\", 0.05],\n", "")]),
        (|it| _ = points(it).remove(0), &[("[\"0\", 0.1], # begin", "# begin")]),
        (|it| points(it).insert(1, (Span::Percent(10.0), 0.2)), &[("# begin", "# begin\n  [\"10%\", 0.2],")]),
        (
            |it| points(it).push((Span::Percent(100.0), 0.0)),
            &[("0.01] # end", "0.01], # end\n  [\"100%\", 0.0],")],
        ),
        (|it| it.runs[1].controller = None, &[("plateau = { metric = \"val_loss\" } # watch", "# watch")]),
        (|it| it.runs[1].layer_decay = Some(0.5), &[("# watch", "# watch\nlayer_decay = 0.5")]),
        (
            |it| it.runs[1].lr.clamp = Some(Clamp { min: 0.001, max: 0.1 }),
            &[("before its kind", "before its kind\nclamp = { min = 1e-3, max = 0.1 }")],
        ),
    ];
    for (edit, replaced) in cases {
        let expected = replaced.iter().fold(LAID_OUT.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            text.replace(from, to)
        });
        assert_eq!(saved(LAID_OUT, |document| document.edit(edit)), expected);
    }
}

fn number(experiment: &mut Experiment, name: &str, value: f64) {
    assert!(experiment.runs[0].optimizer.set(name, Number::Fixed(value)));
}

fn points(experiment: &mut Experiment) -> &mut Vec<(Span, f64)> {
    let Kind::Points(Points { points, .. }) = &mut experiment.runs[0].lr.kind else { unreachable!() };
    points
}

#[test]
fn runs_and_sections_come_and_go_whole() {
    let second = LAID_OUT.find("# The second run.").unwrap();
    let end = LAID_OUT.find("# The end.").unwrap();
    let first = LAID_OUT.find("# The first run.").unwrap()..LAID_OUT.find("# Below the first").unwrap();

    let without = saved(LAID_OUT, |document| {
        let second = document.runs().nth(1).unwrap().0.id;
        document.remove(second);
    });
    assert_eq!(without, format!("{}{}", &LAID_OUT[..second], &LAID_OUT[end..]));
    let without = saved(LAID_OUT, |document| document.remove(document.first().unwrap()));
    assert_eq!(without, format!("{}{}", &LAID_OUT[..first.start], &LAID_OUT[first.end..]));

    let added = saved(LAID_OUT, |document| {
        let run = document.runs().next().unwrap().1.clone();
        document.add(Run { name: "third".into(), ..run });
    });
    let (before, after) = added.split_once("[[run]]\nname = \"third\"\n").unwrap();
    assert_eq!(before, &LAID_OUT[..end]);
    assert!(after.ends_with("]] }\n\n# The end."), "{after}");

    let kept = |it: &mut Experiment| {
        it.snapshots = Some(Snapshots { when: SnapshotWhen::CycleEnd, keep: 3, average: vec![] });
    };
    let with = saved(LAID_OUT, |document| document.edit(kept));
    let section = "# a number\n\n[snapshots]\nwhen = \"cycle_end\"\nkeep = 3";
    assert_eq!(with, LAID_OUT.replace("# a number", section));
    assert_eq!(saved(&with, |document| document.edit(|it| it.snapshots = None)), LAID_OUT);
}

#[test]
fn line_ends_and_a_byte_order_mark_stay() {
    let text = format!("\u{feff}{}", LAID_OUT.replace('\n', "\r\n"));
    let edit = |it: &mut Experiment| {
        it.train.replicas = 2;
        it.runs[0].controller = Some(Controller::Hypergradient(Hypergradient { beta: 1e-6 }));
        it.runs.push(Run { name: "new".into(), fork: None, ..it.runs[1].clone() });
    };
    let kept = saved(&text, |document| document.edit(edit));
    assert!(kept.starts_with("\u{feff}# At the top.\r\n"));
    assert_eq!(kept.matches('\n').count(), kept.matches("\r\n").count());
    assert!(kept.contains("# a number\r\nreplicas = 2\r\n"), "{kept}");
}

#[test]
fn saving_elsewhere_takes_the_comments_along_and_a_lost_layout_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let [original, copy] = ["a.toml", "b.toml"].map(|name| folder.path().join(name));
    fs::write(&original, LAID_OUT).unwrap();
    let mut experiment = read(LAID_OUT);
    experiment.train.seed = 3;
    assert_eq!(experiment.save_like(&original, &copy).unwrap(), Comments::Kept);
    assert_eq!(fs::read_to_string(&copy).unwrap(), LAID_OUT.replace("0x0", "3"));
    assert_eq!(fs::read_to_string(&original).unwrap(), LAID_OUT);

    fs::write(&original, "# no experiment any more").unwrap();
    assert_eq!(experiment.save_like(&original, &copy).unwrap(), Comments::Lost);
    assert_eq!(fs::read_to_string(&copy).unwrap(), experiment.to_toml());
    fs::remove_file(&original).unwrap();
    assert_eq!(experiment.save_like(&original, &copy).unwrap(), Comments::Kept);
}

/// An example with a comment at every third line's end and one of its own before every fifth.
fn annotated(text: &str) -> String {
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if number % 5 == 4 {
            lines.push(format!("# about line {number}"));
        }
        let says_something = !line.is_empty() && !line.starts_with('#');
        lines.push(if number % 3 == 0 && says_something {
            format!("{line}  # beside line {number}")
        } else {
            line.to_owned()
        });
    }
    lines.join("\n") + "\n"
}

/// One edit, and the beginnings of the lines it may touch.
#[derive(Clone, Debug)]
enum Edit {
    Name(String),
    Seed(u64),
    BatchSize(usize),
    Rate(Index, Box<Schedule>),
    Peak(Index, f64),
    Preset(Index, Index),
    Warmup(Index, f64),
    Plateau(Index),
    Momentum(Index, f64),
    Rename(Index, u32),
    Duplicate(Index),
    Fork(Index),
    Snapshots(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        any::<String>().prop_map(Edit::Name),
        (0..1000u64).prop_map(Edit::Seed),
        (1..500usize).prop_map(Edit::BatchSize),
        (at(), any::schedule(false)).prop_map(|(at, lr)| Edit::Rate(at, Box::new(lr))),
        (at(), 1e-4..1.0f64).prop_map(|(at, peak)| Edit::Peak(at, peak)),
        (at(), at()).prop_map(|(at, preset)| Edit::Preset(at, preset)),
        (at(), 1.0..50.0f64).prop_map(|(at, over)| Edit::Warmup(at, over)),
        at().prop_map(Edit::Plateau),
        (at(), 0.0..0.9f64).prop_map(|(at, momentum)| Edit::Momentum(at, momentum)),
        (at(), any::<u32>()).prop_map(|(at, name)| Edit::Rename(at, name)),
        at().prop_map(Edit::Duplicate),
        at().prop_map(Edit::Fork),
        (1..20usize).prop_map(Edit::Snapshots),
    ]
}

impl Edit {
    fn touches(&self) -> &'static [&'static str] {
        match self {
            Self::Name(_) => &["name ="],
            Self::Seed(_) => &["seed ="],
            Self::BatchSize(_) => &["batch_size ="],
            // A name that says the shape follows it, and a sweep and forks follow the name of their run.
            Self::Rate(..) | Self::Peak(..) | Self::Warmup(..) => &["lr =", "name =", "fork =", "run ="],
            Self::Preset(..) => &["lr =", "plateau =", "greedy =", "name =", "fork =", "run ="],
            Self::Plateau(_) => &["plateau =", "greedy =", "name =", "fork =", "run ="],
            Self::Momentum(..) => &["optimizer ="],
            // A sweep follows the name of its run.
            Self::Rename(..) => &["name =", "fork =", "run ="],
            Self::Duplicate(_) | Self::Fork(_) => &[],
            Self::Snapshots(_) => &["when =", "keep =", "average ="],
        }
    }

    fn make(&self, document: &mut Document) {
        let id = |document: &Document, at: &Index| {
            let ids: Vec<_> = document.runs().map(|(row, _)| row.id).collect();
            ids[at.index(ids.len())]
        };
        let clock = document.experiment().train.updates;
        let clock = anneal_studio::schedule::Clock { updates: clock.amount() as u64, updates_per_epoch: 10 };
        match self.clone() {
            Self::Name(name) => document.edit(|it| it.name = name),
            Self::Seed(seed) => document.edit(|it| it.train.seed = seed),
            Self::BatchSize(size) => document.edit(|it| {
                if it.data.limit.is_none_or(|limit| size <= limit) && it.data.batch_size != BatchSize::All {
                    it.data.batch_size = BatchSize::Samples(size);
                }
            }),
            Self::Rate(at, lr) => document.edit_run(id(document, &at), |run| run.lr = *lr),
            Self::Peak(at, peak) => document.edit_run(id(document, &at), |run| {
                run.lr.kind = Kind::Constant(Constant { peak });
            }),
            Self::Preset(at, preset) => {
                document.edit_run(id(document, &at), |run| {
                    presets()[preset.index(presets().len())].apply(run, clock);
                });
            }
            Self::Warmup(at, over) => document.edit_run(id(document, &at), |run| {
                let over = Span::Percent(over);
                run.lr.warmup = Some(Warmup::new(over, 0.25, Ramp::Cosine));
            }),
            Self::Plateau(at) => document.edit_run(id(document, &at), |run| {
                let rule = Plateau { metric: Metric::TrainLoss, ..Plateau::default() };
                run.controller =
                    if run.controller.is_some() { None } else { Some(Controller::Plateau(rule)) };
            }),
            Self::Momentum(at, momentum) => document.edit_run(id(document, &at), |run| {
                if let Some(name) = run.optimizer.kind.momentum_name() {
                    assert!(run.optimizer.set(name, Number::Fixed(momentum)));
                }
            }),
            Self::Rename(at, name) => document.rename(id(document, &at), &format!("run {name}")),
            Self::Duplicate(at) => {
                let run = document.run(id(document, &at)).unwrap().clone();
                document.add(run);
            }
            Self::Fork(at) => {
                let run = document.run(id(document, &at)).unwrap().clone();
                let fork = Some(Fork { of: run.name.clone(), at: Span::Percent(99.0) });
                document.add(Run { fork, ..run });
            }
            Self::Snapshots(keep) => document.edit(|it| {
                it.snapshots = Some(Snapshots { when: SnapshotWhen::CycleEnd, keep, average: vec![] });
            }),
        }
    }
}

/// The comment of a line, if any; no text of an example holds the sign.
fn comment(line: &str) -> Option<&str> {
    line.find('#').map(|at| &line[at..])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_edit_leaves_every_comment_and_every_untouched_line(file in any::<Index>(), edit in edit()) {
        let files = examples();
        let (name, text) = &files[file.index(files.len())];
        let text = annotated(text);
        let mut document = Document::new(read(&text), None);
        edit.make(&mut document);
        // What no file can say: a batch larger than the data, a fork with nothing left to train.
        let wanted = document.experiment();
        let again = Experiment::parse(&wanted.to_toml(), "out.toml");
        prop_assume!(again.is_ok_and(|again| again == *wanted));
        let kept = saved(&text, |document| edit.make(document));
        let touches = |line: &str| edit.touches().iter().any(|start| line.starts_with(start));
        let mut after = kept.lines();
        for line in text.lines() {
            let found = if touches(line) {
                comment(line).is_none_or(|comment| after.any(|line| line.ends_with(comment)))
            } else {
                after.any(|other| other == line)
            };
            prop_assert!(found, "{name}: {line}\nis not in order in\n{kept}");
        }
    }
}
