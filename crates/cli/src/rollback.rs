//! `tidegate rollback`: to what was last steady, or to a revision that is named. It never asks: who
//! rolls back is in a hurry; `--dry-run` shows what it would do.

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use crate::session::Session;
use clap::Args;
use tidegate_aws::deploy::Then;
use tidegate_aws::rollback::{Wish, find_target, run};
use tidegate_rollout::update::Force;

/// `tidegate rollback`.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::TABLE)]
pub struct Rollback {
    /// The revision to go to: a number, family:revision or an ARN [default: what was last steady]
    #[arg(long, value_name = "REV")]
    to: Option<String>,
    /// Show where it would go and what that changes
    #[arg(long)]
    dry_run: bool,
    /// Return as soon as ECS has accepted the update
    #[arg(long)]
    no_wait: bool,
}

impl Rollback {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let mut plan = session.plan(Vec::new())?;
        plan.force = Force::OnlyIfChanged;
        plan.then = match (self.dry_run, self.no_wait) {
            (true, _) => Then::OnlyShow,
            (false, true) => Then::Return,
            (false, false) => Then::Wait,
        };
        let client = session.connect().await?;
        let wish = self.to.map_or(Wish::LastSteady, Wish::Revision);
        let target = find_target(&client, &plan.target, &wish).await?;
        let outcome = uninterrupted(session.reporter(), &plan.target, Part::Runs, async |sink| {
            run(&client, &plan, target, sink).await
        })
        .await??;
        Ok(Exit::of_outcome(&outcome))
    }
}
