//! Every control can be reached by its role and its name.

use anneal_studio::engine::protocol::{Command, Speed, State};
use anneal_studio::train::device::Choice;
use anneal_studio::train::ids::Mode;
use anneal_studio::ui::panels::field;
use anneal_studio::ui::view::{Tab, Window};
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, first};

fn reach(studio: &Studio, controls: &[(Role, &str)]) {
    for (role, label) in controls {
        let found = studio.harness.query_all_by_role_and_label(*role, label).count();
        assert!(found > 0, "no {role:?} called \"{label}\"");
    }
}

#[test]
fn the_bars_and_the_list_of_runs() {
    let studio = first(400);
    reach(
        &studio,
        &[
            (Role::TextInput, "Experiment name"),
            (Role::Button, "File"),
            (Role::Button, "Edit"),
            (Role::Button, "Train"),
            (Role::Button, "View"),
            (Role::Button, "Restart"),
            (Role::Button, "Play"),
            (Role::Button, "Single update"),
            (Role::ComboBox, "Speed"),
            (Role::RadioButton, "Live"),
            (Role::RadioButton, "Instant"),
            (Role::Button, "Light theme"),
            (Role::Button, "Add run"),
            (Role::ListItem, "Run constant"),
            (Role::Button, "Hide constant"),
            (Role::Button, "More for warmup + cosine"),
            (Role::Figure, "Learning rate plot"),
            (Role::Figure, "Loss plot"),
            (Role::Figure, "Momentum plot"),
            (Role::Switch, "Rate axis: logarithmic"),
            (Role::Switch, "Loss axis: logarithmic"),
            (Role::Switch, "Smoothing"),
            (Role::ComboBox, "Quantity"),
            (Role::ComboBox, "Number"),
            (Role::Button, "Show the whole run"),
            (Role::Button, "Follow the playhead"),
            (Role::ScrollBar, "Timeline"),
            (Role::ComboBox, "Side panel: Results"),
            (Role::Button, "Fold side panel"),
        ],
    );
}

#[test]
fn the_inspector_of_a_schedule() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    reach(
        &studio,
        &[
            (Role::ComboBox, "Schedule: Warmup + cosine"),
            (Role::Slider, "Peak"),
            (Role::SpinButton, "Peak"),
            (Role::Slider, "Floor"),
            (Role::ComboBox, "After"),
            (Role::CheckBox, "Warmup"),
            (Role::CheckBox, "Cooldown"),
            (Role::CheckBox, "Clamp"),
            (Role::CheckBox, "Change once an epoch"),
            (Role::ComboBox, "Controller"),
            (Role::ComboBox, "Unit of length"),
            (Role::Slider, "From"),
            (Role::ComboBox, "Shape"),
            (Role::Slider, "Peak and warmup end handle"),
            (Role::Slider, "Floor handle"),
            (Role::Slider, "Warmup start handle"),
        ],
    );
}

#[test]
fn the_inspector_of_an_optimizer_and_of_the_experiment() {
    let mut studio = first(400);
    studio.click("Run one-cycle");
    studio.click("Optimizer");
    reach(
        &studio,
        &[
            (Role::ComboBox, "Rule"),
            (Role::ComboBox, "Momentum"),
            (Role::Slider, "At the peak"),
            (Role::Slider, "At the floor"),
            (Role::ComboBox, "Decay λ"),
            (Role::CheckBox, "Batch on a schedule"),
            (Role::CheckBox, "Nesterov"),
            (Role::CheckBox, "Rate by layer"),
        ],
    );
    studio.click("Experiment");
    reach(
        &studio,
        &[
            (Role::ComboBox, "Data"),
            (Role::ComboBox, "Model"),
            (Role::Slider, "Batch size"),
            (Role::CheckBox, "Full batch"),
            (Role::Slider, "Held out"),
            (Role::Slider, "Label noise"),
            (Role::CheckBox, "Fewer samples"),
            (Role::TextInput, "Layers"),
            (Role::ComboBox, "Activation"),
            (Role::SpinButton, "Length"),
            (Role::SpinButton, "Seed"),
            (Role::Slider, "Replicas"),
            (Role::Slider, "Accumulate"),
            (Role::ComboBox, "Loss"),
            (Role::ComboBox, "Weights as"),
            (Role::CheckBox, "Clip the gradient"),
        ],
    );
}

