//! What the studio remembers between two starts.

use anneal_studio::experiment::Experiment;
use anneal_studio::files::Places;
use anneal_studio::ui::keeper::Preferences;
use anneal_studio::ui::plot::Scale;
use eframe::App as _;
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Rect, Theme, ViewportId, pos2, vec2};
use egui_kittest::kittest::Queryable as _;

use crate::support::digits;

use super::stand_in::{Studio, open_kept};
use super::sweeps::wait;

fn set_peak(studio: &mut Studio, peak: f64) {
    studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(peak);
    studio.harness.run_steps(3);
}

/// Ends a studio as a crash does, once the disk has what was handed over: nothing is closed.
fn crash(mut studio: Studio) {
    wait(&mut studio, |studio| {
        let (newest, written) = studio.harness.state().kept().expect("it keeps work");
        newest == written
    });
    drop(studio);
}

/// Ends a studio as closing its window does.
fn close(mut studio: Studio) {
    studio.harness.state_mut().on_exit();
}

#[test]
fn unsaved_edits_are_offered_after_a_crash_and_come_back_with_their_history() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    assert!(!studio.says("not saved when the studio ended"));
    let before = studio.number("peak");
    set_peak(&mut studio, 0.03);
    set_peak(&mut studio, 0.04);
    crash(studio);

    let mut studio = open_kept(digits(), None, &places);
    assert!(studio.says("has edits that were not saved when the studio ended just now."));
    assert_eq!(studio.number("peak"), before, "nothing is taken up unasked");
    studio.click("Restore");
    assert!(!studio.says("not saved when the studio ended"));
    assert_eq!(studio.number("peak"), 0.04);
    assert!(studio.document().is_dirty());
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.number("peak"), 0.03);
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.number("peak"), before);
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    crash(studio);

    // What was taken up is this start's now, and is offered once.
    let mut studio = open_kept(digits(), None, &places);
    studio.click("Restore");
    assert_eq!(studio.number("peak"), 0.03);
    assert!(!studio.says("not saved when the studio ended"));
}

#[test]
fn work_that_was_given_up_is_not_offered_again() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    set_peak(&mut studio, 0.03);
    crash(studio);
    let mut studio = open_kept(digits(), None, &places);
    studio.click("Discard");
    assert!(!studio.says("not saved when the studio ended"));
    crash(studio);
    let studio = open_kept(digits(), None, &places);
    assert!(!studio.says("not saved when the studio ended"));
}

#[test]
fn undo_goes_on_after_a_restart_unless_the_file_says_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let path = folder.path().join("kept.toml");
    digits().save(&path).unwrap();
    let open = || open_kept(Experiment::open(&path).unwrap(), Some(path.clone()), &places);
    let mut studio = open();
    let before = studio.number("peak");
    set_peak(&mut studio, 0.03);
    studio.press(Modifiers::COMMAND, Key::S);
    close(studio);

    let mut studio = open();
    assert!(!studio.document().is_dirty() && studio.number("peak") == 0.03);
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.number("peak"), before);
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    close(studio);

    let mut other = Experiment::open(&path).unwrap();
    other.name = "changed by an editor".into();
    other.save(&path).unwrap();
    let studio = open();
    assert!(!studio.document().can_undo());
    assert_eq!(studio.document().experiment().name, "changed by an editor");
}

#[test]
fn the_look_of_the_studio_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    let was = studio.harness.state().studio().view.rate_scale;
    let other = if was == Scale::Log { Scale::Linear } else { Scale::Log };
    studio.harness.state_mut().studio_mut().view.rate_scale = other;
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    studio.panel("Glossary");
    assert_eq!(studio.harness.ctx.theme(), Theme::Light);
    close(studio);
    let text = std::fs::read_to_string(Preferences::path(&places.config)).unwrap();
    assert!(text.contains("theme = \"light\""), "{text}");

    let studio = open_kept(digits(), None, &places);
    assert_eq!(studio.harness.state().studio().view.rate_scale, other);
    assert!(studio.harness.query_by_role_and_label(Role::ComboBox, "Side panel: Glossary").is_some());
}

#[test]
fn another_document_is_looked_at_as_one_likes() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    // Everything but the theme otherwise than at first.
    let liked = r#"
        theme = "dark"
        zoom = 1.2
        panel = "glossary"
        panel_open = false
        rate_axis = "log"
        loss_axis = "linear"
        number_axis = "log"
        smoothing = false
        half_life = 0.03
        x_axis = "epochs"
        docked = true
        reduced_motion = true
        knows_handles = true
        library = "/nowhere/of/mine"
        notify_desktop = true
        notify_webhook = "http://localhost:9/hook"
    "#;
    std::fs::create_dir_all(&places.config).unwrap();
    std::fs::write(Preferences::path(&places.config), liked).unwrap();
    let before = Preferences::open(&places.config).unwrap();
    let mut studio = open_kept(digits(), None, &places);
    studio.press(Modifiers::COMMAND, Key::N);
    assert_ne!(studio.document().experiment().name, digits().name);
    close(studio);
    let after = Preferences::open(&places.config).unwrap();
    assert_eq!(Preferences { window: None, ..after }, Preferences { window: None, ..before });
}

/// Where the system knows the window's place, as it does outside of tests.
#[test]
fn the_size_of_the_window_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let mut studio = open_kept(digits(), None, &places);
    let place = Rect::from_min_size(pos2(40.0, 30.0), vec2(1234.0, 777.0));
    let viewport = studio.harness.input_mut().viewports.entry(ViewportId::ROOT).or_default();
    viewport.inner_rect = Some(place);
    studio.harness.run_steps(3);
    close(studio);
    let kept = Preferences::open(&places.config).unwrap();
    assert_eq!(kept.window_size(), [1234.0, 777.0]);
}

#[test]
fn preferences_that_cannot_be_read_are_said_and_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    std::fs::create_dir_all(&places.config).unwrap();
    std::fs::write(places.config.join("preferences.toml"), "theme = 7\n").unwrap();
    let studio = open_kept(digits(), None, &places);
    assert!(studio.says("are not used"));
}

#[test]
fn files_that_were_opened_are_a_click_away_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::below(folder.path());
    let path = folder.path().join("a recent one.toml");
    let mut experiment = digits();
    experiment.name = "the recent one".into();
    experiment.save(&path).unwrap();
    close(open_kept(experiment, Some(path), &places));

    let mut studio = open_kept(digits(), None, &places);
    studio.click("File");
    studio.harness.get_by_label_contains("Open recent").click();
    studio.harness.run_steps(4);
    studio.harness.get_by_label_contains("a recent one.toml").click();
    studio.harness.run_steps(4);
    assert_eq!(studio.document().experiment().name, "the recent one");
}
