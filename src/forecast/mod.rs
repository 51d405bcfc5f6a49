//! Forecasts: a law that is fitted to three runs says what loss any other schedule comes to, before it is trained.
//!
//! Begin at [`Trainings`], which chooses what a fit needs, [`train`] and [`fit()`]. A [`Fit`] forecasts the
//! losses of any [`Course`] with a band; nothing inside the band is ranked.

mod ahead;
mod best;
mod course;
mod fit;
mod law;
mod logs;
mod measured;
mod reference;
mod trainings;

pub use ahead::{Forecast, rank};
pub use best::{Best, best_shape};
pub use course::{Course, Drop};
pub use fit::{Fit, FitError, LEAST_RUNS, fit};
pub use law::Law;
pub use logs::{LogError, measured};
pub use measured::{Measured, Miss};
pub use reference::{Reference, Role};
pub use trainings::{ChoiceError, Trainings, alike, course, train};
