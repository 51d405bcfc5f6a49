//! Pictures of the real studio, rendered off screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use eframe::egui::{Theme, vec2};
use eframe::egui_wgpu::{RenderState, RendererOptions, WgpuConfiguration, WgpuError};
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, default_wgpu_setup};
use image::RgbaImage;

use crate::engine::protocol::{Command, State};
use crate::engine::watch::{LOOK, Unfinished};
use crate::engine::{Engine, Options};
use crate::experiment::Experiment;
use crate::lesson::Lesson;
use crate::train::ids::{Mode, Revision};

use crate::ui::action::Action;
use crate::ui::app::StudioApp;
use crate::ui::document::Document;
use crate::ui::panels::{PANELS, find, hyphened, lesson, named, view_named};
use crate::ui::picker::SystemPicker;
use crate::ui::view::SidePanel;

/// How long a panel's own work may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Frames until everything is in its place: sizes are known after the first, values after the next.
const FRAMES: usize = 8;

/// What picture to make.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Updates to train before it is made; the whole run without a number.
    pub updates: Option<u64>,
    /// Pixels across and down.
    pub size: (u32, u32),
    pub dark: bool,
    /// The side panel to show, by its name; after a slash the one of its views.
    pub panel: Option<String>,
    /// Recordings beside the experiment's runs.
    pub recordings: Vec<PathBuf>,
    /// What lies over the studio, or takes its place.
    pub over: Option<Over>,
    /// A lesson that is shown as answered; the experiment is then its own.
    pub lesson: Option<Lesson>,
}

/// What can lie over the studio, or take its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Gallery,
    Palette,
    Presenter,
    Keys,
}

impl Over {
    const fn action(self) -> Action {
        match self {
            Self::Gallery => Action::ShowGallery,
            Self::Palette => Action::ShowPalette,
            Self::Presenter => Action::Present,
            Self::Keys => Action::ShowHelp,
        }
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ShotError {
    #[error(
        "no graphics adapter to draw with: install a driver, or Mesa's software one (Debian: mesa-vulkan-drivers)"
    )]
    NoAdapter,
    #[error("there is no side panel \"{found}\"; there are: {known}")]
    NoPanel { found: String, known: String },
    #[error("the panel \"{panel}\" has no view \"{found}\"; it has: {known}")]
    NoView { panel: &'static str, found: String, known: String },
    #[error(transparent)]
    Training(#[from] Unfinished),
    #[error("cannot start training: {0}")]
    Thread(#[from] std::io::Error),
    #[error("cannot draw: {0}")]
    Draw(String),
}

/// The studio after so many updates of an experiment. The same picture every time on one machine.
///
/// # Errors
/// When there is no adapter to draw with, no such panel, or the experiment cannot be trained.
pub fn render(experiment: Experiment, shot: &Shot) -> Result<RgbaImage, ShotError> {
    let panel = shot.panel.as_deref().map(side_panel).transpose()?;
    let renderer = renderer()?;
    let document = Document::new(experiment, None);
    let engine = trained(document.revision(), shot.updates)?;
    let size = vec2(shot.size.0 as f32, shot.size.1 as f32);
    let mut harness = Harness::builder()
        .with_size(size)
        .with_theme(if shot.dark { Theme::Dark } else { Theme::Light })
        .with_accessibility_check(false)
        .allow_missing_glyphs()
        .with_render_cursor(false)
        .renderer(renderer)
        .build_eframe(|cc| {
            let mut app = StudioApp::with(cc, document, Box::new(engine), Box::new(SystemPicker));
            let view = &mut app.studio_mut().view;
            view.still = true;
            view.panel = panel.map(|(panel, _)| panel);
            if let Some((panel, Some(view))) = panel {
                (find(panel).turn)(app.studio_mut(), view);
            }
            for path in &shot.recordings {
                app.open_recording(&cc.egui_ctx, path);
            }
            app
        });
    harness.run_steps(FRAMES);
    if let Some(lesson) = shot.lesson.clone() {
        lesson::show_answered(harness.state_mut().studio_mut(), lesson);
    }
    if let Some(over) = shot.over {
        harness.state_mut().studio_mut().ask(over.action());
    }
    harness.run_steps(FRAMES);
    harness.state_mut().ask_for_panel();
    harness.run_steps(1);
    let deadline = Instant::now() + PATIENCE;
    while harness.state().is_waiting() && Instant::now() < deadline {
        thread::sleep(LOOK);
        harness.run_steps(1);
    }
    harness.run_steps(1);
    harness.render().map_err(ShotError::Draw)
}

/// An engine that has trained so many updates, and holds.
fn trained(revision: Arc<Revision>, updates: Option<u64>) -> Result<Engine, ShotError> {
    let options = Options { playing: false, mode: Mode::Live, ..Options::default() };
    let engine = Engine::start(revision, options, || {})?;
    let ready = engine.wait_until(|status| status.state != State::Preparing)?;
    match updates {
        None => {
            engine.send(Command::Play);
            engine.wait_until(|status| status.state == State::Finished)?;
        }
        Some(updates) => {
            let updates = updates.min(ready.updates);
            let mut asked = 0;
            while asked < updates {
                if engine.send(Command::Step) {
                    asked += 1;
                } else {
                    engine.wait_until(|_| true)?;
                    thread::sleep(LOOK);
                }
            }
            engine.wait_until(|status| status.update >= updates)?;
        }
    }
    Ok(engine)
}

/// A panel, and the place of its view where one is named.
fn side_panel(name: &str) -> Result<(SidePanel, Option<usize>), ShotError> {
    let (name, view) = name.split_once('/').map_or((name, None), |(name, view)| (name, Some(view)));
    let panel = named(name).ok_or_else(|| ShotError::NoPanel {
        found: name.to_owned(),
        known: PANELS.iter().map(|panel| panel.name.0).collect::<Vec<_>>().join(", "),
    })?;
    let Some(view) = view else { return Ok((panel, None)) };
    let views = find(panel).views;
    let at = view_named(find(panel), view).ok_or_else(|| ShotError::NoView {
        panel: panel.0,
        found: view.to_owned(),
        known: if views.is_empty() {
            "one only".to_owned()
        } else {
            views.iter().map(|title| hyphened(title)).collect::<Vec<_>>().join(", ")
        },
    })?;
    Ok((panel, Some(at)))
}

/// What draws off screen, on a software adapter where there is one: it draws the same everywhere.
fn renderer() -> Result<WgpuTestRenderer, ShotError> {
    let wgpu_setup = default_wgpu_setup();
    let instance = pollster::block_on(wgpu_setup.new_instance());
    let configuration = WgpuConfiguration { wgpu_setup, ..WgpuConfiguration::default() };
    let state = RenderState::create(&configuration, &instance, None, RendererOptions::PREDICTABLE);
    match pollster::block_on(state) {
        Ok(state) => Ok(WgpuTestRenderer::from_render_state(state)),
        Err(WgpuError::RequestAdapterError(_) | WgpuError::CustomNativeAdapterSelectionError(_)) => {
            Err(ShotError::NoAdapter)
        }
        Err(error) => Err(ShotError::Draw(error.to_string())),
    }
}
