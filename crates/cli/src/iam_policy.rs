//! `tidegate iam-policy`: the least that an identity must be allowed for this config. No call is made.

use std::collections::BTreeSet;
use std::io::Write as _;

use clap::{Args, ValueEnum};
use tidegate_rollout::iam_policy::{Purpose, Scope, policy};

use crate::args::Global;
use crate::config::TaskDefinitionConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// `tidegate iam-policy`.
#[derive(Debug, Args)]
pub struct IamPolicy {
    /// What for; may be given again [default: deploy and rollback]
    #[arg(long = "for", value_name = "PURPOSE", value_enum)]
    purposes: Vec<For>,
    /// The account, twelve digits [default: any]
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// The task definition's family [default: the config file's document's, else any]
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// A task role or execution role that may be passed; may be given again [default: the document's, else any]
    #[arg(long = "role", value_name = "ARN")]
    roles: Vec<String>,
}

/// `--for`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum For {
    /// status, watch, wait, tasks, logs, history, revisions, diff, render
    Look,
    /// deploy, resume, pause, promote, abort
    Deploy,
    /// rollback
    Rollback,
    /// run
    Run,
    /// scale
    Scale,
    /// revisions prune
    Prune,
}

impl From<For> for Purpose {
    fn from(given: For) -> Self {
        match given {
            For::Look => Self::Look,
            For::Deploy => Self::Deploy,
            For::Rollback => Self::Rollback,
            For::Run => Self::Run,
            For::Scale => Self::Scale,
            For::Prune => Self::Prune,
        }
    }
}

impl IamPolicy {
    // Nothing is waited for; all subcommands have one shape.
    #[allow(clippy::unused_async, reason = "every subcommand is run in the same way")]
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open(global)?;
        let target = session.target()?;
        let document = match &session.config.task_definition {
            TaskDefinitionConfig::Document(document) => Some(document),
            TaskDefinitionConfig::Running => None,
        };
        let said = |name: &str| document?.get(name)?.as_str().map(str::to_owned);
        let roles = if self.roles.is_empty() {
            ["taskRoleArn", "executionRoleArn"].iter().filter_map(|name| said(name)).collect()
        } else {
            self.roles
        };
        let region = global.region.clone().or_else(|| session.config.region.clone());
        let scope = Scope {
            region: region.or_else(|| std::env::var("AWS_REGION").ok()).unwrap_or_else(|| "*".to_owned()),
            account: self.account.unwrap_or_else(|| "*".to_owned()),
            cluster: target.cluster.short().to_owned(),
            service: target.service.short().to_owned(),
            family: self.family.or_else(|| said("family")).unwrap_or_else(|| "*".to_owned()),
            roles,
            strategy: session.config.strategy.clone(),
            gates: session.config.gates.clone(),
        };
        let purposes: BTreeSet<Purpose> = if self.purposes.is_empty() {
            BTreeSet::from([Purpose::Deploy, Purpose::Rollback])
        } else {
            self.purposes.into_iter().map(Purpose::from).collect()
        };
        let text = serde_json::to_string_pretty(&policy(&scope, &purposes)).unwrap_or_default();
        let _ = writeln!(std::io::stdout(), "{text}");
        Ok(Exit::Done)
    }
}

/// Twelve digits.
fn account(given: &str) -> Result<String, String> {
    if given.len() == 12 && given.bytes().all(|digit| digit.is_ascii_digit()) {
        Ok(given.to_owned())
    } else {
        Err("an AWS account has twelve digits".to_owned())
    }
}
