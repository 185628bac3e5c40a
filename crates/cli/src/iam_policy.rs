//! `tidegate iam-policy`: the least IAM policy for what the config does. It looks at the service to name roles,
//! repositories and rules; `--offline` asks nobody and names patterns instead.

use crate::args::Global;
use crate::config::TaskDefinitionConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use std::collections::BTreeSet;
use std::io::Write as _;
use tidegate_aws::blueprint;
use tidegate_permissions::{Known, Subject, Use, policy};

/// `tidegate iam-policy`.
#[derive(Debug, Args)]
pub struct IamPolicy {
    /// What it is for: look, diagnose, check, init or push; or deploy, sync, run, scale or prune, which all look, too
    #[arg(long = "for", value_name = "USE", value_delimiter = ',', default_value = "deploy", value_parser = wanted)]
    uses: Vec<Use>,
    /// Ask nobody: name patterns where only the running service could tell names
    #[arg(long)]
    offline: bool,
    /// The account, twelve digits, where nobody is asked
    #[arg(long, value_name = "ID", requires = "offline", value_parser = crate::local::parse_account)]
    account: Option<String>,
}

impl IamPolicy {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        // The next images and task definition count as well, where the variables that they need are set.
        let session = Session::open(global).or_else(|_| Session::open_for_target(global))?;
        let target = session.target()?;
        let (mut known, region) = if self.offline {
            (Known { account: self.account.clone(), ..Known::default() }, region(&session))
        } else {
            let client = session.connect().await?;
            let (service, definition) = blueprint::runs(&client, &target).await?;
            let mut known = Known::of(&service, &definition);
            known.rules.extend(blueprint::rule(&client, &target, &service, &session.config.strategy).await?);
            (known, client.region().to_owned())
        };
        if let TaskDefinitionConfig::Document(document) = &session.config.task_definition {
            known = known.and_next(document);
        }
        for (_, image) in &session.config.images {
            known = known.and_image(image);
        }
        let document = document(&session, known, &region, self.uses.iter().copied())?;
        let _ = write!(std::io::stdout(), "{document}");
        Ok(Exit::Done)
    }
}

/// The policy for these uses of the config's service, as the text of a file.
pub fn document(
    session: &Session<'_>,
    known: Known,
    region: &str,
    uses: impl IntoIterator<Item = Use>,
) -> Result<String, Failure> {
    let target = session.target()?;
    let account = known.account.clone();
    let subject = Subject {
        target: &target,
        region,
        account: account.as_deref().unwrap_or("*"),
        strategy: &session.config.strategy,
        gates: &session.config.gates,
        desired_count: session.config.desired_count,
        freeze_windows: session.config.freeze.len(),
        known,
    };
    let uses: BTreeSet<Use> = uses.into_iter().collect();
    let mut text = serde_json::to_string_pretty(&policy(&subject, &uses))
        .map_err(|error| Failure::new(Exit::Refused, format!("cannot write the policy: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// The region that is named somewhere, else all.
fn region(session: &Session<'_>) -> String {
    let named = session.global.region.clone().or_else(|| session.config.region.clone());
    let environment =
        || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
    named.or_else(environment).unwrap_or_else(|| "*".to_owned())
}

fn wanted(word: &str) -> Result<Use, String> {
    let known = Use::ALL.into_iter().find(|(name, _)| *name == word).map(|(_, wanted)| wanted);
    known.ok_or_else(|| format!("there are {}", Use::ALL.map(|(name, _)| name).join(", ")))
}
