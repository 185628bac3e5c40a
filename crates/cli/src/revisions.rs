//! `tidegate revisions`: the revisions of the service's task definition, and `prune`.

use crate::args::{Global, Output};
use crate::confirm::confirmed;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::io::Write as _;
use tidegate_aws::revisions::{Survey, Users, prune, survey};
use tidegate_report::tables::{RevisionRow, revisions};
use tidegate_rollout::TaskDefinitionArn;
use tidegate_rollout::rollback::target;

/// `tidegate revisions`.
#[derive(Debug, Args)]
pub struct Revisions {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Deregister old revisions; never one that runs in any cluster or that a rollback needs
    Prune {
        /// How many of the newest revisions stay
        #[arg(long, value_name = "N", default_value_t = 10)]
        keep: usize,
        /// Show which ones would go
        #[arg(long)]
        dry_run: bool,
    },
}

impl Revisions {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let client = session.connect().await?;
        let survey = survey(&client, &target).await?;
        let Some(Action::Prune { keep, dry_run }) = self.action else {
            return Ok(list(global, &survey));
        };
        let users = Users::of(&client, &survey).await?;
        let gone = users.prunable(&survey, keep);
        say_prunable(global, &survey, &users, &gone);
        if gone.is_empty() || dry_run {
            return Ok(Exit::Done);
        }
        let question = format!("Deregister {} revisions? This cannot be undone.", gone.len());
        if !global.yes && !confirmed(&question)? {
            return Err(Failure::new(Exit::Refused, "nothing was deregistered"));
        }
        match prune(&client, &gone).await {
            Ok(count) => {
                let _ = writeln!(std::io::stderr(), "deregistered {count}");
                Ok(Exit::Done)
            }
            Err((0, error)) => Err(error.into()),
            Err((done, error)) => {
                Err(Failure::new(Exit::Failed, format!("stopped after {done} of {}: {error}", gone.len()))
                    .with_help(error.help()))
            }
        }
    }
}

fn list(global: &Global, survey: &Survey) -> Exit {
    let back = target(&survey.history, &survey.current).ok().map(|past| past.task_definition.clone());
    let role = |arn: &TaskDefinitionArn| {
        if *arn == survey.current {
            "runs"
        } else if Some(arn) == back.as_ref() {
            "rollback target"
        } else if survey.in_use.contains(arn) {
            "in use"
        } else {
            ""
        }
    };
    let last = |arn: &TaskDefinitionArn| {
        let past = survey
            .history
            .iter()
            .filter(|past| past.task_definition == *arn)
            .max_by_key(|past| past.created_at);
        past.and_then(|past| serde_json::to_value(past.status).ok())
            .and_then(|status| status.as_str().map(str::to_owned))
            .unwrap_or_else(|| "-".to_owned())
    };
    let rows: Vec<RevisionRow> = survey
        .active
        .iter()
        .map(|arn| RevisionRow {
            revision: arn.short().to_owned(),
            role: role(arn).to_owned(),
            last_deployment: last(arn),
        })
        .collect();
    let text = match global.output {
        Output::Json => format!("{}\n", serde_json::json!({"revisions": rows})),
        Output::Text => revisions(&rows, global.stdout_style()),
    };
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Done
}

fn say_prunable(global: &Global, survey: &Survey, users: &Users, gone: &[TaskDefinitionArn]) {
    let names: Vec<&str> = gone.iter().map(TaskDefinitionArn::short).collect();
    let kept: Vec<(&str, &str)> = survey
        .active
        .iter()
        .filter(|arn| !gone.contains(arn))
        .filter_map(|arn| Some((arn.short(), users.why(arn)?)))
        .collect();
    let text = match global.output {
        Output::Json => {
            let kept: Vec<_> = kept
                .iter()
                .map(|(revision, why)| serde_json::json!({"revision": revision, "why": why}))
                .collect();
            format!("{}\n", serde_json::json!({"prunable": names, "needed": kept}))
        }
        Output::Text => {
            let mut text = String::new();
            for (revision, why) in &kept {
                text.push_str("stays: ");
                text.push_str(revision);
                text.push_str(", ");
                text.push_str(why);
                text.push('\n');
            }
            if names.is_empty() {
                text.push_str("nothing to prune\n");
            } else {
                let _ = writeln!(text, "to deregister: {}", names.join(", "));
            }
            text
        }
    };
    let _ = std::io::stdout().write_all(text.as_bytes());
    if !names.is_empty() && !global.quiet && global.output == Output::Text {
        let note = "what only names a revision (a schedule, a state machine, another tool) is not seen from Amazon ECS";
        let _ = writeln!(std::io::stderr(), "note: {note}");
    }
}
