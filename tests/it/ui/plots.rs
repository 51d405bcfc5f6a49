//! Reading curves: boxes, units, smoothing, a second cursor, values below the plots, and plots as files and words.

use anneal_studio::engine::LaneView;
use anneal_studio::experiment::{Controller, Metric, Plateau};
use anneal_studio::schedule::plateau::PlateauRule;
use anneal_studio::schedule::{Cooldown, Ramp, Span};
use anneal_studio::telemetry::{Row, Store};
use anneal_studio::train::ids::LaneId;
use anneal_studio::ui::plot::XAxis;
use anneal_studio::ui::plot::counts::Counts;
use anneal_studio::ui::sheet::Sheet;
use anneal_studio::ui::view::Window;
use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, OutputCommand, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::stand_in::{Studio, UPDATES, first, lane, open};

fn window(studio: &Studio) -> (f64, f64) {
    studio.harness.state().studio().view.window.bounds(400, UPDATES)
}

/// Drags from one place in a plot to another, as shares of it, with Shift held down.
fn draw_box(studio: &mut Studio, plot: &str, from: (f32, f32), to: (f32, f32)) {
    let rect = studio.harness.get_by_label(plot).rect();
    studio.harness.event(Event::ModifiersChanged(Modifiers::SHIFT));
    let place = |(x, y)| rect.lerp_inside(vec2(x, y));
    studio.drag(place(from), place(to), 6, |_| ());
    studio.harness.event(Event::ModifiersChanged(Modifiers::NONE));
    studio.harness.run_steps(2);
}

#[test]
fn a_box_drawn_with_shift_is_what_the_plots_show_and_a_double_click_shows_all() {
    let mut studio = first(400);
    draw_box(&mut studio, "Loss plot", (0.3, 0.3), (0.5, 0.7));
    let (from, to) = window(&studio);
    assert!((250.0..350.0).contains(&from) && (450.0..550.0).contains(&to), "{from} to {to}");
    let heights = |studio: &Studio| studio.harness.state().studio().view.heights;
    let boxed = heights(&studio);
    assert_ne!(boxed, Default::default());
    // A flat box is a stretch of updates, at all heights.
    studio.press(Modifiers::NONE, Key::F);
    assert_eq!(window(&studio), (0.0, UPDATES as f64));
    draw_box(&mut studio, "Loss plot", (0.3, 0.5), (0.5, 0.501));
    assert!(window(&studio).1 < 600.0);
    assert_eq!(heights(&studio), Default::default());
    let rect = studio.harness.get_by_label("Loss plot").rect();
    studio.harness.hover_at(rect.center());
    studio.harness.run_steps(2);
    for _ in 0..2 {
        studio.harness.drag_at(rect.center());
        studio.harness.drop_at(rect.center());
    }
    studio.harness.run_steps(3);
    assert_eq!(studio.harness.state().studio().view.window, Window::Whole);
}

#[test]
fn the_half_life_of_smoothing_is_a_slider() {
    let mut studio = first(400);
    let half_life = |studio: &Studio| {
        let shared = studio.log.shared.borrow();
        shared.lanes.values().next().unwrap().store.half_life()
    };
    let before = half_life(&studio).unwrap();
    studio.click("More for the loss plot");
    let slider = studio.harness.get_by_role_and_label(Role::Slider, "Half-life of smoothing");
    slider.set_value_accesskit(0.05);
    studio.harness.run_steps(3);
    assert_eq!(half_life(&studio), Some(0.05 * UPDATES as f64));
    assert!(before < 10.0, "{before}");
}

#[test]
fn a_second_cursor_says_how_values_differ_from_it() {
    let mut studio = first(400);
    let rect = studio.harness.get_by_label("Loss plot").rect();
    studio.harness.hover_at(rect.lerp_inside(vec2(0.1, 0.5)));
    studio.harness.run_steps(4);
    assert!(!studio.says("Since the mark"));
    studio.press(Modifiers::NONE, Key::M);
    let mark = studio.harness.state().studio().view.mark.expect("a mark");
    studio.harness.hover_at(rect.lerp_inside(vec2(0.35, 0.5)));
    studio.harness.run_steps(4);
    let cursor = studio.harness.state().studio().view.cursor.unwrap();
    assert!(studio.says("Since the mark") && studio.shows(&format!("+{}", cursor - mark)));
    let lane = &studio.harness.state().studio().frame.lanes[0];
    let (now, then) = (lane.at_cursor.loss.unwrap(), lane.at_mark.unwrap().loss.unwrap());
    assert!(now < then, "the loss falls");
    assert!(studio.shows(&anneal_studio::ui::format::significant(now - then, 3)));
    // At the same place again it goes.
    studio.press(Modifiers::NONE, Key::M);
    studio.press(Modifiers::NONE, Key::M);
    assert_eq!(studio.harness.state().studio().view.mark, None);
}

