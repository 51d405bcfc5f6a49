//! Opening, saving, and work that is not saved.

use anneal_studio::experiment::Experiment;
use anneal_studio::train::ids::RunId;
use anneal_studio::ui::document::first as opening;
use anneal_studio::ui::picker::Ask;
use anneal_studio::ui::sheet::Sheet;
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, first};

fn edited() -> Studio {
    let mut studio = first(200);
    studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(0.03);
    studio.harness.run_steps(3);
    assert!(studio.document().is_dirty());
    studio
}

fn type_path(studio: &mut Studio, path: &str) {
    let field = studio.harness.get_by_label("Path of the file");
    field.focus();
    studio.harness.run_steps(2);
    studio.press(Modifiers::COMMAND, Key::A);
    studio.harness.get_by_role_and_label(Role::TextInput, "Path of the file").type_text(path);
    studio.harness.run_steps(2);
}

fn sheet_button(studio: &mut Studio, label: &str) {
    studio.harness.get_by_role_and_label(Role::Button, label).click();
    studio.harness.run_steps(4);
}

#[test]
fn unsaved_work_is_guarded_and_kept_on_cancel() {
    let mut studio = edited();
    for (modifiers, key) in
        [(Modifiers::COMMAND, Key::N), (Modifiers::COMMAND, Key::O), (Modifiers::COMMAND, Key::Q)]
    {
        studio.press(modifiers, key);
        assert!(studio.says("Save the changes to"), "{key:?} asks nothing");
        sheet_button(&mut studio, "Cancel");
        assert!(!studio.says("Save the changes to"));
        assert_eq!(studio.number("peak"), 0.03);
    }
}

#[test]
fn discarded_work_is_replaced_by_runs_the_engine_has_not_seen() {
    let mut studio = edited();
    let old: Vec<RunId> = studio.document().runs().map(|(row, _)| row.id).collect();
    studio.press(Modifiers::COMMAND, Key::N);
    sheet_button(&mut studio, "Discard changes");
    assert!(!studio.document().is_dirty());
    assert_eq!(studio.document().experiment(), &opening().unwrap());
    assert!(studio.document().runs().all(|(row, _)| !old.contains(&row.id)));
    assert_eq!(studio.log.revisions(), 2);
}

#[test]
fn a_saved_experiment_needs_no_guard() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.toml");
    let mut studio = edited();
    studio.press(Modifiers::COMMAND, Key::S);
    type_path(&mut studio, &path.display().to_string());
    sheet_button(&mut studio, "Save");
    assert!(!studio.document().is_dirty());
    assert_eq!(&Experiment::open(&path).unwrap(), studio.document().experiment());
    assert!(studio.says("Saved"));
    // From now on saving asks for no path.
    studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(0.04);
    studio.harness.run_steps(3);
    studio.press(Modifiers::COMMAND, Key::S);
    assert!(!studio.document().is_dirty());
    studio.press(Modifiers::COMMAND, Key::N);
    assert!(!studio.says("Save the changes to"));
}

#[test]
fn a_failed_save_keeps_the_work_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder").join("kept.toml");
    let mut studio = edited();
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    type_path(&mut studio, &path.display().to_string());
    sheet_button(&mut studio, "Save");
    assert!(studio.document().is_dirty());
    assert!(studio.says("Not saved"));
    assert!(studio.says("Your changes are still here"));
    sheet_button(&mut studio, "Cancel");
    assert_eq!(studio.number("peak"), 0.03);
}

#[test]
fn saving_first_goes_on_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.toml");
    let mut studio = edited();
    studio.press(Modifiers::COMMAND, Key::N);
    sheet_button(&mut studio, "Save");
    type_path(&mut studio, &path.display().to_string());
    sheet_button(&mut studio, "Save");
    assert!(path.exists());
    assert_eq!(studio.document().experiment(), &opening().unwrap(), "the new experiment is here");
}

#[test]
fn the_system_dialog_answers_for_the_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.toml");
    let mut other = crate::support::digits();
    other.name = "another one".into();
    other.save(&path).unwrap();
    let mut studio = first(200);
    *studio.log.answer.borrow_mut() = Some(path);
    studio.press(Modifiers::COMMAND, Key::O);
    sheet_button(&mut studio, "Browse…");
    assert_eq!(*studio.log.asked.borrow(), [Ask::Open]);
    assert_eq!(studio.document().experiment().name, "another one");
    assert!(!studio.document().is_dirty());
}

#[test]
fn where_no_dialog_opens_a_path_can_still_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.toml");
    let mut other = crate::support::digits();
    other.name = "typed".into();
    other.save(&path).unwrap();
    let mut studio = first(200);
    studio.press(Modifiers::COMMAND, Key::O);
    sheet_button(&mut studio, "Browse…");
    assert!(matches!(studio.harness.state().studio().sheet, Some(Sheet::Open { .. })), "the sheet is gone");
    type_path(&mut studio, &path.display().to_string());
    studio.press(Modifiers::NONE, Key::Enter);
    assert_eq!(studio.document().experiment().name, "typed");
}

#[test]
fn a_broken_file_changes_nothing_and_is_explained_where_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.toml");
    crate::support::digits().save(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap().replacen("name = \"digits\"", "name = \"digitz\"", 1);
    std::fs::write(&path, text).unwrap();
    let mut studio = first(200);
    let before = studio.document().experiment().clone();
    studio.press(Modifiers::COMMAND, Key::O);
    type_path(&mut studio, &path.display().to_string());
    sheet_button(&mut studio, "Open");
    assert!(studio.says("digitz"));
    assert_eq!(studio.document().experiment(), &before);
}

#[test]
fn closing_the_window_asks_first() {
    let mut studio = edited();
    studio
        .harness
        .input_mut()
        .viewports
        .entry(eframe::egui::ViewportId::ROOT)
        .or_default()
        .events
        .push(eframe::egui::ViewportEvent::Close);
    studio.harness.run_steps(2);
    assert!(studio.says("Save the changes to"));
}
