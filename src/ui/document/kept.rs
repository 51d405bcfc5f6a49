//! A document on disk between two starts: what it says, what is saved of it, and its history.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::state::{Row, State};
use crate::experiment::Experiment;
use crate::train::ids::RunId;

/// The version of the form that is written and read.
const VERSION: u32 = 1;
/// The most steps back, and as many forward, that are written: a step is a whole experiment.
const STEPS: usize = 64;
/// Places in the palette beyond this are no document's.
const SLOTS: usize = 10_000;

/// What is kept of a document. Copying it is cheap: its states are shared with the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub(super) path: Option<PathBuf>,
    pub(super) next_id: u32,
    pub(super) present: Arc<State>,
    pub(super) saved: Arc<State>,
    pub(super) past: Vec<Arc<State>>,
    pub(super) future: Vec<Arc<State>>,
}

/// Why kept work cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error("it is not in the form this program writes: {0}")]
    Form(#[from] serde_json::Error),
    #[error("it was written by a newer version of the program (form {0})")]
    Newer(u32),
    #[error("{0}")]
    Experiment(String),
}

/// What stands on the disk. States are named by their place in `states`.
#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    path: Option<String>,
    next_id: u32,
    present: usize,
    saved: usize,
    past: Vec<usize>,
    future: Vec<usize>,
    states: Vec<StateForm>,
}

#[derive(Serialize, Deserialize)]
struct StateForm {
    /// As an experiment file.
    text: String,
    /// Each run's identity and place in the palette.
    runs: Vec<(u32, usize)>,
}

impl Kept {
    /// The file it was read from or saved to.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What the experiment is called.
    pub fn name(&self) -> &str {
        &self.present.experiment.name
    }

    /// Whether something of it stands in no file.
    pub fn is_dirty(&self) -> bool {
        self.present != self.saved
    }

    /// Whether this is what is saved of it.
    pub fn has_saved(&self, experiment: &Experiment) -> bool {
        self.saved.experiment == *experiment
    }

    /// What is saved of it, with the history of that.
    #[must_use]
    pub fn as_saved(self) -> Self {
        if self.present == self.saved { self } else { Self { present: Arc::clone(&self.saved), ..self } }
    }

    /// As text.
    ///
    /// # Errors
    /// None for what a document holds.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut seen: Vec<&Arc<State>> = Vec::new();
        let mut place = |state| {
            let known = seen.iter().position(|other| Arc::ptr_eq(other, state));
            known.unwrap_or_else(|| {
                seen.push(state);
                seen.len() - 1
            })
        };
        let newest = |states: &[Arc<State>]| states.len().saturating_sub(STEPS);
        let (present, saved) = (place(&self.present), place(&self.saved));
        let past = self.past[newest(&self.past)..].iter().map(&mut place).collect();
        let future = self.future[newest(&self.future)..].iter().map(&mut place).collect();
        let path = self.path.as_deref().and_then(Path::to_str).map(str::to_owned);
        let form = |state: &&Arc<State>| StateForm {
            text: state.experiment.to_toml(),
            runs: state.rows.iter().map(|row| (row.id.0, row.slot)).collect(),
        };
        let states = seen.iter().map(form).collect();
        let next_id = self.next_id;
        serde_json::to_string(&Form { version: VERSION, path, next_id, present, saved, past, future, states })
    }

    /// Reads what [`Self::to_json`] wrote. A step of the history that cannot be read any more ends the history there.
    ///
    /// # Errors
    /// When the text is of another form, or the present or the saved experiment is none.
    pub fn parse(text: &str) -> Result<Self, KeptError> {
        let form: Form = serde_json::from_str(text)?;
        if form.version > VERSION {
            return Err(KeptError::Newer(form.version));
        }
        let path = form.path.map(PathBuf::from);
        // What lies beside the experiment's file is found from there.
        let beside = path.clone().unwrap_or_else(|| PathBuf::from("experiment.toml"));
        let read = |at: usize| {
            let missing = || KeptError::Experiment(format!("state {at} is missing"));
            state(form.states.get(at).ok_or_else(missing)?, form.next_id, &beside)
        };
        let readable = |places: &[usize]| {
            let nearest_first = places.iter().rev().map_while(|at| read(*at).ok());
            let mut states: Vec<_> = nearest_first.collect();
            states.reverse();
            states
        };
        let present = read(form.present)?;
        let saved = if form.saved == form.present { Arc::clone(&present) } else { read(form.saved)? };
        let (past, future) = (readable(&form.past), readable(&form.future));
        Ok(Self { path, next_id: form.next_id, present, saved, past, future })
    }
}

