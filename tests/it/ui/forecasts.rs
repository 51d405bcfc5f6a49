//! The forecast panel, over trainings that really happen beside the stand-in's.

use anneal_studio::train::ids::RunId;
use anneal_studio::ui::panels::forecast;
use anneal_studio::ui::plot::Ghost;

use super::stand_in::Studio;
use super::sweeps::{studio, wait};

fn state(studio: &Studio) -> &forecast::State {
    studio.harness.state().studio().panels.peek().expect("the panel was polled")
}

/// The ghost's run and its loss at the end.
fn ghost(studio: &Studio) -> Option<(RunId, f64)> {
    let ghost = studio.harness.state().studio().panels.peek::<Ghost>()?;
    let (run, forecast) = ghost.of.as_ref()?;
    Some((*run, *forecast.losses.last()?))
}

#[test]
fn a_ghost_follows_the_schedule_and_the_run_bends_to_the_best_shape() {
    let mut studio = studio();
    studio.panel("Forecast");
    assert!(ghost(&studio).is_none(), "nothing is fitted before it is asked for");
    studio.click("Train three runs and fit");
    wait(&mut studio, |studio| state(studio).progress().is_none());
    assert_eq!(state(&studio).error, None);
    assert!(studio.says("Fitted to") && studio.says("What the runs come to"));
    let (run, before) = ghost(&studio).expect("the selected run's");
    assert_eq!(run, studio.harness.state().studio().view.selected);

    let peak = |studio: &Studio| {
        let studio = studio.harness.state().studio();
        studio.curve(studio.view.selected).unwrap().range().1
    };
    let high = peak(&studio);
    studio.harness.state_mut().studio_mut().document.edit_run(run, |run| {
        run.lr.kind.set("peak", anneal_studio::schedule::kind::Value::Number(0.3 * high));
    });
    studio.harness.run_steps(2);
    let (_, after) = ghost(&studio).unwrap();
    assert!((after - before).abs() > 1e-6, "another schedule has another forecast");
    let listed = state(&studio).ends.iter().find(|(id, _)| *id == run).unwrap().1.0;
    assert!((listed - after).abs() < 1e-12, "the table says what is drawn");

    studio.click("Bend to the forecast's best shape");
    studio.harness.run_steps(2);
    let bent = studio.document().run(run).unwrap().lr.kind.name();
    assert_eq!(bent, "points");
    assert!(ghost(&studio).unwrap().1 <= after + 1e-3, "no worse by the law itself");
    assert!((peak(&studio) / (0.3 * high) - 1.0).abs() < 1e-9, "the peak stays");

    // Of another optimizer the law says nothing.
    studio.harness.state_mut().studio_mut().document.edit_run(run, |run| {
        run.optimizer = run.optimizer.clone().with("momentum", 0.5);
    });
    studio.harness.run_steps(2);
    assert!(ghost(&studio).is_none());
    assert!(studio.says("The law was fitted to another optimizer, model or data"));
}
