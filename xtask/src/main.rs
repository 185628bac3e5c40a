//! Maintenance tasks of the workspace: `cargo xtask models BOTOCORE_DIR` derives the shape tables and typed structs of
//! `crates/models` from the service models of an unpacked botocore package; `cargo xtask conformance` writes
//! `docs/conformance.md` from them and the code. Start at [`main`].

mod conformance;
mod models;

use std::{env, fs, path::Path, process::ExitCode};

#[expect(clippy::print_stderr, reason = "a task of the command line")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["models", botocore] => models::generate(Path::new(botocore)),
        ["conformance"] => {
            conformance::page().and_then(|page| Ok(fs::write(conformance::path(), page)?))
        }
        _ => Err(
            "usage: cargo xtask conformance | models BOTOCORE_DIR (the folder of the botocore package that holds `data`)"
                .into(),
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
