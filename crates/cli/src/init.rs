//! `tidegate init`: the files to start from. It asks AWS and reads what is here; what the files say is
//! `tidegate_scaffold`'s. It must never overwrite a file unasked, and never write some of the files only. Start with
//! [`Init`]; `write` puts files in their place.

mod github;
mod service;
mod terraform;
mod write;

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `tidegate init`.
#[derive(Debug, Args)]
pub struct Init {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// tidegate.yml and task-definition.json of a service that runs
    Service(service::Service),
    /// A Terraform configuration for a strategy and a controller, with the tidegate.yml that goes with it
    Terraform(terraform::Terraform),
    /// GitHub workflows that deploy, and that roll back by hand
    Github(github::Github),
}

/// Where files are put.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The folder to write into
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    /// Print the files and write none
    #[arg(long)]
    dry_run: bool,
}

impl Init {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        match self.what {
            What::Service(command) => command.run(global).await,
            What::Terraform(command) => command.run(global),
            What::Github(command) => command.run(global),
        }
    }
}
