//! JSON logs: an object a line, or one document with a list of rows or a list a series, or TensorBoard's.

pub(super) mod lines;
mod object;
pub(super) mod scalars;
pub(super) mod tokens;
pub(super) mod whole;
