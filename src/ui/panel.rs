//! What a side panel is: a row of [`super::panels::PANELS`].

use eframe::egui::Ui;

use crate::engine::protocol::{FieldRequest, SurveyRequest};
use crate::train::ids::{LaneId, RunId};

use super::studio::Studio;
use super::view::SidePanel;

/// What somebody asks who opens a panel; the chooser groups by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Understand,
    Find,
    LookInside,
    TakeAway,
}

impl Question {
    /// In the order the chooser lists them.
    pub const ALL: [Self; 4] = [Self::Understand, Self::Find, Self::LookInside, Self::TakeAway];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Understand => "Understand",
            Self::Find => "Find",
            Self::LookInside => "Look inside",
            Self::TakeAway => "Take away",
        }
    }
}

/// What the engine keeps fresh for the panel on screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub watch: Option<FieldRequest>,
    pub examine: Vec<LaneId>,
    pub survey: Option<SurveyRequest>,
    /// Whether every lane's history is counted up in each frame.
    pub tally: bool,
    /// The run whose used rates are copied in each frame.
    pub used: Option<RunId>,
}

/// A side panel.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// In lower case with hyphens, as on the command line.
    pub name: SidePanel,
    pub title: &'static str,
    pub question: Question,
    /// What it shows, in a sentence.
    pub sentence: &'static str,
    /// Whether its pictures want more room than text does.
    pub wide: bool,
    pub show: fn(&mut Ui, &mut Studio),
    /// The titles of its views, where it has several, and what turns to one of them.
    pub views: &'static [&'static str],
    pub turn: fn(&mut Studio, usize),
    /// What the engine keeps fresh while the panel is on screen.
    pub request: fn(&Studio) -> Request,
    /// Asks for what is in the panel, where it takes a button to ask for it.
    pub ask: fn(&mut Studio),
    /// Takes in what has come, in every frame; told whether the panel is on screen, and says whether work is on
    /// its way.
    pub poll: fn(&mut Studio, bool) -> bool,
    /// Whether what the panel shows is not complete yet.
    pub is_waiting: fn(&Studio) -> bool,
}

impl Panel {
    /// A panel that shows what is there already.
    pub const fn new(
        name: &'static str,
        title: &'static str,
        question: Question,
        sentence: &'static str,
        show: fn(&mut Ui, &mut Studio),
    ) -> Self {
        Self {
            name: SidePanel(name),
            title,
            question,
            sentence,
            wide: false,
            show,
            views: &[],
            turn: |_, _| (),
            request: |_| Request::default(),
            ask: |_| (),
            poll: |_, _| false,
            is_waiting: |_| false,
        }
    }
}