#[test]
fn values_stand_below_the_plots_where_they_are_docked() {
    let mut studio = first(400);
    assert!(!studio.shows("Epoch"));
    studio.click("More for the loss plot");
    studio.click("Values below the plots");
    studio.press(Modifiers::NONE, Key::Escape);
    // Without a cursor the newest values stand there.
    assert!(studio.shows("Update") && studio.shows("399"));
    let plot = studio.harness.get_by_label("Momentum plot").rect();
    let heading = studio.harness.query_all_by_label("Epoch").next().expect("a heading").rect();
    assert!(heading.top() >= plot.bottom(), "it covers nothing");
    studio.harness.run_steps(5);
    let timeline = studio.harness.get_by_label("Timeline").rect();
    let name = studio.document().experiment().runs[0].name.clone();
    let names = studio.harness.query_all_by_label(&name).map(|name| name.rect());
    let mut below = names.filter(|name| name.top() > heading.bottom());
    assert!(below.any(|name| name.bottom() < timeline.top()), "the values are in view");
}

#[test]
fn the_read_out_is_out_of_the_way_of_what_it_reads() {
    for plot in ["Learning rate plot", "Loss plot", "Momentum plot"] {
        for share in [0.2, 0.45, 0.55, 0.9] {
            let mut studio = first(400);
            let rect = studio.harness.get_by_label(plot).rect();
            let pointer = rect.lerp_inside(vec2(share, 0.8));
            studio.harness.hover_at(pointer);
            studio.harness.run_steps(6);
            let heading = studio.harness.query_all_by_label("Epoch").next().expect("a heading").rect();
            let is_left = heading.right() < pointer.x - 20.0;
            let is_right = heading.left() > pointer.x + 20.0;
            assert!(is_left || is_right, "{plot} at {share}: {heading:?} {pointer:?}");
            assert!(!rect.contains(heading.center()), "{plot} at {share} is covered");
        }
    }
}

#[test]
fn plots_count_updates_epochs_samples_or_seconds() {
    let mut studio = first(400);
    for (name, axis, per_update) in [
        ("Epochs", XAxis::Epochs, 1.0 / 50.0),
        ("Samples", XAxis::Samples, 32.0),
        ("Seconds", XAxis::Seconds, 0.5),
        ("Updates", XAxis::Updates, 1.0),
    ] {
        studio.click("More for the loss plot");
        studio.click(name);
        assert_eq!(studio.harness.state().studio().view.x_axis, axis);
        studio.harness.get_by_label("Copy as CSV").click();
        let text = copied(&mut studio);
        let header = format!("{},run,curve,value,least,greatest", axis.about().unit);
        assert!(text.starts_with(&header), "{text}");
        let last = text.lines().rfind(|line| line.contains("constant,loss")).unwrap();
        let at: f64 = last.split(',').next().unwrap().parse().unwrap();
        assert!((at - 399.0 * per_update).abs() < 1e-9, "{name}: {at}");
    }
}

#[test]
fn updates_stand_by_their_logarithm_with_the_first_one_at_the_left() {
    let mut studio = first(400);
    studio.click("More for the loss plot");
    studio.click("Updates, logarithmic");
    studio.press(Modifiers::NONE, Key::Escape);
    assert_eq!(studio.harness.state().studio().view.x_axis, XAxis::Log);
    let rect = studio.harness.get_by_label("Loss plot").rect();
    let read = |studio: &mut Studio, share: f32| {
        studio.harness.hover_at(rect.lerp_inside(vec2(share, 0.5)));
        studio.harness.run_steps(4);
        studio.harness.state().studio().view.cursor.expect("a cursor")
    };
    assert_eq!(read(&mut studio, 0.013), 0.0, "the first update has a place");
    let middle = read(&mut studio, 0.5);
    assert!((25.0..40.0).contains(&middle), "half way is the root of the run: {middle}");
    // A box keeps what is in it, zooming what is under the pointer.
    draw_box(&mut studio, "Loss plot", (0.5, 0.3), (0.7, 0.7));
    let (from, to) = window(&studio);
    assert!((25.0..40.0).contains(&from) && (100.0..140.0).contains(&to), "{from} to {to}");
    studio.press(Modifiers::NONE, Key::F);
    studio.harness.hover_at(rect.lerp_inside(vec2(0.5, 0.5)));
    studio.harness.run_steps(2);
    studio.harness.event(Event::Zoom(2.0));
    studio.harness.run_steps(4);
    let (from, to) = window(&studio);
    assert!(from > 2.0 && to < 400.0 && (from..to).contains(&middle), "{from} to {to}");
    assert!((read(&mut studio, 0.5) - middle).abs() <= 2.0, "what was under the pointer stays there");
}

