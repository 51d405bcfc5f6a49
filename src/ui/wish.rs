//! What can be asked for beside actions: it names something, such as a file, a schedule or a panel.

use std::path::PathBuf;

use super::action::Action;
use super::layout::Pane;
use super::plot::{Scale, Take, XAxis};
use super::view::SidePanel;
use crate::analysis::detect::Policy;
use crate::engine::protocol::Speed;
use crate::export::Target;
use crate::telemetry::Column;
use crate::train::device::Choice;
use crate::train::ids::RunId;

/// Something to do at the end of the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Do(Action),
    /// Whatever stands there, as from the dialog or dropped on the window.
    Open(PathBuf),
    /// A row of [`super::examples::EXAMPLES`], in place of what there is.
    Example(usize),
    /// A row of [`crate::lesson::SHIPPED`].
    Lesson(usize),
    /// A row of [`super::document::presets`], for the selected run.
    Schedule(usize),
    Panel(SidePanel),
    /// The selected run's text for a framework.
    Export(&'static Target),
    /// A word of the glossary.
    Term(&'static str),
    Select(RunId),
    Speed(Speed),
    RateAxis(Scale),
    LossAxis(Scale),
    NumberAxis(Scale),
    /// What the middle plot shows.
    Quantity(Column),
    Smoothing(bool),
    /// How far smoothing looks back: a share of the run.
    HalfLife(f64),
    /// What the lowest plot shows.
    Number(Column),
    /// Whether values stand below the plots.
    Docked(bool),
    /// Where to train.
    Device(Choice),
    /// What happens when something goes wrong.
    Policy(Policy),
    /// What the axis below the plots counts.
    XAxis(XAxis),
    /// A plot as a file, or on the clipboard.
    Take(Pane, Take),
    /// How large everything is.
    Zoom(f32),
}