#[test]
fn the_gallery_offers_every_preset_and_applies_it() {
    let mut studio = first(0);
    studio.click("Schedule: Constant");
    for preset in anneal_studio::ui::document::presets() {
        reach(&studio, &[(Role::MenuItemRadio, preset.name)]);
    }
    studio.click("Warm restarts");
    assert_eq!(studio.number("peak"), 0.1, "the peak is taken over");
    assert!(studio.shows("Schedule: Warm restarts"));
    assert!(studio.shows("First cycle handle"));
}

#[test]
fn every_preset_can_be_inspected() {
    for preset in anneal_studio::ui::document::presets() {
        let mut studio = first(300);
        studio.click("Schedule: Constant");
        studio.click(preset.name);
        let label = format!("Schedule: {}", preset.name);
        assert!(studio.shows(&label), "{} is called something else", preset.name);
        assert!(!studio.says("cannot be"), "{}", preset.name);
    }
}

#[test]
fn the_transport_tells_the_engine() {
    let mut studio = first(400);
    studio.click("Play");
    assert!(studio.log.said(|command| matches!(command, Command::Play)));
    studio.log.shared.borrow_mut().status.state = State::Playing;
    studio.harness.run_steps(2);
    studio.click("Pause");
    assert!(studio.log.said(|command| matches!(command, Command::Pause)));
    studio.click("Single update");
    assert!(studio.log.said(|command| matches!(command, Command::Step)));
    studio.click("Restart");
    assert!(studio.log.said(|command| matches!(command, Command::Restart)));
    studio.click("Speed");
    studio.click("10 updates/s");
    assert!(studio.log.said(|command| matches!(command, Command::Speed(Speed::Limited(10.0)))));
}

#[test]
fn keys_do_what_menus_do() {
    let mut studio = first(400);
    studio.press(Modifiers::NONE, Key::Space);
    assert!(studio.log.said(|command| matches!(command, Command::Play)));
    studio.press(Modifiers::NONE, Key::I);
    assert_eq!(studio.harness.state().studio().view.mode, Mode::Instant);
    studio.press(Modifiers::NONE, Key::L);
    assert!(matches!(studio.harness.state().studio().view.window, Window::Follow { .. }));
    studio.press(Modifiers::NONE, Key::F);
    assert_eq!(studio.harness.state().studio().view.window, Window::Whole);
    studio.press(Modifiers::COMMAND, Key::D);
    assert_eq!(studio.document().runs().count(), 4);
    studio.press(Modifiers::NONE, Key::Delete);
    assert_eq!(studio.document().runs().count(), 3);
    studio.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.document().runs().count(), 4);
    studio.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(studio.document().runs().count(), 3);
}

#[test]
fn keys_of_a_name_being_typed_are_letters() {
    let mut studio = first(400);
    studio.harness.get_by_label("Experiment name").click();
    studio.harness.run_steps(2);
    let field = studio.harness.get_by_label("Experiment name");
    field.type_text("i f l");
    studio.harness.run_steps(3);
    studio.press(Modifiers::NONE, Key::Space);
    let studio_state = studio.harness.state().studio();
    assert_eq!(studio_state.view.mode, Mode::Live);
    assert!(studio.document().experiment().name.contains("i f l"));
    assert!(!studio.log.said(|command| matches!(command, Command::Play)));
}

#[test]
fn runs_are_hidden_shown_renamed_and_selected() {
    let mut studio = first(400);
    studio.click("Hide constant");
    assert!(studio.shows("Show constant"));
    studio.click("Show constant");
    studio.click("Run one-cycle");
    studio.press(Modifiers::NONE, Key::F2);
    studio.harness.get_by_label("Run name").type_text("!");
    studio.harness.run_steps(2);
    studio.press(Modifiers::NONE, Key::Enter);
    let names: Vec<String> = studio.document().runs().map(|(_, run)| run.name.clone()).collect();
    assert!(names.iter().any(|name| name.contains('!') && name.contains("one-cycle")), "{names:?}");
}

