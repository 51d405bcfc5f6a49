//! What a person sees who opens the studio for the first time.

use anneal_studio::engine::protocol::State;
use anneal_studio::engine::{Engine, Options};
use anneal_studio::telemetry::Column;
use anneal_studio::ui::document::first;
use anneal_studio::ui::plot::Scale;
use eframe::egui::vec2;

use super::stand_in;
use crate::support::{digits, revision_of, wait_for};

/// Each run's accuracy at the end, in the mean over its replicas.
fn accuracies() -> Vec<f64> {
    let experiment = first().unwrap();
    let (runs, replicas) = (experiment.runs.len(), experiment.train.replicas);
    let engine = Engine::start(revision_of(experiment, 1), Options::default(), || ()).unwrap();
    wait_for(&engine, "the opening experiment", |shared| shared.status.state == State::Finished);
    engine.read(|shared| {
        let last = |lane: &anneal_studio::engine::LaneView| {
            lane.store.series(Column::ValAccuracy).at(u64::MAX).map(|sample| sample.value).unwrap()
        };
        let lanes: Vec<f64> = shared.lanes.values().map(last).collect();
        assert_eq!(lanes.len(), runs * replicas);
        lanes.chunks(replicas).map(|lanes| lanes.iter().sum::<f64>() / replicas as f64).collect()
    })
}

#[test]
fn the_opening_experiment_shows_at_a_glance_that_shape_matters_against_a_tuned_constant() {
    let [constant, step, cosine] = accuracies().try_into().unwrap();
    assert!(cosine > constant + 0.04, "constant {constant:.3}, cosine {cosine:.3}");
    assert!(step > constant + 0.02 && step < cosine, "constant {constant:.3}, step {step:.3}");
}

#[test]
fn the_first_screen_shows_accuracy_on_linear_axes_and_a_handle_that_asks_to_be_dragged() {
    let folder = tempfile::tempdir().unwrap();
    let places = anneal_studio::files::Places::below(folder.path());
    let mut studio = stand_in::open_kept(first().unwrap(), None, &places);
    let view = &studio.harness.state().studio().view;
    assert_eq!((view.quantity, view.rate_scale, view.hint), (Column::ValAccuracy, Scale::Linear, true));
    let handle = studio.place("Peak handle");
    studio.drag(handle, handle + vec2(0.0, 30.0), 4, |_| ());
    assert!(!studio.harness.state().studio().view.hint, "who has dragged one knows");
    drop(studio);
    let studio = stand_in::open_kept(digits(), None, &places);
    let view = &studio.harness.state().studio().view;
    assert!(!view.hint && view.quantity == Column::TrainLoss);
}
