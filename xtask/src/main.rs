//! Maintenance tasks of the workspace: `cargo xtask models BOTOCORE_DIR` derives the shape tables and typed structs of
//! `crates/models` from the service models of an unpacked botocore package. Start at [`main`].

mod models;

use std::{env, path::Path, process::ExitCode};

#[expect(clippy::print_stderr, reason = "a task of the command line")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["models", botocore] => models::generate(Path::new(botocore)),
        _ => Err(
            "usage: cargo xtask models BOTOCORE_DIR (the folder of the botocore package that holds `data`)"
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
