//! Tables with a line that names their columns. [`header`] finds it, [`reader`] reads the rows of any of them, and
//! each dialect says by which names it is known and what its columns mean.

pub(super) mod anneal;
pub(super) mod header;
pub(super) mod keras;
pub(super) mod lightning;
pub(super) mod plain;
mod reader;
pub(super) mod tensorboard;
pub(super) mod timm;
pub(super) mod wandb;
pub(super) mod yolo;
