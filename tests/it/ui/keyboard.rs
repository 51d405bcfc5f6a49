//! The keyboard alone: what Tab reaches in the bars, the runs and the inspector has a name.

use std::collections::BTreeSet;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, first};

/// What one can act on, or look at.
const ACTS: [Role; 12] = [
    Role::Button,
    Role::CheckBox,
    Role::ComboBox,
    Role::Figure,
    Role::Image,
    Role::Link,
    Role::ListItem,
    Role::RadioButton,
    Role::Slider,
    Role::SpinButton,
    Role::Switch,
    Role::TextInput,
];

/// What has the focus: its name, or what it says.
fn focused(studio: &Studio) -> Option<String> {
    let node = studio.harness.query_all_by(|node| node.is_focused() && node.role() != Role::Window).last()?;
    let node = node.accesskit_node();
    Some(node.label().or_else(|| node.value()).unwrap_or_default())
}

/// What Tab reaches until it comes round, in order.
fn stops(studio: &mut Studio) -> Vec<String> {
    let mut stops: Vec<String> = Vec::new();
    for _ in 0..200 {
        studio.press(Modifiers::NONE, Key::Tab);
        let Some(name) = focused(studio) else { continue };
        if stops.len() > 20 && stops.first() == Some(&name) {
            break;
        }
        stops.push(name);
    }
    stops
}

#[test]
fn tab_reaches_bars_runs_and_fields_and_the_timeline_once() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    let stops = stops(&mut studio);
    for wanted in [
        "Experiment name",
        "Play",
        "Speed",
        "Instant",
        "Run warmup + cosine",
        "Hide constant",
        "More for one-cycle",
        "Schedule: Warmup + cosine",
        "Side panel: Results",
    ] {
        assert!(stops.iter().any(|stop| stop == wanted), "Tab never reaches {wanted}: {stops:#?}");
    }
    let count = |name: &str| stops.iter().filter(|stop| *stop == name).count();
    assert_eq!(count("Timeline"), 1, "{stops:#?}");
    assert!(stops.iter().all(|stop| !stop.trim().is_empty()), "something has no name: {stops:#?}");
}

#[test]
fn no_node_of_a_screen_readers_tree_that_can_be_acted_on_is_without_a_name() {
    for panel in ["Results", "Lesson", "Diagnosis", "Export", "Range test", "Snapshots", "Glossary"] {
        let mut studio = first(400);
        studio.panel(panel);
        let nameless: BTreeSet<String> = studio
            .harness
            .query_all_by(|node| {
                ACTS.contains(&node.role()) && node.label().is_none_or(|label| label.trim().is_empty())
            })
            .map(|node| format!("{:?}", node.accesskit_node().role()))
            .collect();
        assert!(nameless.is_empty(), "{panel}: {nameless:?}");
    }
}
