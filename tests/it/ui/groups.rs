//! Parameter groups in the inspector, on the rate plot and in the read-out.

use anneal_studio::experiment::Experiment;
use anneal_studio::telemetry::{GroupColumn, GroupNames, GroupRow, Row};
use anneal_studio::train::ids::LaneId;

use eframe::egui::vec2;
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, open};

const GROUPED: &str = r#"
anneal = 1
name = "grouped"
data = { name = "digits" }
model = { kind = "mlp", hidden = [16] }
train = { updates = "1000" }
[[run]]
name = "fine-tune"
optimizer = { kind = "adamw" }
lr = { kind = "constant", peak = 0.01 }
[[run.group]]
match = "layer 0"
lr = 0.1
freeze = "50%"
"#;

fn studio(trained: u64) -> Studio {
    open(Experiment::parse(GROUPED, "e.toml").unwrap(), None, trained, (1400.0, 1600.0))
}

fn names(studio: &Studio) -> Vec<String> {
    let (_, run) = studio.document().runs().next().unwrap();
    run.groups.iter().map(|group| group.name().to_owned()).collect()
}

#[test]
fn groups_are_added_and_removed_in_the_inspector() {
    let mut studio = studio(0);
    studio.click("Run fine-tune");
    studio.click("Optimizer");
    assert!(studio.shows("Frozen at first") && studio.shows("Decay matrices only"));
    studio.click("Add parameter group");
    assert_eq!(names(&studio), ["layer 0", "head"]);
    let text = studio.document().experiment().to_toml();
    assert_eq!(Experiment::parse(&text, "e.toml").unwrap(), *studio.document().experiment());
    // Every parameter has a group now.
    studio.click("Add parameter group");
    assert_eq!(names(&studio), ["layer 0", "head"]);
}

#[test]
fn a_groups_rate_is_planned_and_what_was_used_is_shown() {
    let mut studio = studio(0);
    studio.harness.run_steps(4);
    let id = studio.document().first().unwrap();
    let rate = |studio: &Studio, update| studio.harness.state().studio().group_rate(id, "layer 0", update);
    assert_eq!((rate(&studio, 0), rate(&studio, 499)), (Some(0.0), Some(0.0)));
    assert!((rate(&studio, 500).unwrap() - 1e-3).abs() < 1e-15);
    let lane = LaneId { run: id, replica: 0 };
    let rows: Vec<Row> = (0..10)
        .map(|update| Row { update, lr: 0.01, groups: GroupRow::new(&[0.002]), ..Row::default() })
        .collect();
    let known: GroupNames = ["layer 0".into()].into_iter().collect();
    {
        let mut shared = studio.log.shared.borrow_mut();
        let view = shared.lanes.get_mut(&lane).unwrap();
        view.store.clear();
        view.store.append_grouped(&rows, &known);
        view.update = 10;
        assert_eq!(view.store.group("layer 0", GroupColumn::Lr).unwrap().at(9).unwrap().value, 0.002);
    }
    studio.harness.run_steps(4);
    let frame = &studio.harness.state().studio().frame;
    let groups = &frame.lane(id).unwrap().groups;
    assert_eq!(groups.len(), 1);
    assert_eq!((&*groups[0].name, groups[0].at_cursor), ("layer 0", Some(0.002)));
    assert!(!groups[0].rates.is_empty());
    // The axis reaches to it.
    assert_eq!(frame.lane(id).unwrap().rates, Some((0.002, 0.01)));
}

#[test]
fn a_groups_curve_tells_its_name_under_the_pointer() {
    let mut studio = studio(0);
    studio.harness.run_steps(4);
    let rect = studio.harness.get_by_label("Learning rate plot").rect();
    let mut found = Vec::new();
    // Down the plot at three quarters of the run, where the group has thawed at a tenth of the rate.
    for step in 0..60 {
        studio.harness.hover_at(rect.lerp_inside(vec2(0.75, step as f32 / 60.0)));
        studio.harness.run_steps(2);
        let hot = studio.harness.state().studio().view.hot_group.clone();
        found.push(hot.map(|hot| hot.name.to_string()));
    }
    let on = found.iter().flatten().count();
    assert!((1..12).contains(&on), "{found:?}");
    assert!(found.iter().flatten().all(|name| name == "layer 0"));
    // Below the curve of the run itself, which comes first.
    let first = found.iter().position(Option::is_some).unwrap();
    assert!(first > 10, "{found:?}");
    studio.harness.hover_at(rect.center_top() - vec2(0.0, 40.0));
    studio.harness.run_steps(4);
    assert_eq!(studio.harness.state().studio().view.hot_group, None);
}
