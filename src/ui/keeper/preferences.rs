//! How a person likes the studio: a small file that can be edited and carried to another machine.

use std::path::{Path, PathBuf};

use eframe::egui::{Context, ThemePreference};
use serde::{Deserialize, Serialize};

use crate::notify::Ways;
use crate::ui::kept_toml;
use crate::ui::panels;
use crate::ui::plot::{Scale, XAxis};
use crate::ui::theme::{self, metrics};
use crate::ui::view::View;

/// What is kept between starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    pub theme: Theme,
    /// Width and height of the window, in points.
    pub window: Option<[f32; 2]>,
    pub maximized: bool,
    /// How large everything is, 1 as the system has it.
    pub zoom: f32,
    /// The side panel that was chosen.
    pub panel: Option<String>,
    pub panel_open: bool,
    pub rate_axis: Axis,
    pub loss_axis: Axis,
    /// Of the lowest plot.
    pub number_axis: Axis,
    pub smoothing: bool,
    /// The half-life of smoothing, as a share of the run.
    pub half_life: f64,
    pub x_axis: XAxis,
    /// Whether values at the cursor stand below the plots.
    pub docked: bool,
    pub reduced_motion: bool,
    /// Whether a handle has been dragged once: nothing asks for it any more.
    pub knows_handles: bool,
    /// The folder of the library that was named last.
    pub library: String,
    /// Whether the desktop tells what the detectors find, and the address of a webhook that does.
    pub notify_desktop: bool,
    pub notify_webhook: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    Linear,
    Log,
}

impl From<Axis> for Scale {
    fn from(axis: Axis) -> Self {
        match axis {
            Axis::Linear => Self::Linear,
            Axis::Log => Self::Log,
        }
    }
}

impl From<Scale> for Axis {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Linear => Self::Linear,
            Scale::Log => Self::Log,
        }
    }
}

impl Default for Preferences {
    fn default() -> Self {
        let view = View::new(crate::train::ids::RunId(0));
        Self {
            theme: Theme::System,
            window: None,
            maximized: false,
            zoom: 1.0,
            panel: None,
            panel_open: view.panel_open,
            rate_axis: view.rate_scale.into(),
            loss_axis: view.loss_scale.into(),
            number_axis: view.number_scale.into(),
            smoothing: view.smoothing,
            half_life: view.half_life,
            x_axis: view.x_axis,
            docked: view.docked,
            reduced_motion: view.reduced_motion,
            knows_handles: false,
            library: String::new(),
            notify_desktop: false,
            notify_webhook: None,
        }
    }
}

impl Preferences {
    pub fn path(config: &Path) -> PathBuf {
        config.join("preferences.toml")
    }

    /// Those that were kept; the defaults where none were.
    ///
    /// # Errors
    /// When there is a file and it is none of preferences: what is wrong with it, for people to read.
    pub fn open(config: &Path) -> Result<Self, String> {
        kept_toml::read(&Self::path(config), "preferences")
    }

    pub fn to_toml(&self) -> String {
        // Plain values always have a text.
        toml::to_string(self).unwrap_or_default()
    }