#[test]
fn a_plot_over_the_sum_of_rates_puts_each_run_by_its_own() {
    let mut studio = first(400);
    studio.click("More for the loss plot");
    studio.click("Sum of rates");
    studio.harness.get_by_label("Copy as CSV").click();
    let text = copied(&mut studio);
    assert!(text.starts_with("sum of rates,run,curve"), "{text}");
    let state = studio.harness.state().studio();
    for (row, run) in state.document.runs() {
        let curve = state.curve(row.id).unwrap();
        let whole: f64 = (0..400).map(|update| curve.at(update)).sum();
        let last = text.lines().rfind(|line| line.contains(&format!("{},loss", run.name))).unwrap();
        let at: f64 = last.split(',').next().unwrap().parse().unwrap();
        assert!((at / whole - 1.0).abs() < 0.02, "{}: {at}, not {whole}", run.name);
    }
    // The cursor goes by the selected run, and the handles are where its curve is.
    studio.press(Modifiers::NONE, Key::Escape);
    studio.click("Run warmup + cosine");
    let plot = studio.harness.get_by_label("Learning rate plot").rect();
    let handle = studio.harness.get_by_label("Peak and warmup end handle").rect();
    assert!(plot.contains(handle.center()));
    // A handle hides the plot from the pointer.
    studio.harness.hover_at(handle.center() + vec2(0.0, 30.0));
    studio.harness.run_steps(4);
    let state = studio.harness.state().studio();
    let cursor = state.view.cursor.unwrap();
    let top = state.curve(state.view.selected).unwrap().range().1;
    assert!(state.rate(state.view.selected, cursor as u64).unwrap() > 0.95 * top, "{cursor}");
    assert!(studio.says("Sum of rates"));
}

/// What one of the next frames puts on the clipboard.
fn copied(studio: &mut Studio) -> String {
    for _ in 0..6 {
        studio.harness.step();
        let commands = &studio.harness.output().platform_output.commands;
        let text = commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        if let Some(text) = text {
            return text;
        }
    }
    panic!("no text on the clipboard")
}

#[test]
fn a_plot_is_saved_as_a_drawing_and_as_a_table() {
    let mut studio = first(400);
    for (entry, extension, begin) in [("Save as SVG…", "svg", "<svg"), ("Save as CSV…", "csv", "update,run")]
    {
        studio.click("More for the loss plot");
        studio.click(entry);
        let Some(Sheet::Export { path, content, .. }) = studio.harness.state().studio().sheet.clone() else {
            panic!("{entry} asks for no place")
        };
        assert!(path.ends_with(extension), "{path}");
        assert!(String::from_utf8(content.to_vec()).unwrap().starts_with(begin));
        studio.press(Modifiers::NONE, Key::Escape);
    }
}

#[test]
fn plots_are_said_in_words_to_a_screen_reader() {
    let studio = first(400);
    let words = |plot: &str| {
        let node = studio.harness.get_by_label(plot);
        node.accesskit_node().value().unwrap_or_default()
    };
    let loss = words("Loss plot");
    assert!(
        loss.contains("constant, loss: last") && loss.contains("least") && loss.contains("falling"),
        "{loss}"
    );
    assert!(words("Learning rate plot").contains("one-cycle, used: last"));
    assert!(words("Momentum plot").contains("0.9"));
    let empty = first(0);
    let node = empty.harness.get_by_label("Loss plot");
    assert_eq!(node.accesskit_node().value().unwrap_or_default(), "nothing measured yet");
}

