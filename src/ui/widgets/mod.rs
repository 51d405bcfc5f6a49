//! Small controls the panels share.

mod field;
mod heat;
mod icon;
mod marker;
mod segmented;
mod sparkline;
mod term;

pub use field::{Amount, amount, check, choice, combo, row, slide, whole};
pub use heat::Heat;
pub use icon::{Icon, icon_button, icon_toggle, mark, paint as paint_icon};
pub use marker::paint as paint_marker;
pub use segmented::{segmented, tabs};
pub use sparkline::{Sparkline, curve_points};
pub use term::{explained, prose};
