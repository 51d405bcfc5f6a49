//! The keyboard alone: what Tab reaches, what keys do there, and that everything has a name.

use std::collections::BTreeSet;

use anneal_studio::engine::protocol::Command;
use anneal_studio::ui::panels::PANELS;
use anneal_studio::ui::view::{Tab, Window};
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Rect, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, UPDATES, first, open};
use crate::support::digits;

/// What one can act on, or look at.
const ACTS: [Role; 14] = [
    Role::Button,
    Role::CheckBox,
    Role::ComboBox,
    Role::Figure,
    Role::Image,
    Role::Link,
    Role::ListItem,
    Role::MultilineTextInput,
    Role::RadioButton,
    Role::Slider,
    Role::SpinButton,
    Role::Splitter,
    Role::Switch,
    Role::TextInput,
];

/// What has the focus: its name, or what it says, and where it is.
fn focused(studio: &Studio) -> Option<(String, Rect)> {
    let node = studio.harness.query_all_by(|node| node.is_focused() && node.role() != Role::Window).last()?;
    let rect = node.rect();
    let node = node.accesskit_node();
    Some((node.label().or_else(|| node.value()).unwrap_or_default(), rect))
}

/// What Tab reaches until it comes round, in order.
fn stops(studio: &mut Studio) -> Vec<(String, Rect)> {
    let mut stops: Vec<(String, Rect)> = Vec::new();
    for _ in 0..300 {
        studio.press(Modifiers::NONE, Key::Tab);
        let Some(stop) = focused(studio) else { continue };
        if stops.len() > 20 && stops.first().is_some_and(|first| first.0 == stop.0) {
            break;
        }
        stops.push(stop);
    }
    stops
}

fn focus(studio: &mut Studio, label: &str) {
    studio.harness.get_by_label(label).focus();
    studio.harness.run_steps(3);
}

fn cursor(studio: &Studio) -> Option<f64> {
    studio.harness.state().studio().view.cursor
}

fn window(studio: &Studio) -> (f64, f64) {
    studio.harness.state().studio().view.window.bounds(400, UPDATES)
}

#[test]
fn tab_reaches_bars_runs_fields_plots_and_handles_and_the_timeline_once() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    let stops: Vec<String> = stops(&mut studio).into_iter().map(|(name, _)| name).collect();
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
        "Learning rate plot",
        "Loss plot",
        "Momentum plot",
        "More for the loss plot",
        "Draw freehand",
        "Rate axis: logarithmic",
        "Peak and warmup end handle",
        "Floor handle",
        "Height of the rate plot",
        "Height of the loss plot",
        "Width of the runs",
    ] {
        assert!(stops.iter().any(|stop| stop == wanted), "Tab never reaches {wanted}: {stops:#?}");
    }
    let count = |name: &str| stops.iter().filter(|stop| *stop == name).count();
    assert_eq!(count("Timeline"), 1, "{stops:#?}");
    assert!(!stops.iter().any(|stop| stop.starts_with("Snapshot,") || stop.starts_with("Playhead")));
    assert!(stops.iter().all(|stop| !stop.trim().is_empty()), "something has no name: {stops:#?}");
}

#[test]
fn a_panel_scrolls_to_what_tab_reaches() {
    let size = (1024.0, 640.0);
    let mut studio = open(digits(), None, 400, size);
    studio.click("Experiment");
    let lost: Vec<(String, Rect)> = stops(&mut studio)
        .into_iter()
        .filter(|(_, rect)| !(0.0..=size.1).contains(&rect.center().y))
        .collect();
    assert!(lost.is_empty(), "out of the window: {lost:#?}");
}

