//! Small controls the panels share.

mod button;
mod elided;
mod field;
mod figures;
mod heat;
mod icon;
mod keyed;
mod marker;
mod right_cell;
mod run_chip;
mod segmented;
mod sparkline;
mod term;
mod waiting;

pub use button::{primary, secondary};
pub use elided::elided;
pub use field::{Amount, amount, check, choice, combo, count, row, slide, whole};
pub use figures::{Figures, figures};
pub use heat::Heat;
pub use icon::{Icon, icon_button, icon_toggle, mark, paint as paint_icon};
pub use keyed::keyed;
pub use marker::paint as paint_marker;
pub use right_cell::right_cell;
pub use run_chip::run_chip;
pub use segmented::{segmented, tabs};
pub use sparkline::{Sparkline, curve_points};
pub use term::{explained, looked_up, prose};
pub use waiting::waiting;
