//! `tidegate rollback`: to what was last steady, or to a revision that is named. It never asks: who
//! rolls back is in a hurry; `--dry-run` shows what it would do.

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use crate::session::Session;
use clap::Args;
use tidegate_aws::Outcome;
use tidegate_aws::deploy::Then;
use tidegate_aws::rollback::{Rollback as Found, Wish, find, run};
use tidegate_rollout::update::Force;

/// `tidegate rollback`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Rollback {
    /// The revision to go to: a number, family:revision or an ARN [default: what was last steady]
    #[arg(long, value_name = "REV")]
    to: Option<String>,
    /// Show which way it would go, where to, and what that changes
    #[arg(long)]
    dry_run: bool,
    /// Return as soon as it is accepted
    #[arg(long)]
    no_wait: bool,
}

const AFTER: &str = "\
A deployment that is under way, or in its bake, is stopped by whoever moves it, and its traffic goes back at once. After
its end another deployment brings what was last steady again, by the digests that ran, without steps and gates.

Exit codes:
  0    done: the service is steady on that revision
  1    refused, or failed before anything changed: also when there is nothing to go back to
  2    usage: wrong arguments or config file
  3    the deployment that was to go back was itself thrown back
  4    failed, or it came too late
  5    timed out or out of sight; it goes on
  6    superseded by someone else's deployment
  130  interrupted; says what goes on without it";

impl Rollback {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let mut plan = session.plan(Vec::new())?;
        plan.force = Force::OnlyIfChanged;
        plan.origin = crate::origin::of_here(None);
        plan.then = match (self.dry_run, self.no_wait) {
            (true, _) => Then::OnlyShow,
            (false, true) => Then::Return,
            (false, false) => Then::Wait,
        };
        let client = session.connect().await?;
        let wish = self.to.map_or(Wish::LastSteady, Wish::Revision);
        let rollback = find(&client, &plan, &wish).await?;
        let outcome = uninterrupted(session.reporter(), &plan.target, Part::Runs, async |sink| {
            run(&client, &plan, &rollback, sink).await
        })
        .await??;
        Ok(exit_of(&rollback, &outcome))
    }
}

/// The exit code of a rollback: it is done when the service is back.
pub fn exit_of(rollback: &Found, outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Ended(verdict) if rollback.succeeded(verdict) => Exit::Done,
        // It came too late: the candidate serves.
        Outcome::Ended(verdict) if verdict.is_promoted() => Exit::Failed,
        other => Exit::of_outcome(other),
    }
}
