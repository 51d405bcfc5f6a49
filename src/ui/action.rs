//! Everything that can be asked for by name: menus, buttons and shortcuts are made of this table.

use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};

/// Something the user can ask for. What concerns a run concerns the selected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    New,
    Open,
    NewWindow,
    Continue,
    RestoreWork,
    DiscardWork,
    Save,
    SaveAs,
    ImportSchedule,
    CopyLine,
    CopyPicture,
    SavePage,
    ShowExport,
    Quit,
    Undo,
    Redo,
    AddRun,
    DuplicateRun,
    ForkRun,
    RenameRun,
    HideRun,
    MoveUp,
    MoveDown,
    DeleteRun,
    PlayPause,
    Step,
    Restart,
    Capture,
    GoBack,
    GoForward,
    SwitchMode,
    Fit,
    Follow,
    Mark,
    Pencil,
    SwitchPanel,
    SwitchTheme,
    ReduceMotion,
    Present,
    ZoomIn,
    ZoomOut,
    ZoomReset,
    ShowPalette,
    ShowGallery,
    ShowHelp,
    ShowGlossary,
    ShowLessons,
}

/// Where an action is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    File,
    Edit,
    Train,
    View,
    Help,
}

impl Menu {
    pub const ALL: [Self; 5] = [Self::File, Self::Edit, Self::Train, Self::View, Self::Help];

    pub const fn title(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Train => "Train",
            Self::View => "View",
            Self::Help => "Help",
        }
    }
}

/// An action's name, keys, place, and what it does in a sentence.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub label: &'static str,
    /// Where there is none, the palette and the menus lead to it.
    pub shortcut: Option<KeyboardShortcut>,
    pub menu: Menu,
    pub help: &'static str,
}

const COMMAND: Modifiers = Modifiers::COMMAND;
const COMMAND_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const PLAIN: Modifiers = Modifiers::NONE;

impl About {
    /// Its keys as people know them; nothing where it has none.
    pub fn keys(&self, ctx: &Context) -> String {
        self.shortcut.map_or_else(String::new, |shortcut| {
            let signs = [
                ("Period", "."),
                ("OpenBracket", "["),
                ("CloseBracket", "]"),
                ("Questionmark", "?"),
                ("Plus", "+"),
                ("Minus", "-"),
            ];
            let mut keys = ctx.format_shortcut(&shortcut);
            for (name, sign) in signs {
                if let Some(modifiers) = keys.strip_suffix(name) {
                    keys = format!("{modifiers}{sign}");
                }
            }
            keys
        })
    }
}

impl Action {
    /// Every action, in the order menus list them.
    pub const ALL: [Self; 47] = [
        Self::New,
        Self::Open,
        Self::NewWindow,
        Self::Continue,
        Self::RestoreWork,
        Self::DiscardWork,
        Self::Save,
        Self::SaveAs,
        Self::ImportSchedule,
        Self::CopyLine,
        Self::CopyPicture,
        Self::SavePage,
        Self::ShowExport,
        Self::Quit,
        Self::Undo,
        Self::Redo,
        Self::AddRun,
        Self::DuplicateRun,
        Self::ForkRun,
        Self::RenameRun,
        Self::HideRun,
        Self::MoveUp,
        Self::MoveDown,
        Self::DeleteRun,
        Self::PlayPause,
        Self::Step,
        Self::Restart,
        Self::Capture,
        Self::GoBack,
        Self::GoForward,
        Self::SwitchMode,
        Self::Fit,
        Self::Follow,
        Self::Mark,
        Self::Pencil,
        Self::SwitchPanel,
        Self::SwitchTheme,
        Self::ReduceMotion,
        Self::Present,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::ShowPalette,
        Self::ShowGallery,
        Self::ShowHelp,
        Self::ShowGlossary,
        Self::ShowLessons,
    ];

    /// A second key of some actions.
    pub const ALSO: [(Self, KeyboardShortcut); 1] =
        [(Self::ShowHelp, KeyboardShortcut::new(PLAIN, Key::Questionmark))];

