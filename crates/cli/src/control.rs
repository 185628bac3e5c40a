//! `tidegate resume`, `pause`, `promote` and `abort`: a rollout that another process runs, or that nobody
//! runs any more. Start with [`ask`].

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use crate::session::Session;
use clap::Args;
use std::io::Write as _;
use tidegate_aws::control::Answer;
use tidegate_rollout::Verdict;
use tidegate_rollout::alb::Verb;

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Args)]
        #[command(after_help = crate::exit::TABLE)]
        pub struct $name {}

        impl $name {
            pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
                ask(global, Verb::$name).await
            }
        }
    )*};
}

verbs!(
    /// `tidegate resume`.
    Resume,
    /// `tidegate pause`.
    Pause,
    /// `tidegate promote`.
    Promote,
    /// `tidegate abort`.
    Abort
);

async fn ask(global: &Global, verb: Verb) -> Result<Exit, Failure> {
    let session = Session::open_for_target(global)?;
    let plan = session.plan(Vec::new())?;
    let client = session.connect().await?;
    let answer = uninterrupted(session.reporter(), &plan.target, Part::Runs, async |sink| {
        tidegate_aws::control::ask(&client, &plan, verb, sink).await
    })
    .await??;
    match answer {
        Answer::Heard { by } => {
            let text = match global.output {
                Output::Json => format!("{}\n", serde_json::json!({"asked": verb.name(), "heard_by": by})),
                Output::Text => format!("{by}, who runs the rollout, has heard it: {}\n", verb.name()),
            };
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(Exit::Done)
        }
        Answer::GoesOn { done } => {
            let text = match global.output {
                Output::Json => format!("{}\n", serde_json::json!({"asked": verb.name(), "done": done})),
                Output::Text => format!("{done}\n"),
            };
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(Exit::Done)
        }
        // It came too late: the candidate serves.
        Answer::Ended(Verdict::Promoted { .. }) if verb == Verb::Abort => Ok(Exit::Failed),
        Answer::Ended(verdict) => Ok(Exit::of_verdict(&verdict)),
    }
}
