//! `anneal sweep --on`: where the trials train, if not in this process.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::anyhow;

use crate::cli::Failure;
use crate::sweep::RemoteError;
use crate::sweep::remote::Pool;

/// The Python that has the package of the workers, where it is not `python3`.
const PYTHON: &str = "ANNEAL_PYTHON";

/// A pool of Ray's workers: `ray`, on a cluster of this machine, or `ray://ADDRESS`.
pub fn start(on: &str, file: &Path, workers: Option<usize>) -> Result<Pool, Failure> {
    let is_ray = on == "ray" || on.strip_prefix("ray://").is_some_and(|address| !address.is_empty());
    if !is_ray {
        return Err(Failure::BadFile(anyhow!(
            "--on {on}: trials train on ray, a cluster of this machine, or on ray://HOST:PORT"
        )));
    }
    let origin = file.canonicalize().map_err(|error| anyhow!("{}: {error}", file.display()))?;
    let anneal =
        env::current_exe().map_err(|error| anyhow!("where this program is, nobody knows: {error}"))?;
    let python = env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let mut program = Command::new(&python);
    program.args(["-m", "anneal_studio.ray", "--anneal"]).arg(anneal).args(["--address", on]);
    if let Some(workers) = workers {
        program.args(["--workers", &workers.max(1).to_string()]);
    }
    Pool::start(program, origin).map_err(|error| match error {
        RemoteError::Start { .. } | RemoteError::Gone => Failure::Failed(anyhow!(
            "--on {on} needs a Python with the packages anneal-studio and ray (pip install anneal-studio ray); \
             {python} has none: set {PYTHON} to one that has"
        )),
        other => Failure::Failed(other.into()),
    })
}
