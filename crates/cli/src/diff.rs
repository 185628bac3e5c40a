//! `tidegate diff`: how the wanted task definition differs from the one that runs. Exit code 7 if
//! it does.

use crate::args::{Global, Output};
use crate::deploy::What;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use clap::Args;
use std::io::Write as _;
use tidegate_aws::deploy::compared;

/// `tidegate diff`.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::TABLE)]
pub struct Diff {
    #[command(flatten)]
    what: What,
}

impl Diff {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = self.what.open(global)?;
        let plan = self.what.plan(&session)?;
        let client = session.connect().await?;
        let reporter = crate::render::notes_only(global);
        let differences = uninterrupted(reporter, &plan.target, Part::Runs, async |sink| {
            compared(&client, &plan, sink).await
        })
        .await??;
        let text = match global.output {
            Output::Json => format!("{}\n", serde_json::json!({"differences": differences})),
            Output::Text if differences.is_empty() => "no differences\n".to_owned(),
            Output::Text => tidegate_report::diff::table(&differences, global.stdout_style()),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(if differences.is_empty() { Exit::Done } else { Exit::Drift })
    }
}
