//! `anneal man` and `anneal completions`: what packages install beside the program, made from the command line itself.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, Failure, output};
use crate::files;

#[derive(Args)]
pub(super) struct ManArgs {
    /// The command whose page is wanted; without one, the program's.
    command: Option<String>,
    /// Write every page into this folder instead: anneal.1, anneal-train.1, …
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CompletionArgs {
    shell: Shell,
}

/// Prints a manual page, or writes all of them.
pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut program = Cli::command();
    // Fills in what the subcommands inherit.
    program.build();
    if let Some(folder) = &args.out {
        return Ok(write_all(&program, folder)?);
    }
    let asked = match &args.command {
        None => &program,
        Some(name) => program
            .find_subcommand(name)
            .ok_or_else(|| Failure::BadFile(anyhow!("there is no command {name:?}; see anneal --help")))?,
    };
    Ok(output::print(&page(asked)?)?)
}

/// Prints a shell's completions.
pub(super) fn completions(args: &CompletionArgs) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "anneal", &mut text);
    Ok(output::print(&String::from_utf8(text)?)?)
}

fn write_all(program: &Command, folder: &Path) -> anyhow::Result<()> {
    let at = || format!("{}", folder.display());
    fs::create_dir_all(folder).with_context(at)?;
    for command in std::iter::once(program).chain(program.get_subcommands()) {
        // The page of `help` would repeat the others; what programs call has none.
        if command.get_name() == "help" || command.is_hide_set() {
            continue;
        }
        let text = page(command)?;
        let file = folder.join(format!("{}.1", name(command)));
        files::replace(&file, |file| file.write_all(text.as_bytes())).with_context(at)?;
    }
    Ok(())
}

/// `anneal`, or `anneal-train` for a command of it.
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

fn page(command: &Command) -> anyhow::Result<String> {
    let mut text = Vec::new();
    Man::new(command.clone()).title(name(command).to_uppercase()).render(&mut text)?;
    Ok(String::from_utf8(text)?)
}