#[test]
fn the_rate_axis_fits_what_is_in_view() {
    let mut studio = first(400);
    studio.click("Run warmup + cosine");
    let floor_handle =
        |studio: &Studio| studio.harness.query_by_label("Floor handle").map(|node| node.rect());
    let before = floor_handle(&studio).expect("a floor handle");
    // Only the end of the run, where the cosine is low: what is far above no longer sets the axis.
    let hidden: Vec<_> = {
        let state = studio.harness.state().studio();
        state.document.runs().map(|(row, _)| row.id).filter(|id| *id != state.view.selected).collect()
    };
    let view = &mut studio.harness.state_mut().studio_mut().view;
    view.hidden.extend(hidden);
    view.window = Window::between(900.0, 1000.0, UPDATES);
    studio.harness.run_steps(4);
    let after = floor_handle(&studio).expect("a floor handle");
    let plot = studio.harness.get_by_label("Learning rate plot").rect();
    assert!(plot.contains(after.center()) && before.width() == after.width());
    let middle = {
        let state = studio.harness.state().studio();
        state.rate(state.view.selected, 950).unwrap()
    };
    let curves = anneal_studio::ui::plot::drawn_curves(
        studio.harness.state().studio(),
        anneal_studio::ui::layout::Pane::Rate,
        &anneal_studio::ui::theme::DARK,
    );
    let most =
        curves.curves.iter().flat_map(|curve| &curve.points).map(|(_, rate)| *rate).fold(0.0, f64::max);
    assert!(most < 4.0 * middle, "{most} {middle}");
}

#[test]
fn replicas_whose_rates_a_controller_moves_apart_are_shown_by_their_mean() {
    let mut experiment = crate::support::digits();
    let rule = PlateauRule::default();
    experiment.runs[0].controller = Some(Controller::Plateau(Plateau { metric: Metric::ValLoss, rule }));
    let mut studio = open(experiment, None, 0, (1600.0, 1000.0));
    let run = studio.document().runs().next().expect("a run").0.id;
    for (replica, rate) in [(0, 0.02), (1, 0.06)] {
        let mut view = LaneView { store: Store::new(1 << 20), ..lane() };
        let rows: Vec<Row> = (0..100).map(|update| Row { update, lr: rate, ..Row::default() }).collect();
        view.store.append(&rows);
        view.update = 100;
        studio.log.shared.borrow_mut().lanes.insert(LaneId { run, replica }, view);
    }
    studio.log.shared.borrow_mut().status.update = 100;
    studio.harness.run_steps(4);
    let node = studio.harness.get_by_label("Learning rate plot");
    let words = node.accesskit_node().value().unwrap_or_default();
    assert!(words.contains("used: last 0.04"), "{words}");
    let mean = studio.harness.state().studio().frame.mean_values(run, |lane| lane.now);
    assert_eq!(mean.and_then(|mean| mean.lr), Some(0.04), "so does the list of runs");
}

#[test]
fn the_lowest_plot_says_how_much_updates_count_at_the_end() {
    let mut studio = first(200);
    studio.click("Number");
    studio.click("Update weights");
    let words = studio.harness.get_by_label("Update weights plot").accesskit_node().value().unwrap();
    assert!(words.contains("counts"), "{words}");
    let counts = || {
        let studio = studio.harness.state().studio();
        let all = studio.panels.peek::<Counts>().unwrap();
        all.of_run(studio.view.selected).unwrap().points().map(|(_, count)| count).collect::<Vec<f64>>()
    };
    let mean = counts().iter().sum::<f64>() / counts().len() as f64;
    assert!((mean - 1.0).abs() < 1e-9, "in multiples of the mean update");
    let before = counts();
    let state = studio.harness.state_mut().studio_mut();
    let selected = state.view.selected;
    let cooled = Cooldown { over: Span::Percent(50.0), to: 0.0, shape: Ramp::Linear };
    state.document.edit_run(selected, |run| run.lr.cooldown = Some(cooled));
    studio.harness.run_steps(3);
    let state = studio.harness.state().studio();
    let after = state.panels.peek::<Counts>().unwrap().of_run(selected).unwrap();
    let after: Vec<f64> = after.points().map(|(_, count)| count).collect();
    assert!(after.last() < before.last(), "what cools down counts less at the end");
    studio.click("Number");
    studio.click("Momentum");
    assert!(studio.shows("Momentum plot"));
}
