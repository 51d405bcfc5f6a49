//! One line from one studio to another, and what is found by a few letters.

use anneal_studio::experiment::Experiment;
use anneal_studio::train::ids::Mode;
use anneal_studio::ui::action::Action;
use anneal_studio::ui::document::first as opening;
use anneal_studio::ui::sheet::Sheet;
use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, OutputCommand};
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, first};
use crate::support::digits;

fn paste(studio: &mut Studio, text: &str) {
    studio.harness.event(Event::Paste(text.to_owned()));
    studio.harness.run_steps(4);
}

#[test]
fn a_line_that_is_copied_here_opens_there() {
    let mut studio = first(100);
    // One event, so that the frame it makes is the one that is looked at.
    studio.harness.event(Event::Key {
        key: Key::L,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::COMMAND,
    });
    let copied = (0..4).find_map(|_| {
        studio.harness.step();
        studio.harness.output().platform_output.commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        })
    });
    let line = copied.expect("a line on the clipboard");
    assert_eq!(Experiment::from_line(&line).unwrap(), digits());
    let mut other = super::stand_in::open(opening().unwrap(), None, 100, (1600.0, 1000.0));
    paste(&mut other, &format!("{line}\n"));
    assert_eq!(other.document().experiment(), &digits());
}

#[test]
fn a_damaged_line_is_said_to_be_and_unsaved_work_is_asked_about() {
    let line = opening().unwrap().to_line().unwrap();
    let mut studio = first(100);
    paste(&mut studio, &line[..line.len() / 2]);
    assert!(studio.says("copy the whole line"));
    studio.harness.get_by_role_and_label(Role::Slider, "Peak").set_value_accesskit(0.03);
    studio.harness.run_steps(3);
    paste(&mut studio, &line);
    assert!(studio.says("Save the changes to"));
    assert_eq!(studio.number("peak"), 0.03);
}

#[test]
fn the_palette_takes_a_few_letters_and_enter() {
    let mut studio = first(100);
    for modifiers in [Modifiers::COMMAND, Modifiers::COMMAND | Modifiers::SHIFT] {
        studio.press(modifiers, Key::P);
        assert!(studio.shows("Find anything"));
        studio.press(Modifiers::NONE, Key::Escape);
        assert!(!studio.shows("Find anything"));
    }
    let find = |studio: &mut Studio, text: &str| {
        studio.press(Modifiers::COMMAND, Key::P);
        studio.harness.get_by_role_and_label(Role::TextInput, "Find anything").type_text(text);
        studio.harness.run_steps(3);
        studio.press(Modifiers::NONE, Key::Enter);
        assert!(!studio.shows("Find anything"), "{text} finds nothing");
    };
    find(&mut studio, "onecyc");
    let selected = studio.harness.state().studio().view.selected;
    assert_eq!(studio.document().run(selected).unwrap().lr.kind.name(), "one_cycle");
    find(&mut studio, "panel landscape");
    assert!(studio.shows("Side panel: Landscape"));
    find(&mut studio, "live or inst");
    assert_eq!(studio.harness.state().studio().view.mode, Mode::Instant);
    studio.press(Modifiers::COMMAND, Key::Z);
    find(&mut studio, "example two spirals");
    assert_eq!(studio.document().experiment().name, "two spirals");
}

#[test]
fn a_training_is_saved_as_one_page_that_loads_nothing_and_holds_its_curves() {
    let mut studio = first(400);
    let run = studio.document().first().unwrap();
    studio.harness.state_mut().studio_mut().document.rename(run, "</script><b>");
    studio.harness.state_mut().studio_mut().ask(Action::SavePage);
    studio.harness.run_steps(3);
    let Some(Sheet::Export { path, content, .. }) = studio.harness.state().studio().sheet.clone() else {
        panic!("no place is asked for")
    };
    assert!(path.ends_with(".html"), "{path}");
    let page = String::from_utf8(content.to_vec()).unwrap();
    assert!(
        page.contains("default-src 'none'") && !page.contains("src=\"") && !page.contains("</script><b>")
    );
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: serde_json::Value = serde_json::from_str(&data.replace("<\\/", "</")).unwrap();
    let runs = data["runs"].as_array().unwrap();
    assert_eq!((runs.len(), runs[0]["name"].as_str()), (3, Some("</script><b>")));
    let curves = &runs[0]["curves"];
    let count = |key: &str| curves[key]["y"].as_array().map_or(0, Vec::len);
    assert_eq!((count("lr"), count("val_loss"), count("val_accuracy")), (400, 8, 8));
    assert_eq!(curves["lr"]["y"][0].as_f64(), Some(0.1));
}

#[test]
fn help_lists_every_key_as_it_stands_on_the_keyboard() {
    let mut studio = first(100);
    studio.press(Modifiers::NONE, Key::F1);
    assert!(studio.says("Keys and gestures"));
    for key in [".", "[", "]", "F11"] {
        assert!(studio.shows(key), "{key} is not listed");
    }
    assert!(!studio.says("Period") && !studio.says("Bracket"));
    studio.press(Modifiers::NONE, Key::Escape);
    studio.press(Modifiers::NONE, Key::Questionmark);
    assert!(studio.says("Keys and gestures"));
}

#[test]
fn the_presenter_shows_the_plots_and_which_run_is_which_and_ends_with_escape() {
    let mut studio = first(400);
    studio.press(Modifiers::NONE, Key::F11);
    studio.harness.run_steps(4);
    assert!(!studio.shows("Side panel: Results") && !studio.shows("Restart"));
    assert!(studio.shows("one-cycle") && studio.shows("Loss plot"));
    assert!(studio.harness.ctx.zoom_factor() > 1.4);
    studio.press(Modifiers::NONE, Key::Escape);
    studio.harness.run_steps(4);
    assert!(studio.shows("Restart") && studio.harness.ctx.zoom_factor() == 1.0);
}
