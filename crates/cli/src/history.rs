//! `tidegate history`: who rolled out what, from which commit, how it ended, and why.

use std::io::Write as _;

use clap::Args;
use tidegate_aws::history::{Brought, Past, read};
use tidegate_report::{
    history::{HistoryRow, history_table},
    terminal_width,
};

use crate::{
    args::{Global, Output},
    exit::Exit,
    failure::Failure,
    session::Session,
};

/// `tidegate history`.
#[derive(Debug, Args)]
pub struct History {
    /// How many of the newest
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    last: u16,
}

impl History {
    /// Prints them, newest first.
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let client = session.connect().await?;
        let rows: Vec<HistoryRow> =
            read(&client, &target, self.last.into()).await?.into_iter().map(row).collect();
        let text = match global.output {
            Output::Json => format!("{}\n", serde_json::json!({ "history": rows })),
            Output::Text => history_table(&rows, global.stdout_style(), terminal_width()),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(Exit::Done)
    }
}

fn row(past: Past) -> HistoryRow {
    let said = past.status.and_then(|status| serde_json::to_value(status).ok());
    let verdict = past.verdict.as_ref().map(|kept| kept.word.clone());
    let kept = past.verdict.map(|kept| kept.reason).filter(|reason| !reason.is_empty());
    let origin = past.recorded.origin;
    HistoryRow {
        at_ms: past.at,
        revision: past.revision.short().to_owned(),
        deployment: said.and_then(|status| status.as_str().map(str::to_owned)),
        verdict,
        reason: kept.or(past.reason),
        commit: origin.commit,
        by: origin.by,
        strategy: past.recorded.strategy,
        repository: origin.repository,
        run: origin.run,
        registered_at: past.recorded.at,
        again: past.brought == Brought::Again,
    }
}