#[test]
fn arrow_keys_read_a_plot_that_has_the_focus() {
    let mut studio = first(400);
    focus(&mut studio, "Loss plot");
    assert_eq!(cursor(&studio), None);
    studio.press(Modifiers::NONE, Key::ArrowLeft);
    let start = cursor(&studio).expect("a cursor");
    assert!((390.0..400.0).contains(&start), "it begins where training stands: {start}");
    studio.press(Modifiers::NONE, Key::ArrowLeft);
    let next = cursor(&studio).unwrap();
    assert!(next < start && start - next <= 3.0, "{start} {next}");
    studio.press(Modifiers::SHIFT, Key::ArrowLeft);
    assert!(next - cursor(&studio).unwrap() >= 10.0);
    assert!(studio.says("Momentum") && studio.says("Epoch"), "values are read there");
    let said = studio.harness.get_by_label("Loss plot").accesskit_node().value().unwrap_or_default();
    assert!(said.starts_with("update ") && said.contains("constant, loss: "), "{said}");
    studio.press(Modifiers::NONE, Key::Home);
    assert_eq!(cursor(&studio), Some(0.0));
    studio.press(Modifiers::NONE, Key::End);
    assert_eq!(cursor(&studio), Some(UPDATES as f64 - 1.0));
    // The pointer takes over.
    let rect = studio.rect("Loss plot");
    studio.harness.hover_at(rect.lerp_inside(vec2(0.3, 0.5)));
    studio.harness.run_steps(3);
    assert!(cursor(&studio).unwrap() < 400.0);
}

#[test]
fn keys_zoom_and_pan_a_plot_and_escape_leaves_it() {
    let mut studio = first(400);
    focus(&mut studio, "Learning rate plot");
    studio.press(Modifiers::NONE, Key::Plus);
    studio.press(Modifiers::NONE, Key::Plus);
    let (from, to) = window(&studio);
    assert!(to - from < 0.7 * UPDATES as f64 && from <= 399.0 && to >= 399.0, "{from} {to}");
    studio.press(Modifiers::NONE, Key::PageDown);
    let after = window(&studio);
    assert!(after.0 > from && after.1 <= UPDATES as f64);
    studio.press(Modifiers::NONE, Key::PageUp);
    assert!(window(&studio).0 < after.0);
    studio.press(Modifiers::NONE, Key::Home);
    studio.press(Modifiers::SHIFT, Key::ArrowLeft);
    let (from, _) = window(&studio);
    assert!(cursor(&studio).unwrap() >= from.floor(), "the window follows the cursor");
    studio.press(Modifiers::NONE, Key::Escape);
    assert_eq!(studio.harness.state().studio().view.window, Window::Whole);
    assert!(focused(&studio).is_some_and(|(name, _)| name == "Learning rate plot"));
    studio.press(Modifiers::NONE, Key::Escape);
    assert_eq!(cursor(&studio), None);
}

#[test]
fn keys_that_a_widget_uses_are_no_shortcuts() {
    let mut studio = first(400);
    focus(&mut studio, "Loss plot");
    // A plot has no use for these.
    studio.press(Modifiers::NONE, Key::Space);
    assert!(studio.log.said(|command| matches!(command, Command::Play)));
    studio.press(Modifiers::NONE, Key::L);
    assert!(matches!(studio.harness.state().studio().view.window, Window::Follow { .. }));
    let mut studio = first(400);
    let runs = studio.document().runs().count();
    focus(&mut studio, "Peak handle");
    studio.press(Modifiers::NONE, Key::Delete);
    studio.press(Modifiers::NONE, Key::Space);
    assert_eq!(studio.document().runs().count(), runs);
    assert!(!studio.log.said(|command| matches!(command, Command::Play)));
}

#[test]
fn the_heights_of_the_plots_are_moved_by_keys_and_by_the_pointer() {
    let mut studio = first(400);
    let heights = |studio: &Studio| studio.harness.state().studio().layout.places.map(|place| place.height());
    let before = heights(&studio);
    focus(&mut studio, "Height of the rate plot");
    for _ in 0..3 {
        studio.press(Modifiers::NONE, Key::ArrowDown);
    }
    let after = heights(&studio);
    assert!((after[0] - before[0] - 24.0).abs() < 2.0, "{before:?} {after:?}");
    assert!((before[1] - after[1] - 24.0).abs() < 2.0 && (before[2] - after[2]).abs() < 2.0);
    let border = studio.rect("Height of the loss plot").center();
    studio.drag(border, border - vec2(0.0, 40.0), 5, |_| ());
    let dragged = heights(&studio);
    assert!((dragged[2] - after[2] - 40.0).abs() < 4.0, "{after:?} {dragged:?}");
    for _ in 0..100 {
        studio.press(Modifiers::NONE, Key::ArrowUp);
    }
    assert!(heights(&studio)[0] > 60.0, "a plot keeps the least height");
}