    /// Those that are in use; `zoom` is how large everything is when nobody presents.
    #[must_use]
    pub fn now(&self, ctx: &Context, view: &View, zoom: f32) -> Self {
        // Asked for before the input, which is locked while it is looked at.
        let factor = ctx.zoom_factor();
        let (size, maximized) = ctx.input(|input| {
            let viewport = input.viewport();
            let size = viewport.inner_rect.map(|rect| rect.size() * factor);
            (size, viewport.maximized.unwrap_or_default() || viewport.fullscreen.unwrap_or_default())
        });
        let liking = view.liking();
        // The size that the window has again when it is no longer maximised.
        let window =
            if maximized || view.presenting { self.window } else { size.map(Into::into).or(self.window) };
        Self {
            theme: match ctx.options(|options| options.theme_preference) {
                ThemePreference::System => Theme::System,
                ThemePreference::Dark => Theme::Dark,
                ThemePreference::Light => Theme::Light,
            },
            window,
            maximized: if view.presenting { self.maximized } else { maximized },
            zoom,
            panel: view.panel.map(|panel| panel.0.to_owned()),
            panel_open: view.panel_open,
            rate_axis: liking.rate_scale.into(),
            loss_axis: liking.loss_scale.into(),
            number_axis: view.number_scale.into(),
            smoothing: liking.smoothing,
            half_life: liking.half_life,
            x_axis: liking.x_axis,
            docked: view.docked,
            reduced_motion: view.reduced_motion,
            knows_handles: !view.hint,
            library: view.library.trim().to_owned(),
            notify_desktop: view.notify.desktop,
            notify_webhook: view.notify.webhook.clone().filter(|address| !address.trim().is_empty()),
        }
    }

    /// Puts them to use.
    pub fn apply(&self, ctx: &Context, view: &mut View) {
        ctx.set_theme(match self.theme {
            Theme::System => ThemePreference::System,
            Theme::Dark => ThemePreference::Dark,
            Theme::Light => ThemePreference::Light,
        });
        ctx.set_zoom_factor(if self.zoom.is_finite() { self.zoom.clamp(0.5, 3.0) } else { 1.0 });
        view.panel = self.panel.as_deref().and_then(panels::named);
        view.panel_open = self.panel_open;
        view.rate_scale = self.rate_axis.into();
        view.loss_scale = self.loss_axis.into();
        view.number_scale = self.number_axis.into();
        view.smoothing = self.smoothing;
        if self.half_life.is_finite() {
            view.half_life = self.half_life.clamp(1e-4, 0.2);
        }
        view.x_axis = self.x_axis;
        view.docked = self.docked;
        view.reduced_motion = self.reduced_motion;
        view.hint = !self.knows_handles;
        view.notify = Ways { desktop: self.notify_desktop, webhook: self.notify_webhook.clone() };
        // What the environment names goes before.
        if view.library.is_empty() {
            view.library.clone_from(&self.library);
        }
        if self.reduced_motion {
            theme::install(ctx, true);
        }
    }

    /// The window's size at the start, at least as large as everything needs.
    pub fn window_size(&self) -> [f32; 2] {
        let [width, height] = self.window.unwrap_or(metrics::WINDOW);
        let [least_width, least_height] = metrics::WINDOW_MIN;
        // Screens of 16K exist.
        let sane = |size: f32, least: f32| if size.is_finite() { size.clamp(least, 16_384.0) } else { least };
        [sane(width, least_width), sane(height, least_height)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_come_back_and_unknown_ones_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Preferences::open(folder.path()), Ok(Preferences::default()));
        let changed = Preferences {
            theme: Theme::Light,
            window: Some([1000.0, 700.0]),
            zoom: 1.25,
            panel: Some("export".into()),
            rate_axis: Axis::Log,
            ..Preferences::default()
        };
        let text = format!("colour_of_the_sky = \"blue\"\n{}", changed.to_toml());
        std::fs::write(Preferences::path(folder.path()), text).unwrap();
        assert_eq!(Preferences::open(folder.path()), Ok(changed));
        std::fs::write(Preferences::path(folder.path()), "theme = \"pink\"\n").unwrap();
        let error = Preferences::open(folder.path()).unwrap_err();
        assert!(error.contains("preferences.toml") && error.contains("pink"), "{error}");
    }

    #[test]
    fn a_window_is_never_smaller_than_what_it_shows_nor_endless() {
        let of = |window| Preferences { window: Some(window), ..Preferences::default() }.window_size();
        assert_eq!(of([10.0, f32::NAN]), metrics::WINDOW_MIN);
        assert_eq!(of([f32::INFINITY, 1e9]), [metrics::WINDOW_MIN[0], 16_384.0]);
    }
}
