//! Telemetry and states that must not break the window.

use anneal_studio::engine::protocol::State;
use anneal_studio::telemetry::{Event, EventKind, Row};
use anneal_studio::ui::plot::Scale;
use anneal_studio::ui::view::Window;
use egui_kittest::kittest::Queryable as _;

use super::stand_in::{Studio, first, open};

/// Draws a frame in every scale and window.
fn look(studio: &mut Studio) {
    for scale in [Scale::Log, Scale::Linear] {
        for window in [Window::Whole, Window::Fixed { from: 0.0, to: 8.0 }, Window::Follow { width: 50.0 }] {
            let view = &mut studio.harness.state_mut().studio_mut().view;
            (view.rate_scale, view.loss_scale, view.window) = (scale, scale, window);
            view.cursor = Some(3.0);
            studio.harness.run_steps(2);
        }
    }
}

#[test]
fn losses_that_are_no_numbers() {
    let series: [&[f32]; 8] = [
        &[],
        &[1.0],
        &[f32::NAN],
        &[f32::INFINITY, f32::NEG_INFINITY, f32::NAN],
        &[0.0, -1.0, 0.0],
        &[1e-38, 1e38, f32::MAX, f32::MIN_POSITIVE],
        &[0.5, f32::NAN, 0.4, f32::INFINITY, 0.3],
        &[2.0, 2.0, 2.0, 2.0],
    ];
    for losses in series {
        let mut studio = first(0);
        for lane in studio.log.shared.borrow_mut().lanes.values_mut() {
            for (update, loss) in losses.iter().enumerate() {
                let update = update as u64;
                let lr = if update == 1 { 0.0 } else { 0.1 };
                let row = Row {
                    update,
                    lr,
                    momentum: f64::NAN,
                    train_loss: *loss,
                    grad_norm: *loss,
                    update_norm: *loss,
                    val_loss: Some(*loss),
                    val_accuracy: Some(*loss),
                    ..Row::default()
                };
                lane.store.append(&[row]);
            }
            lane.update = losses.len() as u64;
            lane.diverged_at = losses.iter().position(|loss| !loss.is_finite()).map(|at| at as u64);
        }
        studio.log.shared.borrow_mut().status.update = losses.len() as u64;
        look(&mut studio);
    }
}

#[test]
fn a_failed_training_is_explained_in_place() {
    let mut studio = first(400);
    studio.log.shared.borrow_mut().status.state =
        State::Failed("the data set is too small for the batch".into());
    studio.harness.run_steps(2);
    assert!(studio.says("Training cannot go on"));
    assert!(studio.says("the data set is too small for the batch"));
    assert!(studio.shows("Play"), "the window goes on");
}

#[test]
fn nothing_trained_yet_is_explained() {
    let mut studio = first(0);
    studio.log.shared.borrow_mut().lanes.clear();
    studio.log.shared.borrow_mut().status = anneal_studio::engine::protocol::Status::default();
    look(&mut studio);
    assert!(studio.says("What every run reaches is compared here"));
}

#[test]
fn a_storm_of_events_draws_in_time() {
    let mut studio = first(900);
    {
        let mut shared = studio.log.shared.borrow_mut();
        for update in 0..4096 {
            let kind = EventKind::ALL[update % EventKind::ALL.len()];
            let (update, message) = (update as u64 % 900, "again".to_owned());
            shared.events.push(Event { update, kind, message, generation: 1 });
        }
    }
    look(&mut studio);
}

#[test]
fn names_of_any_sort_fit() {
    let mut experiment = crate::support::digits();
    experiment.name = "long ".repeat(60);
    experiment.runs[0].name = "n".repeat(200);
    experiment.runs[1].name = "β₁ η ∇ λ ×".into();
    let studio = open(experiment, None, 400, (1100.0, 700.0));
    let width = studio.harness.get_by_label_contains("Run nnn").rect().width();
    assert!(width < 460.0, "the row is {width} wide");
}

#[test]
fn a_schedule_that_cannot_be_says_why() {
    let mut studio = first(100);
    studio.click("Schedule: Constant");
    studio.click("Step");
    let id = studio.document().first().unwrap();
    studio.harness.state_mut().studio_mut().document.edit_run(id, |run| {
        let nothing = anneal_studio::schedule::Span::Percent(1e-9);
        run.lr.kind.set("every", anneal_studio::schedule::kind::Value::Span(Some(nothing)));
    });
    studio.harness.run_steps(3);
    assert!(studio.says("`every`"));
}

#[test]
fn a_million_updates_cost_no_more_than_a_thousand() {
    let shapes = |updates: u64| {
        let mut studio = first(0);
        {
            let mut shared = studio.log.shared.borrow_mut();
            shared.status.update = updates;
            shared.status.updates = updates;
            for lane in shared.lanes.values_mut() {
                lane.store = anneal_studio::telemetry::Store::new(8 << 20);
                for update in 0..updates {
                    let loss = 1.0 / (1.0 + update as f32) + (update % 7) as f32 * 0.01;
                    let row = Row {
                        update,
                        lr: 0.1,
                        momentum: 0.9,
                        train_loss: loss,
                        grad_norm: 1.0,
                        update_norm: 1.0,
                        ..Row::default()
                    };
                    lane.store.append(&[row]);
                }
                lane.update = updates;
            }
        }
        studio.harness.run_steps(3);
        let shapes = studio.harness.output().shapes.clone();
        let primitives = studio.harness.ctx.tessellate(shapes, 1.0);
        primitives
            .iter()
            .map(|clipped| match &clipped.primitive {
                eframe::egui::epaint::Primitive::Mesh(mesh) => mesh.vertices.len(),
                eframe::egui::epaint::Primitive::Callback(_) => 0,
            })
            .sum::<usize>()
    };
    let (few, many) = (shapes(2_000), shapes(1_000_000));
    assert!(many < 3 * few, "{many} vertices for a million updates, {few} for two thousand");
}

#[test]
fn of_two_hundred_runs_the_values_at_the_cursor_leave_the_plots_to_be_seen() {
    let mut experiment = crate::support::digits();
    let run = experiment.runs[0].clone();
    experiment.runs = (0..200)
        .map(|at| anneal_studio::experiment::Run { name: format!("number {at}"), ..run.clone() })
        .collect();
    let mut studio = open(experiment, None, 400, (1100.0, 700.0));
    let plot = studio.harness.get_by_label("Loss plot").rect();
    studio.harness.hover_at(plot.lerp_inside(eframe::egui::vec2(0.3, 0.9)));
    studio.harness.run_steps(4);
    let rest = studio.harness.get_by_label_contains("more runs");
    assert!(rest.rect().bottom() < 700.0, "the card ends at {}", rest.rect().bottom());
}
