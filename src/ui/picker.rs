//! Choosing a file in the system's own dialog, on a thread of its own.

use std::path::PathBuf;
use std::thread;

use crate::jobs::Job;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Open,
    /// A training's folder.
    Folder,
    /// With a name to begin from.
    Save(String),
    /// A schedule in any format.
    Import,
    /// An export, with a name to begin from.
    Export(String),
}

/// Answers with a path, or nothing when the person chose none or no dialog could be shown.
pub type Answer = Box<dyn FnOnce(Option<PathBuf>) + Send>;

/// Something that lets people choose a file.
pub trait FilePicker {
    /// Asks without waiting; `answer` is called once, from any thread.
    fn pick(&self, ask: Ask, answer: Answer);
}

/// The system's dialog.
pub struct SystemPicker;

impl FilePicker for SystemPicker {
    fn pick(&self, ask: Ask, answer: Answer) {
        // The dialog is made here, on the interface's thread, as macOS wants it; it is waited for elsewhere.
        let dialog = rfd::AsyncFileDialog::new();
        let experiment = dialog.clone().add_filter("Experiment", &["toml"]);
        let anything = experiment.clone().add_filter("Recording, or any file", &["*"]);
        let future: std::pin::Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>> = match ask {
            Ask::Open => Box::pin(anything.set_title("Open experiment or recording").pick_file()),
            Ask::Folder => Box::pin(dialog.set_title("Continue training").pick_folder()),
            Ask::Save(name) => {
                Box::pin(experiment.set_title("Save experiment").set_file_name(name).save_file())
            }
            Ask::Import => Box::pin(dialog.set_title("Import schedule").pick_file()),
            Ask::Export(name) => Box::pin(dialog.set_title("Save").set_file_name(name).save_file()),
        };
        let wait = move || answer(pollster::block_on(future).map(|file| file.path().to_owned()));
        if let Err(error) = thread::Builder::new().name("file dialog".into()).spawn(wait) {
            tracing::error!("no thread for a file dialog: {error}");
        }
    }
}

/// One dialog at a time, and its answer.
#[derive(Default)]
pub struct Picking {
    pending: Option<Job<Option<PathBuf>>>,
}

impl Picking {
    /// Whether a dialog is open.
    pub fn is_busy(&self) -> bool {
        self.pending.is_some()
    }

    /// Opens a dialog, unless one is open. `wake` is called when it has an answer.
    pub fn start(&mut self, picker: &dyn FilePicker, ask: Ask, wake: impl Fn() + Send + Sync + 'static) {
        if self.is_busy() {
            return;
        }
        let (answers, pending) = Job::pair(wake);
        self.pending = Some(pending);
        picker.pick(ask, Box::new(move |path| answers.give(path)));
    }

    /// The answer, once: `Some(None)` when no file was chosen.
    pub fn poll(&mut self) -> Option<Option<PathBuf>> {
        // A dialog that went away without an answer chose nothing.
        let answer = self.pending.as_ref()?.poll()?.unwrap_or(None);
        self.pending = None;
        Some(answer)
    }
}
