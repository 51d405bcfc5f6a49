//! The studio: what people see of an experiment, and how they change it.
//!
//! Panels read a [`studio::Studio`] and change its document or its view; the engine is looked at once
//! a frame and changed by commands alone.

pub mod action;
mod adopted;
pub mod app;
mod basis;
pub mod document;
pub mod examples;
pub mod exports;
mod file_kind;
pub mod format;
pub mod frame;
pub mod gallery;
pub mod handles;
mod highlight;
pub mod keeper;
mod kept_toml;
pub mod landing;
mod latest;
pub mod layout;
pub mod misses;
mod notices;
pub mod offscreen;
mod page;
pub mod palette;
pub mod panel;
pub mod panel_state;
pub mod panels;
mod phase_frame;
pub mod picker;
pub mod plot;
pub mod progress;
pub mod remote;
pub mod scenery;
pub mod sheet;
pub mod shelf;
pub mod studio;
mod team_frame;
pub mod theme;
pub mod thumbnails;
pub mod toast;
pub mod trainer;
mod travel;
pub mod used_rates;
pub mod view;
mod widgets;
pub mod wish;

pub use app::StudioApp;
pub use document::Document;
pub use file_kind::FileKind;

use eframe::egui::IconData;

/// The window's icon; without one the system shows its own.
pub fn icon() -> Option<IconData> {
    eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).ok()
}
