//! From a service that runs to the files that ship it: `tidegate.yml` with the strategy and controller that it really
//! has, and its task definition. It must never say what the service does not: what cannot be seen from here is a comment
//! that says so. Start with [`files`].

use crate::document::{TaskDefinition, task_definition};
use crate::yaml::{scalar, time};
use crate::{File, Scaffold};
use serde_json::Value;
use std::fmt::Write as _;
use tidegate_rollout::staged::configuration;
use tidegate_rollout::strategy::{Candidate, DeploymentGroup, Traffic};
use tidegate_rollout::{Controller, Strategy};

/// The variable that carries the image of a release.
pub const IMAGE: &str = "IMAGE";

/// What was found of a service.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// One item of `services[]` as DescribeServices answers it.
    pub service: &'a Value,
    /// `taskDefinition` as DescribeTaskDefinition answers it, with its tags beside it.
    pub task_definition: &'a Value,
    /// How CodeDeploy deploys it, where that was found.
    pub code_deploy: Option<&'a CodeDeploy>,
    /// The region, if it is known.
    pub region: Option<&'a str>,
}

/// The deployment group of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDeploy {
    /// How its config moves traffic, with its wait before blue ends as the bake.
    pub traffic: Traffic,
    /// Its application and its name; its config where that is not one that the strategy's own words name.
    pub group: DeploymentGroup,
    /// The alarms that it watches.
    pub alarms: Vec<String>,
}

/// Why no files can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A member that every described service has is missing.
    #[error("this is no answer of describe-services: the service has no `{member}`")]
    NoService {
        /// The member.
        member: &'static str,
    },
    /// A member that every described task definition has is missing.
    #[error("this is no answer of describe-task-definition: it has no `{member}`")]
    NoTaskDefinition {
        /// The member.
        member: &'static str,
    },
    /// Somebody else's controller.
    #[error(
        "the service has deployment controller {controller}: its task sets are moved by another program, and Tidegate cannot deploy it; a service with controller ECS or CODE_DEPLOY can be"
    )]
    External {
        /// As AWS says it.
        controller: String,
    },
}

/// How a described service moves from one revision to the next.
///
/// # Errors
///
/// [`Refusal::External`] for a controller that is not Tidegate's to drive.
pub fn strategy(service: &Value, code_deploy: Option<&CodeDeploy>) -> Result<Strategy, Refusal> {
    let controller = service.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS");
    match controller {
        "ECS" => {
            let traffic = service.get("deploymentConfiguration").and_then(configuration::traffic);
            Ok(traffic.map_or(Strategy::Rolling, Strategy::Ecs))
        }
        "CODE_DEPLOY" => Ok(match code_deploy {
            Some(found) => Strategy::CodeDeploy(found.traffic.clone(), found.group.clone()),
            None => Strategy::CodeDeploy(Traffic::BlueGreen { bake: 0 }, usual_group(service)),
        }),
        other => Err(Refusal::External { controller: other.to_owned() }),
    }
}

/// The names that the ECS console, and Amazon's own action, give a service's application and group.
pub fn usual_group(service: &Value) -> DeploymentGroup {
    let (cluster, name) = (last_part(service, "clusterArn"), last_part(service, "serviceName"));
    DeploymentGroup {
        application: format!("AppECS-{cluster}-{name}"),
        group: format!("DgpECS-{cluster}-{name}"),
        config: None,
        hooks: std::collections::BTreeMap::new(),
    }
}

/// `tidegate.yml` and `task-definition.json`.
///
/// # Errors
///
/// [`Refusal`] says what of the answers is not what AWS answers, or that nobody here can deploy the service.
pub fn files(found: &Found<'_>) -> Result<Scaffold, Refusal> {
    for member in ["serviceName", "clusterArn"] {
        word(found.service, member).ok_or(Refusal::NoService { member })?;
    }
    word(found.task_definition, "family").ok_or(Refusal::NoTaskDefinition { member: "family" })?;
    let containers = containers(found.task_definition);
    if containers.is_empty() {
        return Err(Refusal::NoTaskDefinition { member: "containerDefinitions" });
    }
    let strategy = strategy(found.service, found.code_deploy)?;
    let definition = task_definition(found.task_definition);
    let app = main_container(found);
    let config = config(found, &strategy, &app, &definition);
    let mut notes = notes(found, &definition);
    if matches!(strategy, Strategy::CodeDeploy(..)) && found.code_deploy.is_none() {
        notes.push("which deployment group deploys the service could not be seen; tidegate.yml names the usual one: check it".into());
    }
    let secrets = definition.secrets.iter().map(|(_, variable)| format!("{variable}=… "));
    let next = vec![
        "read tidegate.yml, and keep both files in the repository".to_owned(),
        format!(
            "{}{IMAGE}=… tidegate deploy --dry-run      # what would change, and the plan",
            secrets.collect::<String>()
        ),
        "tidegate init github      # workflows that deploy, and that roll back by hand".to_owned(),
    ];
    let files =
        vec![File::new("tidegate.yml", config), File::new("task-definition.json", definition.text.clone())];
    Ok(Scaffold { files, notes, next })
}

