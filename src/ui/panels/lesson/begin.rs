//! A lesson begins: its experiment takes the document's place, and what there is to see is set.

use crate::engine::protocol::{Command, State};
use crate::lesson::{Draw, Drawable, Lesson, Look, Stage};
use crate::telemetry::Column;
use crate::ui::document::Document;
use crate::ui::panels::PANELS;
use crate::ui::plot::{Expected, Scale, XAxis};
use crate::ui::studio::Studio;
use crate::ui::view::{HALF_LIFE, View, Window};

use super::{Class, Open, PANEL};

/// What lessons can ask to be shown.
pub fn stage() -> Stage {
    Stage {
        panels: PANELS.iter().map(|panel| panel.name.0).collect(),
        axes: XAxis::ALL.map(XAxis::name).to_vec(),
    }
}

/// Puts a lesson's experiment in place of the one there is. It waits for the prediction, unless that was made before:
/// who has answered looks at it once more.
pub fn begin(studio: &mut Studio, lesson: Lesson) {
    let experiment = match lesson.experiment() {
        Ok(experiment) => experiment,
        Err(error) => return studio.toasts.failed(error.to_string()),
    };
    let answer = studio.progress.answer(&lesson.name);
    let predicted = answer.map(|answer| answer.predicted);
    let points = answer.map(|answer| answer.drawn.clone()).unwrap_or_default();
    let asked = lesson.predict.drawn.clone();
    *studio.panels.of::<Expected>() = Expected::new(&experiment.name, asked, predicted.is_none(), points);
    studio.panels.of::<Class>().open = Some(Open::new(lesson, &experiment.name, predicted));
    studio.replace(Document::new(experiment, None));
    studio.view.open(PANEL.name);
    look(studio);
    studio.tell(if predicted.is_some() { Command::Play } else { Command::Pause });
}

/// Shows a lesson whose experiment is the document already and is trained, with the right prediction made.
pub fn show_answered(studio: &mut Studio, lesson: Lesson) {
    let predicted = lesson.predict.choice.iter().position(|choice| choice.right);
    let points = lesson.predict.drawn.as_ref().map(sketch).unwrap_or_default();
    studio.progress.predict(&lesson, predicted.unwrap_or_default(), points.clone());
    let name = studio.document.experiment().name.clone();
    *studio.panels.of::<Expected>() = Expected::new(&name, lesson.predict.drawn.clone(), false, points);
    studio.panels.of::<Class>().open = Some(Open::new(lesson, &name, predicted));
    studio.view.open(PANEL.name);
    look(studio);
}

/// A curve as somebody might draw it, for pictures.
fn sketch(draw: &Draw) -> Vec<(f64, f64)> {
    let climbs = draw.of == Drawable::ValAccuracy;
    let height = |share: f64| {
        let far = 0.9 * (1.0 - (-4.0 * share).exp());
        draw.from + (draw.to - draw.from) * if climbs { far } else { 1.0 - far }
    };
    (0..=20).map(|at| f64::from(at) / 20.0).map(|share| (share, height(share))).collect()
}

/// Sets what there is to see, and shows the handles of what there is to drag.
pub(super) fn look(studio: &mut Studio) {
    let drawn = studio.panels.of::<Expected>();
    let drawn = drawn.asked.as_ref().filter(|_| drawn.points.len() > 1).map(|asked| asked.of.column());
    let Some(open) = &mut studio.panels.of::<Class>().open else { return };
    open.zoomed = false;
    let (look, run) = (open.lesson.look.clone(), open.lesson.drag.run.clone());
    set(&mut studio.view, &look);
    if let Some(column) = drawn {
        studio.view.quantity = column;
    }
    select(studio, &run);
}

/// What a lesson sets is for the lesson: another document is looked at as before.
fn set(view: &mut View, look: &Look) {
    view.liked = Some(view.liking());
    let scale = |log| if log { Scale::Log } else { Scale::Linear };
    view.rate_scale = scale(look.log_rate);
    view.loss_scale = scale(look.log_loss);
    view.quantity = look.column().unwrap_or(Column::TrainLoss);
    let axis = |name: &str| XAxis::ALL.into_iter().find(|axis| axis.name() == name);
    view.x_axis = look.axis.as_deref().and_then(axis).unwrap_or_default();
    let half_life = look.half_life();
    view.smoothing = half_life.is_none_or(|share| share > 0.0);
    view.half_life = half_life.filter(|share| *share > 0.0).unwrap_or(HALF_LIFE);
    view.fit();
}

/// Shows the stretch that a lesson looks at, once the runs are through and as long as nobody looks elsewhere: before,
/// there would be nothing in it.
pub(super) fn zoom(studio: &mut Studio) {
    let (clock, status) = (studio.clock(), &studio.frame.status);
    let is_through = status.state == State::Finished && status.generation == studio.document.generation();
    if !is_through || studio.view.window != Window::Whole {
        return;
    }
    let name = studio.document.experiment().name.clone();
    let Some(open) = &mut studio.panels.of::<Class>().open else { return };
    if open.predicted.is_none() || open.zoomed || open.experiment != name {
        return;
    }
    open.zoomed = true;
    if let Some((from, to)) = open.lesson.look.stretch(clock) {
        studio.view.window = Window::between(from, to, clock.updates);
    }
}

/// Shows the handles of the run of this name.
pub(super) fn select(studio: &mut Studio, run: &str) {
    if let Some(id) = studio.document.runs().find(|(_, other)| other.name == run).map(|(row, _)| row.id) {
        studio.view.selected = id;
    }
}