#[test]
fn the_widths_of_the_panels_are_moved_by_keys() {
    let mut studio = first(400);
    let across = |studio: &Studio| studio.harness.state().studio().layout.across;
    let before = across(&studio);
    focus(&mut studio, "Width of the runs");
    studio.press(Modifiers::NONE, Key::ArrowRight);
    assert!(across(&studio).min > before.min + 20.0);
    focus(&mut studio, "Width of the side panel");
    studio.press(Modifiers::NONE, Key::ArrowLeft);
    assert!(across(&studio).max < before.max - 20.0);
}

#[test]
fn arrow_keys_go_from_mark_to_mark_on_the_timeline() {
    let mut studio = first(400);
    focus(&mut studio, "Timeline");
    let said = |studio: &Studio| {
        studio.harness.get_by_label("Timeline").accesskit_node().value().unwrap_or_default()
    };
    assert_eq!(said(&studio), "update 400 of 1000");
    studio.press(Modifiers::NONE, Key::Home);
    assert!(said(&studio).starts_with("Update 0"), "{}", said(&studio));
    studio.press(Modifiers::NONE, Key::ArrowRight);
    assert!(said(&studio).starts_with("Update 10"), "{}", said(&studio));
    studio.press(Modifiers::NONE, Key::ArrowLeft);
    assert!(said(&studio).starts_with("Update 0"), "{}", said(&studio));
    studio.press(Modifiers::NONE, Key::Tab);
    assert_eq!(said(&studio), "update 400 of 1000");
}

/// What can be acted on, or has the focus, and has no name, with its role and where it is.
fn nameless(studio: &Studio, place: &str) -> BTreeSet<String> {
    let found = studio.harness.query_all_by(|node| {
        let stops = node.data().supports_action(eframe::egui::accesskit::Action::Focus);
        (ACTS.contains(&node.role()) || stops && node.role() != Role::Window)
            && node.label().or_else(|| node.value()).is_none_or(|name| name.trim().is_empty())
    });
    found
        .map(|node| format!("{place}: {:?} at {:?}", node.accesskit_node().role(), node.rect().center()))
        .collect()
}

#[test]
fn no_node_of_a_screen_readers_tree_is_unnamed() {
    let mut found = BTreeSet::new();
    for panel in PANELS {
        let mut studio = first(400);
        studio.harness.state_mut().studio_mut().view.open(panel.name);
        studio.harness.run_steps(4);
        found.append(&mut nameless(&studio, panel.title));
        for at in 0..panel.views.len() {
            (panel.turn)(studio.harness.state_mut().studio_mut(), at);
            studio.harness.run_steps(3);
            found.append(&mut nameless(&studio, panel.title));
        }
    }
    for tab in [Tab::Schedule, Tab::Optimizer, Tab::Experiment] {
        let mut studio = first(400);
        studio.click("Run warmup + cosine");
        studio.harness.state_mut().studio_mut().view.tab = tab;
        studio.harness.run_steps(3);
        found.append(&mut nameless(&studio, &format!("{tab:?}")));
    }
    for (place, modifiers, key) in [
        ("open", Modifiers::COMMAND, Key::O),
        ("import", Modifiers::COMMAND, Key::I),
        ("palette", Modifiers::COMMAND, Key::P),
        ("gallery", Modifiers::COMMAND, Key::G),
        ("keys", Modifiers::NONE, Key::F1),
        ("presenter", Modifiers::NONE, Key::F11),
        ("rename", Modifiers::NONE, Key::F2),
    ] {
        let mut studio = first(400);
        studio.press(modifiers, key);
        found.append(&mut nameless(&studio, place));
    }
    for presets in anneal_studio::ui::document::presets() {
        let mut studio = first(400);
        studio.click("Schedule: Constant");
        studio.click(presets.name);
        found.append(&mut nameless(&studio, presets.name));
    }
    assert!(found.is_empty(), "{found:#?}");
}