    pub fn about(self) -> About {
        let about = |label, modifiers, key, menu, help| About {
            label,
            shortcut: Some(KeyboardShortcut::new(modifiers, key)),
            menu,
            help,
        };
        let without_keys = |label, menu, help| About { label, shortcut: None, menu, help };
        match self {
            Self::New => about(
                "New",
                COMMAND,
                Key::N,
                Menu::File,
                "Start from three schedules, each at its own best peak.",
            ),
            Self::Open => about("Open…", COMMAND, Key::O, Menu::File, "Open an experiment file."),
            Self::NewWindow => about(
                "New window",
                COMMAND_SHIFT,
                Key::N,
                Menu::File,
                "Open another studio beside this one, for another experiment.",
            ),
            Self::RestoreWork => without_keys(
                "Restore unsaved work",
                Menu::File,
                "Go on with the edits that were not saved when the studio ended.",
            ),
            Self::DiscardWork => without_keys(
                "Discard unsaved work",
                Menu::File,
                "Give up the edits that were not saved when the studio ended.",
            ),
            Self::Continue => about(
                "Continue training…",
                COMMAND_SHIFT,
                Key::O,
                Menu::File,
                "Go on with a training from the folder it was saved to.",
            ),
            Self::Save => {
                about("Save", COMMAND, Key::S, Menu::File, "Save the experiment where it came from.")
            }
            Self::SaveAs => about(
                "Save as…",
                COMMAND_SHIFT,
                Key::S,
                Menu::File,
                "Save the experiment under another name.",
            ),
            Self::ImportSchedule => about(
                "Import schedule…",
                COMMAND,
                Key::I,
                Menu::File,
                "Add a run from another framework's code, configuration or log.",
            ),
            Self::CopyLine => about(
                "Copy as line",
                COMMAND,
                Key::L,
                Menu::File,
                "Put the whole experiment on the clipboard as one line; pasted here or given to anneal, it opens.",
            ),
            Self::CopyPicture => {
                without_keys("Copy as picture", Menu::File, "Put a picture of the window on the clipboard.")
            }
            Self::SavePage => without_keys(
                "Save as page…",
                Menu::File,
                "One HTML file with the curves so far, to zoom and to read in any browser.",
            ),
            Self::ShowExport => about(
                "Export",
                COMMAND,
                Key::E,
                Menu::File,
                "Show the selected run as another framework's code, and what it will do there.",
            ),
            Self::Quit => about("Quit", COMMAND, Key::Q, Menu::File, "Close the studio."),
            Self::Undo => about("Undo", COMMAND, Key::Z, Menu::Edit, "Take the last edit back."),
            Self::Redo => about("Redo", COMMAND_SHIFT, Key::Z, Menu::Edit, "Make the edit again."),
            Self::AddRun => about("Add run", COMMAND, Key::Enter, Menu::Edit, "Add a run beside the others."),
            Self::DuplicateRun => {
                about("Duplicate run", COMMAND, Key::D, Menu::Edit, "Add a copy of the selected run.")
            }
            Self::ForkRun => about(
                "Fork run",
                COMMAND_SHIFT,
                Key::D,
                Menu::Edit,
                "Add a run that shares the selected one's past and has a future of its own.",
            ),
            Self::RenameRun => about("Rename run", PLAIN, Key::F2, Menu::Edit, "Name the selected run."),
            Self::HideRun => {
                about("Show or hide run", PLAIN, Key::H, Menu::Edit, "Hide the selected run's curves.")
            }
            Self::MoveUp => about(
                "Move run up",
                Modifiers::ALT,
                Key::ArrowUp,
                Menu::Edit,
                "Put the selected run before the one above it; its forks go with it.",
            ),
            Self::MoveDown => about(
                "Move run down",
                Modifiers::ALT,
                Key::ArrowDown,
                Menu::Edit,
                "Put the selected run after the one below it; its forks go with it.",
            ),
            Self::DeleteRun => {
                about("Delete run", PLAIN, Key::Delete, Menu::Edit, "Remove the selected run.")
            }
            Self::PlayPause => about("Play or pause", PLAIN, Key::Space, Menu::Train, "Train, or hold."),
            Self::Step => {
                about("Single update", PLAIN, Key::Period, Menu::Train, "Train one update, then hold.")
            }
            Self::Restart => about("Restart", COMMAND, Key::R, Menu::Train, "Train all runs from scratch."),
            Self::Capture => {
                about("Take snapshot", PLAIN, Key::S, Menu::Train, "Keep all runs as they are now.")
            }
            Self::GoBack => about(
                "Back a snapshot",
                PLAIN,
                Key::OpenBracket,
                Menu::Train,
                "Take all runs back to the snapshot before.",
            ),
            Self::GoForward => about(
                "Forward a snapshot",
                PLAIN,
                Key::CloseBracket,
                Menu::Train,
                "Take all runs forward again to the next snapshot.",
            ),
            Self::SwitchMode => about(
                "Live or Instant",
                PLAIN,
                Key::I,
                Menu::Train,
                "Whether an edit bends the future or trains from scratch.",
            ),
            Self::Fit => about("Whole run", PLAIN, Key::F, Menu::View, "Show the whole run in the plots."),
            Self::Follow => {
                about("Follow the playhead", PLAIN, Key::L, Menu::View, "Keep the newest updates in view.")
            }
            Self::Mark => about(
                "Mark the cursor",
                PLAIN,
                Key::M,
                Menu::View,
                "A second cursor stays here, and values say how they differ from it; again, and it goes.",
            ),
            Self::Pencil => about(
                "Draw freehand",
                PLAIN,
                Key::P,
                Menu::Edit,
                "Draw the selected run's rate with the pointer; few control points make the curve.",
            ),
            Self::SwitchPanel => {
                about("Side panel", COMMAND, Key::B, Menu::View, "Unfold or fold the panel on the right.")
            }
            Self::SwitchTheme => {
                about("Light or dark", COMMAND_SHIFT, Key::L, Menu::View, "Switch between the two themes.")
            }
            Self::ReduceMotion => about(
                "Reduce motion",
                COMMAND_SHIFT,
                Key::M,
                Menu::View,
                "Show changes at once, without motion.",
            ),
            Self::Present => about(
                "Presenter",
                PLAIN,
                Key::F11,
                Menu::View,
                "Fill the screen with the plots, large enough for a lecture hall; again, or Escape, leaves.",
            ),
            Self::ZoomIn => {
                about("Larger", COMMAND, Key::Plus, Menu::View, "Make text, lines and buttons larger.")
            }
            Self::ZoomOut => {
                about("Smaller", COMMAND, Key::Minus, Menu::View, "Make text, lines and buttons smaller.")
            }
            Self::ZoomReset => about(
                "Usual size",
                COMMAND,
                Key::Num0,
                Menu::View,
                "Show everything as large as the system has it.",
            ),
            Self::ShowPalette => about(
                "Find anything…",
                COMMAND,
                Key::P,
                Menu::Help,
                "Find an action, schedule, panel, export, example, lesson, term or setting by a few letters.",
            ),
            Self::ShowGallery => about(
                "Gallery…",
                COMMAND,
                Key::G,
                Menu::Help,
                "Every example with a picture of its runs: those to learn from, and those that go wrong.",
            ),
            Self::ShowHelp => {
                about("Keys and gestures", PLAIN, Key::F1, Menu::Help, "List all keys, and what a hand does.")
            }
            Self::ShowGlossary => without_keys("Glossary", Menu::Help, "Look up the words of the trade."),
            Self::ShowLessons => {
                without_keys("Lessons", Menu::Help, "Predict, drag one thing, and see what training says.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own_and_keys_of_its_own() {
        let mut labels = HashSet::new();
        let mut shortcuts = HashSet::new();
        for action in Action::ALL {
            let about = action.about();
            assert!(!about.label.is_empty() && about.help.ends_with('.'), "{action:?}");
            assert!(labels.insert(about.label), "{action:?} shares its label");
            if let Some(shortcut) = about.shortcut {
                assert!(shortcuts.insert(shortcut), "{action:?} shares its shortcut");
            }
        }
    }

    #[test]
    fn the_list_is_complete() {
        assert_eq!(Action::ALL.iter().collect::<HashSet<_>>().len(), Action::ShowLessons as usize + 1);
    }
}
