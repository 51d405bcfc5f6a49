//! Groups in files: saved with every comment, and a column each in logs and in printed schedules.

use std::sync::Arc;

use anneal_studio::experiment::{Comments, Experiment, Group, GroupRate};
use anneal_studio::schedule::Span;
use anneal_studio::telemetry::metrics::{Reader, Writer};
use anneal_studio::telemetry::{GroupColumn, GroupRow, Row, Store};

use super::{SGD, moons};
use crate::support::cohort;

const GROUPS: &str = "\
# The head is new.
[[run.group]]
match = \"head\" # both of it
lr = 5

# Frozen at first.
[[run.group]]
match = \"layer 0\"
freeze = \"20%\" # a fifth

# The end.
";

fn saved(edit: impl FnOnce(&mut Experiment)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.toml");
    std::fs::write(&path, moons(&format!("{SGD}{GROUPS}"))).unwrap();
    let mut experiment = Experiment::open(&path).unwrap();
    edit(&mut experiment);
    assert_eq!(experiment.save_like(&path, &path).unwrap(), Comments::Kept);
    assert_eq!(Experiment::open(&path).unwrap(), experiment);
    let text = std::fs::read_to_string(&path).unwrap();
    text.split_once("peak = 0.1 }\n").unwrap().1.to_owned()
}

#[test]
fn a_save_keeps_the_comments_of_groups() {
    assert_eq!(saved(|_| ()).trim_end(), GROUPS.trim_end());
    let factor = saved(|it| it.runs[0].groups[0].lr = GroupRate::Factor(2.0));
    assert_eq!(factor.trim_end(), GROUPS.replace("lr = 5", "lr = 2.0").trim_end());
    let longer = saved(|it| it.runs[0].groups[1].freeze = Some(Span::Updates(30.0)));
    assert_eq!(longer.trim_end(), GROUPS.replace("\"20%\"", "\"30\"").trim_end());
    let (first, rest) = GROUPS.split_once("# Frozen at first.").unwrap();
    let without = saved(|it| _ = it.runs[0].groups.remove(1));
    assert_eq!(
        without.trim_end(),
        format!("{first}{}", rest.split_once("# a fifth\n\n").unwrap().1).trim_end()
    );
    let added = saved(|it| it.runs[0].groups.push(Group { weight_decay: Some(0.0), ..Group::new("bias") }));
    let section = "# a fifth\n[[run.group]]\nmatch = \"bias\"\nweight_decay = 0.0";
    assert_eq!(added.trim_end(), GROUPS.replace("# a fifth", section).trim_end());
    let none = saved(|it| it.runs[0].groups.clear());
    assert_eq!(none.trim(), "# The end.");
}

#[test]
fn a_group_is_added_to_a_file_that_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.toml");
    let text = moons(&format!("{SGD}# about nothing"));
    std::fs::write(&path, &text).unwrap();
    let mut experiment = Experiment::open(&path).unwrap();
    experiment.runs[0].groups.push(Group::new("head"));
    assert_eq!(experiment.save_like(&path, &path).unwrap(), Comments::Kept);
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept.contains("# about nothing"), "{kept}");
    assert_eq!(Experiment::open(&path).unwrap(), experiment);
    assert_eq!(Experiment::parse(&experiment.to_toml(), "e.toml").unwrap(), experiment);
}

#[test]
fn metrics_have_a_column_for_each_groups_rate_and_length_and_are_read_back() {
    let runs = "[[run.group]]\nmatch = \"head\"\n[[run]]\nname = \"other\"\noptimizer = { kind = \"sgd\" }\n\
                lr = { kind = \"constant\", peak = 0.1 }\n[[run.group]]\nmatch = \"bias, all\"\n";
    let text = moons(&format!("{SGD}{}", runs.replace("bias, all", "*.bias")));
    let mut trained = cohort(&text, 1);
    trained.advance(u64::MAX, u64::MAX).unwrap();
    let names = trained.revision().experiment.group_names();
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, names).unwrap();
    let mut stores = Vec::new();
    for (lane, run) in trained.lanes().iter().zip(["run", "other"]) {
        let mut store = Store::new(1 << 20);
        for (rows, names) in lane.log.stretches() {
            rows.iter().for_each(|row| writer.write((run, 0), 0, row, names).unwrap());
            store.append_grouped(rows, names);
        }
        stores.push(store);
    }
    writer.flush().unwrap();
    drop(writer);
    let text = String::from_utf8(file).unwrap();
    assert!(text.lines().next().unwrap().ends_with(",lr:head,param_norm:head,lr:*.bias,param_norm:*.bias"));
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    assert!(reader.is_current() && reader.unknown().is_empty());
    assert_eq!(reader.groups().len(), 2);
    let mut again = [Store::new(1 << 20), Store::new(1 << 20)];
    for line in reader.map(Result::unwrap) {
        again[usize::from(&*line.run == "other")].append_grouped(&[line.row], &line.groups);
    }
    for ((store, again), name) in stores.iter().zip(&again).zip(["head", "*.bias"]) {
        assert_eq!(again.groups().map(|name| &**name).collect::<Vec<_>>(), [name]);
        for column in GroupColumn::of(name) {
            let samples = |store: &Store| {
                let series = store.group(name, column).unwrap();
                (0..60).filter_map(|at| series.at(at)).map(|it| it.value.to_bits()).collect::<Vec<_>>()
            };
            assert!(!samples(store).is_empty());
            assert_eq!(samples(store), samples(again));
        }
    }
    let damaged = text.replacen(",0.1,\n", ",x,\n", 1);
    assert!(damaged != text);
    assert!(Reader::new(damaged.as_bytes()).unwrap().any(|line| line.is_err()));
}

#[test]
fn a_store_keeps_groups_by_name_and_forgets_them_with_their_updates() {
    let row = |update, rates: &[f64]| Row { update, groups: GroupRow::new(rates), ..Row::default() };
    let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Arc<[Arc<str>]>>();
    let mut store = Store::new(1 << 20);
    store.append_grouped(&[row(0, &[1.0, 2.0]), row(1, &[1.5, 2.5])], &names(&["a", "b"]));
    store.append_grouped(&[row(2, &[3.0])], &names(&["b"]));
    let at = |store: &Store, name, update| store.group(name, GroupColumn::Lr)?.at(update).map(|it| it.value);
    assert_eq!(
        (at(&store, "a", 1), at(&store, "b", 1), at(&store, "b", 2)),
        (Some(1.5), Some(2.5), Some(3.0))
    );
    store.truncate(1);
    assert_eq!((at(&store, "b", 0), store.groups().count()), (Some(2.0), 2));
    store.clear();
    assert_eq!(store.groups().count(), 0);
}
