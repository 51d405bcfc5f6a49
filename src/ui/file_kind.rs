//! What a path is to the studio, from the dialog, the command line or dropped on the window.

use std::path::Path;

use crate::experiment::is_line;
use crate::files;
use crate::import::{self, dialect_of};
use crate::lesson;
use crate::recording::is_claimed;
use crate::sweep::journal;

/// What opening a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An experiment in one line of text.
    Line,
    Experiment,
    /// A question, what to look at, and claims that are trained.
    Lesson,
    /// The folder of a training of ours, which can go on.
    Training,
    /// The folder of a sweep of ours.
    Sweep,
    /// Another program's log or folder, whose runs stand beside ours.
    Recording,
    /// A table of samples to train on.
    Table,
    /// Code, a configuration, a notebook or a command line: a schedule may be read from it.
    Script,
}

impl FileKind {
    /// What stands there, told by its name and its first words. A file that cannot be read is an experiment: opening
    /// it says why.
    pub fn of(path: &Path) -> Self {
        if path.is_dir() {
            return Self::of_folder(path);
        }
        if !path.is_file() {
            return Self::Experiment;
        }
        let is =
            |ending: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending));
        // A log may be long: only what is none is read.
        let text = || String::from_utf8(files::read(path, import::MAX_BYTES).ok()?).ok();
        let dialect = |text: &str| dialect_of(text).ok().map(|dialect| dialect.id);
        if lesson::is_claimed(path) {
            return Self::Lesson;
        }
        if is("toml") {
            return match text().as_deref().and_then(dialect) {
                None | Some("anneal") => Self::Experiment,
                Some(_) => Self::Script,
            };
        }
        if is_claimed(path) {
            return Self::Recording;
        }
        if is("csv") {
            return Self::Table;
        }
        match text() {
            Some(text) if is_line(&text) => Self::Line,
            Some(text) if dialect(&text) == Some("anneal") => Self::Experiment,
            _ => Self::Script,
        }
    }

    /// Other programs have folders of checkpoints, too.
    fn of_folder(path: &Path) -> Self {
        if path.join("checkpoints").is_dir() && path.join("experiment.toml").is_file() {
            Self::Training
        } else if path.join(journal::JOURNAL).is_file() {
            Self::Sweep
        } else {
            Self::Recording
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_its_words_say_and_not_only_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let experiment = b"anneal = 1\nname = \"x\"\n";
        let script = b"import torch\nopt = torch.optim.SGD(m.parameters(), lr=0.1)\n\
            s = torch.optim.lr_scheduler.StepLR(opt, 30)\n";
        let torchtitan = b"[optimizer]\nname = \"AdamW\"\nlr = 8e-4\n[lr_scheduler]\nwarmup_steps = 200\n\
            [training]\nsteps = 1000\n";
        for (name, text, kind) in [
            ("a.toml", &experiment[..], FileKind::Experiment),
            ("broken.toml", b"[[run]\n", FileKind::Experiment),
            ("without-ending", experiment, FileKind::Experiment),
            ("mine.toml", b"lesson = 1\ntitle = \"x\"\n", FileKind::Lesson),
            ("titan.toml", torchtitan, FileKind::Script),
            ("train.py", script, FileKind::Script),
            ("picture.png", b"\x89PNG\r\n\x1a\n\0\0", FileKind::Script),
            ("table.csv", b"height,width,species\n1,2,a\n3,4,b\n", FileKind::Table),
            ("log.csv", b"step,train_loss,learning_rate\n0,2.3,0.1\n1,2.2,0.1\n", FileKind::Recording),
            ("line.txt", b"anneal:1:abc", FileKind::Line),
        ] {
            assert_eq!(FileKind::of(&at(name, text)), kind, "{name}");
        }
        for nowhere in ["nowhere.py", "nowhere.csv"] {
            assert_eq!(FileKind::of(&folder.path().join(nowhere)), FileKind::Experiment);
        }
        at("sweep/journal.jsonl", b"{}\n");
        at("training/experiment.toml", experiment);
        std::fs::create_dir_all(folder.path().join("training/checkpoints")).unwrap();
        at("events/events.out.tfevents.1", b"");
        for (name, kind) in
            [("sweep", FileKind::Sweep), ("training", FileKind::Training), ("events", FileKind::Recording)]
        {
            assert_eq!(FileKind::of(&folder.path().join(name)), kind, "{name}");
        }
    }
}