#[test]
fn tabs_and_panels_switch() {
    let mut studio = first(400);
    studio.click("Optimizer");
    assert_eq!(studio.harness.state().studio().view.tab, Tab::Optimizer);
    studio.panel("Decision field");
    assert_eq!(studio.harness.state().studio().view.panel, Some(field::PANEL.name));
    studio.click("Fold side panel");
    assert!(!studio.harness.state().studio().view.panel_open);
    studio.click("Unfold side panel");
    assert!(studio.harness.state().studio().view.panel_open);
}

#[test]
fn what_is_on_says_so() {
    let studio = first(400);
    let live = studio.harness.get_by_role_and_label(Role::RadioButton, "Live");
    assert_eq!(live.accesskit_node().toggled(), Some(eframe::egui::accesskit::Toggled::True));
    let instant = studio.harness.get_by_role_and_label(Role::RadioButton, "Instant");
    assert_eq!(instant.accesskit_node().toggled(), Some(eframe::egui::accesskit::Toggled::False));
}

/// Data and model change together where one could not do with the other.
#[test]
fn other_data_brings_a_model_that_suits_it() {
    use anneal_studio::experiment::{Loss, Model, Source};
    let mut studio = first(100);
    studio.click("Experiment");
    let pick = |studio: &mut Studio, what: &str, name: &str| {
        studio.harness.get_by_role_and_label(Role::ComboBox, what).click();
        studio.harness.run_steps(3);
        studio.click(name);
    };
    pick(&mut studio, "Model", "Convolutional");
    assert!(matches!(studio.document().experiment().model, Model::Cnn { .. }));
    pick(&mut studio, "Data", "Two spirals");
    assert!(matches!(studio.document().experiment().model, Model::Mlp { .. }));
    pick(&mut studio, "Data", "Noisy sine");
    assert_eq!(studio.document().experiment().train.loss, Some(Loss::Mse));
    pick(&mut studio, "Data", "None: a surface");
    assert_eq!(studio.document().experiment().data.source, Source::None);
    assert!(matches!(studio.document().experiment().model, Model::Surface { .. }));
    // What the studio makes can be saved and read again.
    let text = studio.document().experiment().to_toml();
    let again = anneal_studio::experiment::Experiment::parse(&text, "again.toml").unwrap();
    assert_eq!(&again, studio.document().experiment());
}

#[test]
fn a_table_of_ones_own_is_named_by_path_and_column() {
    use anneal_studio::experiment::Source;
    let mut studio = first(100);
    studio.click("Experiment");
    studio.harness.get_by_role_and_label(Role::ComboBox, "Data").click();
    studio.harness.run_steps(3);
    studio.click("A table of your own");
    assert_eq!(studio.log.revisions(), 0, "nothing changes before the table has a name");
    for (field, text) in [("File", "penguins.csv"), ("Predict", "species")] {
        studio.harness.get_by_role_and_label(Role::TextInput, field).focus();
        studio.harness.run_steps(2);
        studio.harness.get_by_role_and_label(Role::TextInput, field).type_text(text);
        studio.harness.run_steps(2);
    }
    studio.click("Use this table");
    let Source::File { path, label } = &studio.document().experiment().data.source else {
        panic!("no table")
    };
    assert_eq!((path.display().to_string().as_str(), label.as_str()), ("penguins.csv", "species"));
}

#[test]
fn the_device_is_chosen_where_it_is_shown() {
    let mut studio = first(400);
    studio.click("Device: CPU");
    studio.click("CPU");
    assert!(studio.log.said(|command| matches!(command, Command::Device(Choice::Cpu))));
    studio.click("Device: CPU");
    if Choice::Metal.lacking().is_some() {
        studio.click("Metal GPU");
        assert!(!studio.log.said(|command| matches!(command, Command::Device(Choice::Metal))));
    }
}
