//! `tidegate status`: what runs and what moves.

use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};
use tidegate_rollout::Millis;

/// `tidegate status`.
#[derive(Debug, Args)]
pub struct Status {}

impl Status {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let client = session.connect().await?;
        let status = tidegate_aws::status::read(&client, &target, &session.config.strategy).await?;
        // Without Parameter Store, or the permission for it, there is no rollout to tell of.
        let held = tidegate_aws::alb::held(&client, &target).await.ok().flatten();
        let rollout = held.filter(|held| held.progress.verdict().is_none());
        let text = match global.output {
            Output::Json => format!(
                "{}\n",
                serde_json::json!({
                    "target": target, "service": status.service, "images": status.images,
                    "code_deploy": status.code_deploy,
                    "rollout": rollout.map(|held| serde_json::json!({
                        "revision": held.progress.revision(), "step": held.progress.step_kind(),
                        "candidate_share": held.progress.share(), "paused": held.progress.is_paused(),
                        "by": held.by, "since": held.since, "until": held.until,
                    })),
                })
            ),
            Output::Text => {
                tidegate_report::tables::status(
                    &target.to_string(),
                    &status.service,
                    &status.images,
                    status.code_deploy.as_ref(),
                    global.stdout_style(),
                ) + &rollout.map_or_else(String::new, |held| in_words(&held))
            }
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(Exit::Done)
    }
}

/// The rollout that Tidegate itself runs, in a few lines.
fn in_words(held: &tidegate_aws::alb::Held) -> String {
    let progress = &held.progress;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis);
    let runner = if held.is_running(now) {
        format!("{} runs it", held.by)
    } else {
        format!("nobody runs it since {} left: `tidegate resume` or `tidegate abort`", held.by)
    };
    let paused = if progress.is_paused() { ", paused" } else { "" };
    format!(
        "\n  rollout of {}: {}{paused}; the candidate has {}\n  {runner}\n",
        progress.revision().short(),
        tidegate_report::words::step_words(progress.step_kind()),
        progress.share(),
    )
}
