//! `tidegate status`: what runs and what moves.

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use std::io::Write as _;

/// `tidegate status`.
#[derive(Debug, Args)]
pub struct Status {}

impl Status {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let client = session.connect().await?;
        let status = tidegate_aws::status::read(&client, &target).await?;
        let text = match global.output {
            Output::Json => format!(
                "{}\n",
                serde_json::json!({"target": target, "service": status.service, "images": status.images})
            ),
            Output::Text => tidegate_report::tables::status(
                &target.to_string(),
                &status.service,
                &status.images,
                global.stdout_style(),
            ),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(Exit::Done)
    }
}
