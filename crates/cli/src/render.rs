//! `tidegate render`: the task definition that a deploy would register, as JSON on stdout.

use crate::args::Global;
use crate::deploy::What;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use clap::Args;
use std::io::Write as _;
use tidegate_aws::deploy::rendered;
use tidegate_report::plain::Detail;
use tidegate_report::{PlainLines, Reporter};

/// `tidegate render`.
#[derive(Debug, Args)]
pub struct Render {
    #[command(flatten)]
    what: What,
}

impl Render {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = self.what.open(global)?;
        let document = if let Some(document) = self.what.offline(&session)? {
            document
        } else {
            let plan = self.what.plan(&session)?;
            let client = session.connect().await?;
            uninterrupted(notes_only(global), &plan.target, Part::Runs, async |sink| {
                rendered(&client, &plan, sink).await
            })
            .await??
        };
        let text = serde_json::to_string_pretty(&document).map_err(|error| {
            Failure::new(Exit::Refused, format!("the task definition cannot be written as JSON: {error}"))
        })?;
        let _ = writeln!(std::io::stdout(), "{text}");
        Ok(Exit::Done)
    }
}

/// Notes go to stderr; stdout is the result alone.
pub fn notes_only(global: &Global) -> Box<dyn Reporter> {
    let style = global.stderr_style();
    let detail = if global.quiet { Detail::Result } else { Detail::Progress };
    Box::new(PlainLines::new(std::io::stderr(), std::io::stderr(), style, style, detail))
}
