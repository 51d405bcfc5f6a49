//! The API: our runs, and trainings that other programs run now, over HTTP on the loopback.
//!
//! Begin with [`hub`]: what runs there are and what happened to them. [`server`] serves it on a thread of its own;
//! [`guard`] says who may come in and [`routes`] what can be asked. A live run ([`live`]) joins by [`register`], sends
//! [`rows`] and is told what to do by a [`stream`]; its future is a [`plan`], which a [`change`] replaces from an update
//! on that is named by a [`promise`], and what it is to do once is [`asked`]. Our own runs ([`own`]) are looked at here
//! and changed by whoever owns their document, who gets each wish over a bounded queue; [`splice`] makes their
//! schedules, with the past kept to the bit.

pub mod asked;
pub mod change;
mod describe;
pub mod door;
mod guard;
pub mod hub;
pub mod live;
pub mod made;
mod metrics;
mod news;
pub mod own;
pub mod plan;
pub mod promise;
mod refused;
pub mod register;
pub mod routes;
pub mod rows;
pub mod server;
mod splice;
mod stamp;
mod stream;
mod whole;

pub use hub::Hub;
pub use refused::Refused;
pub use server::{Options, Server};
pub use splice::splice;
