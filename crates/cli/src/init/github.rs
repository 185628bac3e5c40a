//! `tidegate init github`: workflows for the service of tidegate.yml. It reads what is here and asks nobody. Start with
//! [`Github`].

use super::{Place, write};
use crate::args::Global;
use crate::config::document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::iam_policy;
use crate::session::Session;
use clap::Args;
use serde_json::Value;
use std::path::Path;
use tidegate_permissions::{Known, Use};
use tidegate_scaffold::github::{
    ACTION, Definition, Pipeline, UNKNOWN_ACCOUNT, ecr_image, files, repository_of,
};

/// `tidegate init github`.
#[derive(Debug, Args)]
pub struct Github {
    /// The branch whose pushes are shipped
    #[arg(long, value_name = "NAME", default_value = "main")]
    branch: String,
    /// The repository at GitHub, for the trust policy [default: the remote origin]
    #[arg(long = "github", value_name = "OWNER/NAME")]
    remote: Option<String>,
    /// The AWS account [default: that of the images]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The ECR repository that images are pushed to [default: that of the task definition, else the service's name]
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The role that the workflows become [default: SERVICE-deploy]
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// The action that the workflows use
    #[arg(long, value_name = "OWNER/NAME@VERSION", default_value = ACTION)]
    action: String,
    #[command(flatten)]
    place: Place,
}

impl Github {
    pub fn run(self, global: &Global) -> Result<Exit, Failure> {
        let session = Session::open_for_target(global)?;
        let target = session.target()?;
        let definition = definition(global);
        let containers =
            definition.as_ref().and_then(|it| it.get("containerDefinitions")?.as_array().cloned());
        let mut images = containers.iter().flatten().filter_map(|it| it.get("image")?.as_str());
        let image = images.find_map(ecr_image);
        let (account, region, repository) = match image {
            Some((account, region, repository)) => (Some(account), Some(region), Some(repository)),
            None => (None, None, None),
        };
        let region =
            global.region.clone().or_else(|| session.config.region.clone()).or(region).ok_or_else(|| {
                Failure::new(Exit::Usage, "no region is named")
                    .with_help(Some("write `region:` in tidegate.yml, or pass --region NAME".to_owned()))
            })?;
        let role_account = self.role.as_deref().and_then(|role| role.split(':').nth(4)).map(str::to_owned);
        let account = self.account.or(role_account).or(account);
        let repository = self.repository.or(repository).unwrap_or_else(|| target.service.short().to_owned());
        let owner = account.as_deref().unwrap_or(UNKNOWN_ACCOUNT);
        let known = Known { account: Some(owner.to_owned()), ..Known::default() };
        let known = definition.iter().fold(known, Known::and_next);
        let known = known.and_image(&format!("{owner}.dkr.ecr.{region}.amazonaws.com/{repository}"));
        let permissions = iam_policy::document(&session, known, &region, [Use::Deploy, Use::Push])?;
        let scaffold = files(&Pipeline {
            cluster: target.cluster.short().to_owned(),
            service: target.service.short().to_owned(),
            region,
            account,
            repository,
            branch: self.branch,
            github: self.remote.or_else(|| origin(Path::new("."))),
            role: self.role,
            permissions,
            definition: if definition.is_some() { Definition::Read } else { Definition::NotFound },
            action: self.action,
        });
        write::put(&scaffold, &self.place, global)
    }
}

/// The task definition that the config file names, as it stands there. That it cannot be read is the business of
/// the commands that need it.
fn definition(global: &Global) -> Option<Value> {
    let config = global.config.as_deref().unwrap_or(Path::new("tidegate.yml"));
    let named = document::raw(config).ok()?.get("taskDefinition")?.clone();
    let definition = match named {
        Value::String(path) => document::raw(&config.parent()?.join(path)).ok()?,
        inline => inline,
    };
    Some(definition.get("taskDefinition").filter(|it| it.is_object()).cloned().unwrap_or(definition))
}

/// The remote `origin` of the repository that this folder is in, if it is at GitHub.
fn origin(folder: &Path) -> Option<String> {
    let here = folder.canonicalize().ok()?;
    let config = here.ancestors().find_map(|it| std::fs::read_to_string(it.join(".git/config")).ok())?;
    let section = config.split("[remote \"origin\"]").nth(1)?;
    let lines = section.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let mut addresses = lines.filter_map(|line| line.strip_prefix("url")?.trim_start().strip_prefix('='));
    repository_of(addresses.next()?)
}