fn state(form: &StateForm, next_id: u32, beside: &Path) -> Result<Arc<State>, KeptError> {
    let wrong = |why: &str| KeptError::Experiment(why.to_owned());
    let experiment =
        Experiment::parse_at(&form.text, beside).map_err(|error| KeptError::Experiment(error.to_string()))?;
    let rows: Vec<Row> = form.runs.iter().map(|(id, slot)| Row { id: RunId(*id), slot: *slot }).collect();
    if rows.len() != experiment.runs.len() {
        return Err(wrong("its runs are not those of its experiment"));
    }
    let ids: HashSet<u32> = rows.iter().map(|row| row.id.0).collect();
    if ids.len() != rows.len() || rows.iter().any(|row| row.id.0 > next_id || row.slot > SLOTS) {
        return Err(wrong("its runs are not told apart"));
    }
    Ok(Arc::new(State { experiment, rows }))
}

#[cfg(test)]
mod tests {
    use super::super::{Document, first};
    use super::*;

    #[test]
    fn a_document_comes_back_with_its_history_both_ways() {
        let mut document = Document::new(first().unwrap(), Some(PathBuf::from("/nowhere/x.toml")));
        let name = |document: &Document| document.experiment().name.clone();
        for name in ["one", "two", "three"] {
            document.edit(|experiment| experiment.name = name.to_owned());
            document.settle();
        }
        document.duplicate(document.first().unwrap()).unwrap();
        document.undo();
        document.undo();
        let text = document.kept().to_json().unwrap();
        let kept = Kept::parse(&text).unwrap();
        assert!(kept.is_dirty() && kept.name() == "two");
        let mut back = Document::from_kept(kept).succeeding(&Document::new(first().unwrap(), None));
        assert_eq!((back.path(), name(&back)), (document.path(), "two".to_owned()));
        back.redo();
        back.redo();
        assert_eq!(back.runs().count(), 4);
        for expected in ["three", "two", "one"] {
            back.undo();
            assert_eq!(name(&back), expected);
        }
        back.undo();
        assert!(!back.is_dirty() && !back.can_undo());
    }

    #[test]
    fn a_damaged_step_ends_the_history_there_and_a_damaged_present_is_refused() {
        let mut document = Document::new(first().unwrap(), None);
        for name in ["one", "two", "three"] {
            document.edit(|experiment| experiment.name = name.to_owned());
            document.settle();
        }
        let text = document.kept().to_json().unwrap();
        let damaged = text.replace("name = \\\"one\\\"", "nome = \\\"one\\\"");
        let mut back = Document::from_kept(Kept::parse(&damaged).unwrap());
        back.undo();
        assert_eq!(back.experiment().name, "two");
        assert!(!back.can_undo());
        let damaged = text.replace("name = \\\"three\\\"", "nome = \\\"three\\\"");
        assert!(matches!(Kept::parse(&damaged), Err(KeptError::Experiment(_))));
        let newer = text.replacen("\"version\":1", "\"version\":2", 1);
        assert!(matches!(Kept::parse(&newer), Err(KeptError::Newer(2))));
        for end in 0..text.len().min(200) {
            assert!(Kept::parse(&text[..end]).is_err());
        }
    }
}