fn notes(found: &Found<'_>, definition: &TaskDefinition) -> Vec<String> {
    let mut notes = Vec::new();
    if !definition.left_out.is_empty() {
        notes.push(format!(
            "left out of task-definition.json, since only AWS writes them: {}",
            definition.left_out.join(", ")
        ));
    }
    for (place, variable) in &definition.secrets {
        notes.push(format!(
            "{place} looks like a secret and was not written; it is looked up as ${{env:{variable}}} now. Better: move it to Secrets Manager and name it under `secrets`, so that no pipeline needs it"
        ));
    }
    let status = word(found.service, "status").unwrap_or("ACTIVE");
    if status != "ACTIVE" {
        notes.push(format!("the service is {status}"));
    }
    notes
}

/// `tidegate.yml`.
fn config(found: &Found<'_>, strategy: &Strategy, app: &str, definition: &TaskDefinition) -> String {
    let mut text = String::from(
        "# How this service is shipped. `tidegate deploy --dry-run` shows the plan that follows from it.\n",
    );
    let _ = writeln!(text, "cluster: {}", scalar(&last_part(found.service, "clusterArn")));
    let _ = writeln!(text, "service: {}", scalar(&last_part(found.service, "serviceName")));
    if let Some(region) = found.region.or_else(|| region_of(found.service)) {
        let _ = writeln!(text, "region: {}", scalar(region));
    }
    text.push_str("\n# What runs, all of it but the image of a release.\n");
    if !definition.secrets.is_empty() {
        text.push_str(
            "# Each ${env:…} in it stands for a secret that was not written; move them to Secrets Manager.\n",
        );
    }
    text.push_str("taskDefinition: task-definition.json\n\n");
    let _ = write!(
        text,
        "# The image of a release comes from the pipeline, best by its digest. Other containers keep the image of the file.\n\
         images:\n  {}: ${{env:{IMAGE}}}\n",
        scalar(app)
    );
    text.push('\n');
    text.push_str(&section(strategy));
    text.push_str(&breaker(found.service, strategy));
    text.push_str(&gates(found, strategy));
    text
}

/// The words and sections of a strategy.
pub fn section(strategy: &Strategy) -> String {
    let mut text = format!(
        "{}strategy: {}\ncontroller: {}\n",
        meaning(strategy),
        strategy.name(),
        strategy.controller().name()
    );
    match strategy.traffic() {
        None => {}
        Some(Traffic::BlueGreen { bake }) => {
            let _ = writeln!(text, "blueGreen: {{ bake: {} }}", time(*bake));
        }
        Some(Traffic::Linear { step, step_bake, bake }) => {
            let (step, step_bake, bake) = (step.as_f64(), time(*step_bake), time(*bake));
            let _ = writeln!(text, "linear: {{ step: {step}, stepBake: {step_bake}, bake: {bake} }}");
        }
        Some(Traffic::Canary { steps, bake }) => {
            let one_bake = steps.first().map_or(0, |step| step.bake);
            let steps = match steps[..] {
                [only] => format!("percent: {}", only.weight.as_f64()),
                _ => {
                    let weights: Vec<String> = steps
                        .iter()
                        .map(|step| {
                            let weight = step.weight.as_f64();
                            if step.bake == one_bake {
                                return weight.to_string();
                            }
                            format!("{{ weight: {weight}, bake: {} }}", time(step.bake))
                        })
                        .collect();
                    format!("steps: [{}]", weights.join(", "))
                }
            };
            let _ =
                writeln!(text, "canary: {{ {steps}, stepBake: {}, bake: {} }}", time(one_bake), time(*bake));
        }
    }
    match strategy {
        Strategy::CodeDeploy(_, group) => {
            let _ = write!(
                text,
                "codeDeploy:\n  application: {}\n  deploymentGroup: {}\n",
                scalar(&group.application),
                scalar(&group.group)
            );
            if let Some(config) = &group.config {
                let _ = writeln!(text, "  config: {}", scalar(config));
            }
        }
        Strategy::Alb(_, Candidate { service, rule }) => {
            let _ = writeln!(text, "alb:\n  candidate: {}", scalar(service.as_str()));
            if let Some(rule) = rule {
                let _ = writeln!(text, "  rule: {}", scalar(rule));
            }
        }
        Strategy::Rolling | Strategy::Ecs(_) => {}
    }
    text
}

