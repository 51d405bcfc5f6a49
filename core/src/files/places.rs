//! Where the platform wants a program's settings and its own state to be.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

const NAME: &str = "anneal-studio";

/// The program's two folders, which need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// What a person may edit and carry to another machine: `$XDG_CONFIG_HOME/anneal-studio`.
    pub config: PathBuf,
    /// What belongs to this machine: unsaved work, histories, recent files: `$XDG_STATE_HOME/anneal-studio`.
    pub state: PathBuf,
}

impl Places {
    /// Those of the person who runs the program; nothing where there is no home folder.
    pub fn of_user() -> Option<Self> {
        let base = etcetera::base_strategy::choose_native_strategy().ok()?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Some(Self { config: base.config_dir().join(NAME), state: state.join(NAME) })
    }

    /// Both below one folder.
    pub fn below(folder: &Path) -> Self {
        Self { config: folder.join("config"), state: folder.join("state") }
    }
}
