//! `anneal train`: an experiment to its end, results in a folder.

use super::{DeviceChoice, Failure, TrainArgs, headless, read};

pub fn run(args: &TrainArgs) -> Result<(), Failure> {
    let experiment = read(&args.file)?;
    if matches!(args.device, DeviceChoice::Cuda | DeviceChoice::Metal) {
        return Err(Failure::Failed(anyhow::anyhow!(
            "this build trains on the CPU: leave --device out, or write --device cpu"
        )));
    }
    headless::train(&experiment, args.out.as_deref(), args.threads)
}
