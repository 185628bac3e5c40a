//! `tidegate init service`: from what runs, or from what `aws ecs describe-*` answered. Start with [`Service`].

use super::{Place, write};
use crate::args::Global;
use crate::config::document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tidegate_aws::blueprint;
use tidegate_scaffold::service::{CodeDeploy, Found, Refusal, files};

/// `tidegate init service`.
#[derive(Debug, Args)]
pub struct Service {
    /// What describe-services and describe-task-definition answered, JSON or YAML, instead of asking AWS; twice, once for each
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl Service {
    pub async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let scaffold = if self.from.is_empty() {
            let session = Session::open_for_target(global)?;
            let target = session.target()?;
            let client = session.connect().await?;
            let blueprint = blueprint::read(&client, &target).await?;
            let code_deploy = blueprint.code_deploy.map(|found| CodeDeploy {
                traffic: found.traffic,
                group: found.group,
                alarms: found.alarms,
            });
            files(&Found {
                service: &blueprint.service,
                task_definition: &blueprint.task_definition,
                code_deploy: code_deploy.as_ref(),
                region: Some(client.region()),
            })
        } else {
            let answers = Answers::read(&self.from, global.service.as_deref())?;
            files(&Found {
                service: &answers.service,
                task_definition: &answers.task_definition,
                code_deploy: None,
                region: global.region.as_deref(),
            })
        };
        write::put(&scaffold.map_err(refused)?, &self.place, global)
    }
}

fn refused(refusal: Refusal) -> Failure {
    Failure::new(Exit::Refused, refusal.to_string())
}

/// What the files hold.
struct Answers {
    service: Value,
    task_definition: Value,
}

impl Answers {
    fn read(paths: &[PathBuf], name: Option<&str>) -> Result<Self, Failure> {
        let (mut service, mut task_definition) = (None, None);
        for path in paths {
            match Answer::of(document::raw(path)?, path, name)? {
                Answer::Service(found) => service = Some(found),
                Answer::TaskDefinition(found) => task_definition = Some(found),
            }
        }
        let missing = |what: &str, call: &str| {
            Failure::new(Exit::Usage, format!("no file holds what {what} answers")).with_help(Some(format!(
                "write it with `aws ecs {call} > FILE`, and pass it by another --from FILE"
            )))
        };
        Ok(Self {
            service: service.ok_or_else(|| {
                missing("describe-services", "describe-services --cluster NAME --services NAME")
            })?,
            task_definition: task_definition.ok_or_else(|| {
                missing(
                    "describe-task-definition",
                    "describe-task-definition --include TAGS --task-definition NAME",
                )
            })?,
        })
    }
}

enum Answer {
    Service(Value),
    TaskDefinition(Value),
}

impl Answer {
    /// The whole answer of a call, or the one thing that it is about.
    fn of(mut document: Value, path: &Path, name: Option<&str>) -> Result<Self, Failure> {
        if let Some(definition) = document.get_mut("taskDefinition").filter(|it| it.is_object()) {
            let mut definition = definition.take();
            if let Some(tags) = document.get("tags") {
                definition["tags"] = tags.clone();
            }
            return Ok(Self::TaskDefinition(definition));
        }
        if document.get("containerDefinitions").is_some() {
            return Ok(Self::TaskDefinition(document));
        }
        if document.get("serviceName").is_some() {
            return Ok(Self::Service(document));
        }
        let Some(services) = document.get("services").and_then(Value::as_array) else {
            let what = format!(
                "{} holds neither what describe-services answers nor what describe-task-definition does",
                path.display()
            );
            return Err(Failure::new(Exit::Usage, what));
        };
        let named = |service: &&Value| name.is_none_or(|name| service["serviceName"] == name);
        let found: Vec<&Value> = services.iter().filter(named).collect();
        match found[..] {
            [only] => Ok(Self::Service(only.clone())),
            _ => {
                let names: Vec<&str> = services.iter().filter_map(|it| it["serviceName"].as_str()).collect();
                let what = format!("{} holds the services {}", path.display(), names.join(", "));
                Err(Failure::new(
                    Exit::Usage,
                    if names.is_empty() { format!("{} holds no service", path.display()) } else { what },
                )
                .with_help((!names.is_empty()).then(|| "choose one with --service NAME".to_owned())))
            }
        }
    }
}
