//! An attack on a model: inputs changed a little so that it errs.

use super::error::FileError;
use super::node::Node;
use super::{Data, Model};

const ATTACK: &str = "a table, such as { kind = \"pgd\", eps = 0.1 }";

/// How inputs are changed: along the sign of the loss's gradient, by at most `eps` each (in the model's numbers, where 1 is
/// the deviation of an average input).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attack {
    pub kind: AttackKind,
    /// The most that a number of an input is changed by, above 0.
    pub eps: f64,
    /// Steps of `pgd`, each a quarter of `eps` long but for few steps, which together reach it; of `fgsm` one, as long as
    /// `eps`.
    pub steps: usize,
    /// Whether training sees attacked samples in place of its own.
    pub train: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttackKind {
    /// One step (Goodfellow et al. 2015, arXiv 1412.6572).
    Fgsm,
    /// Several steps, each followed by a projection (Madry et al. 2018, arXiv 1706.06083), from the sample itself.
    #[default]
    Pgd,
}

impl AttackKind {
    /// Both, by their names in an experiment file.
    pub const ALL: [(&'static str, Self); 2] = [("fgsm", Self::Fgsm), ("pgd", Self::Pgd)];
}

impl Attack {
    /// Steps of `pgd` when the file does not say.
    pub const STEPS: usize = 7;

    /// Each step's number and length.
    pub fn steps(&self) -> (usize, f64) {
        match self.kind {
            AttackKind::Fgsm => (1, self.eps),
            AttackKind::Pgd => (self.steps, self.eps / (self.steps as f64).clamp(1.0, 4.0)),
        }
    }
}

/// The attack of a file, which only models of numbers know.
pub(super) fn attack(node: &Node, data: &Data, model: &Model) -> Result<Attack, FileError> {
    let fields = node.fields(ATTACK)?;
    fields.only(&["kind", "eps", "steps", "train"])?;
    if matches!(model, Model::Surface { .. }) || model.reads_text() {
        return Err(node.error("none: characters and surfaces cannot be changed a little"));
    }
    if data.validation == 0.0 {
        return Err(
            node.error_found("an attack", "a validation share: robustness is measured on held-out samples")
        );
    }
    let kind = fields.read("kind", |node| node.choice(&AttackKind::ALL))?.unwrap_or_default();
    if let (AttackKind::Fgsm, Some(node)) = (kind, fields.get("steps")) {
        return Err(node.error("none: fgsm has one step"));
    }
    let above = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(1e3));
    Ok(Attack {
        kind,
        eps: fields.need("eps", "the most that an input is changed by, such as 0.1")?.number(above)?,
        steps: fields.read("steps", |node| node.whole(1..=1000))?.unwrap_or(Attack::STEPS),
        train: fields.read("train", |node| node.flag())?.unwrap_or(false),
    })
}
