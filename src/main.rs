//! The `anneal` program; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    anneal_studio::cli::main()
}
