//! `tidegate rollback`: to what was last steady, or to a revision that is named. It never asks: who
//! rolls back is in a hurry; `--dry-run` shows what it would do.

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use tidegate_aws::EventSink as _;
use tidegate_aws::Outcome;
use tidegate_aws::deploy::Then;
use tidegate_aws::rollback::{Wish, find_target, run};
use tidegate_rollout::Event;
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
        plan.then = if self.no_wait { Then::Return } else { Then::Wait };
        let client = session.connect().await?;
        let wish = self.to.map_or(Wish::LastSteady, Wish::Revision);
        let target = find_target(&client, &plan.target, &wish).await?;
        let dry_run = self.dry_run;
        let outcome = session
            .reporting(session.reporter(), &plan.target, async |sink| {
                if dry_run {
                    let planned = Event::Planned {
                        target: plan.target.clone(),
                        from: target.current.clone(),
                        differences: target.differences.clone(),
                    };
                    sink.event(0, &planned);
                    let reason =
                        format!("dry run: would go from {} to {}", target.current.short(), target.to.short());
                    sink.event(0, &Event::NothingDone { reason });
                    return Ok(Outcome::OnlyShown { differences: target.differences });
                }
                run(&client, &plan, target, sink).await
            })
            .await??;
        Ok(Exit::of_outcome(&outcome))
    }
}
