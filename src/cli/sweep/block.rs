//! `anneal block`: trials of a sweep that runs elsewhere; it reads what to do and writes what came of it, in lines.

use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use crate::cli::{Failure, threads_of};
use crate::sweep::block::serve;

#[derive(Args)]
pub struct BlockArgs {
    /// Training threads.
    #[arg(long, default_value = "1")]
    threads: usize,
}

pub fn run(args: &BlockArgs) -> Result<(), Failure> {
    let pool = Arc::new(crate::train::pool(Some(threads_of(Some(args.threads))))?);
    let served = serve(std::io::stdin().lock(), std::io::stdout().lock(), &pool);
    served.context("the driver of the sweep is gone")?;
    Ok(())
}
