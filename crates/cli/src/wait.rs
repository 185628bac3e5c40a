//! `tidegate wait`: the verdict of the deployment in progress, and nothing else.

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use tidegate_report::plain::Detail;
use tidegate_report::{JsonLines, PlainLines, Reporter};

/// `tidegate wait`.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::TABLE)]
pub struct Wait {}

impl Wait {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let reporter: Box<dyn Reporter> = match global.output {
            Output::Json => Box::new(JsonLines::new(std::io::stdout())),
            Output::Text => Box::new(PlainLines::new(
                std::io::stderr(),
                std::io::stdout(),
                global.stderr_style(),
                global.stdout_style(),
                Detail::Result,
            )),
        };
        crate::watch::follow(&session, reporter).await
    }
}
