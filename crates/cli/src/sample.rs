//! `tidegate sample-service`: the small service that the demo deploys. Start with [`Sample`].

use clap::Args;

use crate::{args::Global, exit::Exit, failure::Failure};

/// `tidegate sample-service`.
#[derive(Debug, Args)]
pub struct Sample {}

impl Sample {
    /// Serves until SIGTERM.
    pub async fn run(self, _: &Global) -> Result<Exit, Failure> {
        match tidegate_rehearsal::sample::serve().await {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(Failure::new(Exit::Refused, error.to_string())),
        }
    }
}
