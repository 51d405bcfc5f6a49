//! The weights a training begins with, where they are those of another one.

use std::path::PathBuf;

use super::error::{FieldError, FileError, Place};
use super::node::Node;

const START: &str = "the folder of a training or a checkpoint, such as \"runs/base\", or a table, such as { path = \"runs/base\", run = \"cosine\", head = \"new\" }";

/// Weights of an earlier training to begin with.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// A folder that `anneal train --out` wrote, of which the newest good checkpoint is taken, or a checkpoint. A relative
    /// path starts at the experiment's folder.
    pub path: PathBuf,
    /// The run whose weights are taken; the first one when not given.
    pub run: Option<String>,
    pub head: Head,
    /// Where the file says so.
    pub said: Said,
}

/// What becomes of the last layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Head {
    /// It is taken where it has the same shape; where the classes are others, it is new.
    #[default]
    Fitting,
    New,
}

impl Head {
    /// Both, by their names in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("fitting", Self::Fitting), ("new", Self::New)];
}

/// A place in a file. Two experiments that differ only in this are the same.
#[derive(Clone, Debug, Default)]
pub struct Said(Option<(Place, String)>);

impl PartialEq for Said {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Start {
    /// The whole of a training's first run.
    pub fn new(path: PathBuf) -> Self {
        Self { path, run: None, head: Head::default(), said: Said::default() }
    }

    /// What is wrong with these weights, at the place where the file asks for them.
    pub fn error(&self, found: String, allowed: String) -> String {
        let Some((place, field)) = &self.said.0 else {
            return format!("model.from: found {found}, allowed: {allowed}");
        };
        FieldError { place: place.clone(), field: field.clone(), found, allowed, hint: None }.to_string()
    }
}

/// The weights to begin with, from their field.
pub(super) fn start(node: &Node) -> Result<Start, FileError> {
    let said = Said(Some((node.place(), "model.from".to_owned())));
    if !node.is_table() {
        let path = node.text().map_err(|_| node.error(START))?;
        if path.trim().is_empty() {
            return Err(node.error(START));
        }
        return Ok(Start { said, ..Start::new(path.into()) });
    }
    let fields = node.fields(START)?;
    fields.only(&["path", "run", "head"])?;
    Ok(Start {
        path: fields.need("path", "the folder of a training or a checkpoint")?.text()?.into(),
        run: fields.read("run", |node| node.text().map(str::to_owned))?,
        head: fields.read("head", |node| node.choice(&Head::ALL))?.unwrap_or_default(),
        said,
    })
}