fn meaning(strategy: &Strategy) -> &'static str {
    match (strategy.traffic(), strategy.controller()) {
        (None, _) => "# ECS replaces tasks within the service's minimum and maximum percent.\n",
        (_, Controller::Ecs) => "# ECS itself moves the traffic, and goes back by itself.\n",
        (_, Controller::CodeDeploy) => {
            "# CodeDeploy moves the traffic between two target groups; the bake is the group's own.\n"
        }
        (_, Controller::Alb) => "# Tidegate moves the weights of a listener rule between two services.\n",
    }
}

fn breaker(service: &Value, strategy: &Strategy) -> String {
    if strategy.controller() != Controller::Ecs {
        return String::new();
    }
    let breaker = service.pointer("/deploymentConfiguration/deploymentCircuitBreaker");
    let says = |name: &str| breaker.and_then(|it| it.get(name)).and_then(Value::as_bool) == Some(true);
    match (says("enable"), says("rollback")) {
        (true, true) => String::new(),
        (true, false) => "\n# The service's circuit breaker stops a bad deployment and does not roll it back: a choice that somebody made.\n".into(),
        (false, _) => "\n# The service's circuit breaker is off; the next deploy switches it on, with rollback. `leave` keeps it off.\ncircuitBreaker: on\n".into(),
    }
}

/// The alarms that watch deployments already, and a comment that says what else could.
fn gates(found: &Found<'_>, strategy: &Strategy) -> String {
    let alarms = alarms(found);
    let mut text =
        String::from("\n# What must hold for a step to pass; one that is broken takes the release back.\n");
    let compares = strategy.traffic().is_some();
    let errors = "- errors: { tolerance: 0.5 }        # the candidate's error rate against stable's\n";
    if alarms.is_empty() {
        text.push_str("# gates:\n#   - alarm: name-of-an-alarm\n");
        if compares {
            let _ = write!(text, "#   {errors}");
        }
        return text;
    }
    text.push_str("gates:\n");
    for alarm in &alarms {
        let _ = writeln!(text, "  - alarm: {}", scalar(alarm));
    }
    if compares {
        let _ = write!(text, "  # {errors}");
    }
    text
}

fn alarms(found: &Found<'_>) -> Vec<String> {
    if let Some(code_deploy) = found.code_deploy {
        return code_deploy.alarms.clone();
    }
    let alarms = found.service.pointer("/deploymentConfiguration/alarms");
    let is_on = alarms.and_then(|it| it.get("enable")).and_then(Value::as_bool) == Some(true);
    let names = alarms.and_then(|it| it.get("alarmNames")).and_then(Value::as_array).filter(|_| is_on);
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The container that a release is about: the one that the load balancer sends to, else the first essential one.
fn main_container(found: &Found<'_>) -> String {
    let containers = containers(found.task_definition);
    let served = [found.service, &found.service["taskSets"][0]]
        .into_iter()
        .find_map(|it| it.pointer("/loadBalancers/0/containerName")?.as_str());
    let name = |container: &&Value| word(container, "name").map(str::to_owned);
    let essential = containers.iter().find(|it| it["essential"] != Value::Bool(false));
    let first = containers.first();
    served
        .filter(|served| containers.iter().any(|it| word(it, "name") == Some(served)))
        .map(str::to_owned)
        .or_else(|| essential.or(first).and_then(|it| name(&it)))
        .unwrap_or_default()
}

fn containers(definition: &Value) -> &[Value] {
    definition.get("containerDefinitions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn word<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str).filter(|word| !word.is_empty())
}

fn last_part(service: &Value, member: &str) -> String {
    word(service, member).and_then(|word| word.rsplit('/').next()).unwrap_or_default().to_owned()
}

fn region_of(service: &Value) -> Option<&str> {
    word(service, "clusterArn")?.split(':').nth(3).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests;
