//! `tidegate watch`: the view of a deployment that somebody started.

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use crate::session::Session;
use clap::Args;
use tidegate_aws::watch::attach;
use tidegate_report::Reporter;

/// `tidegate watch`.
#[derive(Debug, Args)]
#[command(after_help = crate::exit::TABLE)]
pub struct Watch {}

impl Watch {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let reporter = session.reporter();
        follow(&session, reporter).await
    }
}

/// Follows the deployment in progress and answers the code of its verdict.
pub async fn follow(session: &Session<'_>, reporter: Box<dyn Reporter>) -> Result<Exit, Failure> {
    let target = session.target()?;
    let client = session.connect().await?;
    let plan = session.plan(Vec::new())?;
    if let Ok(Some(held)) = tidegate_aws::alb::held(&client, &target).await
        && held.progress.verdict().is_none()
    {
        let verdict = uninterrupted(reporter, &target, Part::LooksOn, async |sink| {
            tidegate_aws::alb::follow(&client, &target, plan.timeout_ms, plan.watch, sink).await
        })
        .await??;
        return verdict.map(|verdict| Exit::of_verdict(&verdict)).ok_or_else(|| {
            Failure::new(Exit::StillGoing, format!("nobody runs the rollout of {target} any more"))
                .with_help(Some("`tidegate resume` goes on, `tidegate abort` takes the traffic back".into()))
        });
    }
    let verdict =
        uninterrupted(reporter, &target, Part::LooksOn, async |sink| attach(&client, &plan, sink).await)
            .await??;
    verdict.map(|verdict| Exit::of_verdict(&verdict)).ok_or_else(|| {
        Failure::new(Exit::Refused, format!("{target} has no deployment of its own to watch"))
            .with_help(Some("services under an external controller keep their deployments elsewhere".into()))
    })
}
