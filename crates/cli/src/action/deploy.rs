//! A deployment as a step of a workflow. The inputs are Amazon's; what they leave open a config file says, and what that
//! leaves open the service itself: it is shipped the way it is set up. Start with [`run`].

use super::inputs::Inputs;
use super::runner::Runner;
use super::{Command, Done, app_spec};
use crate::args::Global;
use crate::config::{Config, Reading, document};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{Part, uninterrupted};
use crate::session::Session;
use std::cell::Cell;
use std::path::Path;
use tidegate_aws::deploy::{DeployPlan, Then};
use tidegate_aws::{Client, TaskDefinitionSource, blueprint};
use tidegate_report::plain::Detail;
use tidegate_report::summary::{Record, Recorder};
use tidegate_report::{PlainLines, Reporter, Style};
use tidegate_rollout::Strategy;
use tidegate_rollout::strategy::{DeploymentGroup, Traffic};
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::update::Force;
use tidegate_scaffold::service::{IMAGE, strategy, usual_group};

/// How long Amazon's action waits at most, in minutes.
const LONGEST: u32 = 360;
/// How long it waits when nobody says.
const USUAL: u32 = 30;
const MINUTE: i64 = 60_000;

/// Deploys, or only registers.
pub(super) async fn run(
    command: Command,
    inputs: &Inputs,
    config: Option<&Path>,
    runner: &Runner,
    record: &Record,
    global: &Global,
) -> Result<Done, Failure> {
    let global = with_inputs(inputs, global, runner)?;
    let (config, image) = configuration(inputs, config)?;
    let session = Session { global: &global, config };
    let client = session.connect().await?;
    let mut plan = plan(command, inputs, &session, image)?;
    if command == Command::Register {
        let arn =
            uninterrupted(reporter(record), &plan.target, Part::Runs, async |sink| match &plan.source {
                TaskDefinitionSource::Document(_) => {
                    blueprint::register(&client, &plan, sink).await.map(Some)
                }
                _ => Ok(None),
            })
            .await??;
        let outputs = arn.map(|arn| ("task-definition-arn", arn.as_str().to_owned()));
        return Ok(Done { exit: Exit::Done, outputs: outputs.into_iter().collect() });
    }
    if session.config.wish.strategy.is_none() && session.config.wish.controller.is_none() {
        plan.strategy = as_set_up(&client, inputs, &plan, runner).await?;
    } else if let Strategy::CodeDeploy(traffic, group) = &plan.strategy {
        let group = with_app_spec(inputs, named_group(inputs, group.clone()), runner)?;
        plan.strategy = Strategy::CodeDeploy(traffic.clone(), group);
    }
    let outcome = uninterrupted(reporter(record), &plan.target, Part::Runs, async |sink| {
        tidegate_aws::deploy::run(&client, &plan, sink).await
    })
    .await??;
    Ok(Done { exit: Exit::of_outcome(&outcome), outputs: Vec::new() })
}

/// One stream, so that lines stand in the order in which things happened; and all of it is kept for the summary.
pub(super) fn reporter(record: &Record) -> Box<dyn Reporter> {
    let out = std::io::stdout;
    let lines = PlainLines::new(out(), out(), Style::Plain, Style::Plain, Detail::Progress);
    Box::new(Recorder::recording(record.clone(), Box::new(lines)))
}

/// The options that inputs stand for.
pub(super) fn with_inputs(inputs: &Inputs, global: &Global, runner: &Runner) -> Result<Global, Failure> {
    let mut minutes = inputs.count("wait-for-minutes")?;
    if let Some(asked) = minutes.filter(|asked| *asked > LONGEST) {
        runner.note(format!("wait-for-minutes is {asked}; it waits {LONGEST} minutes at most"));
        minutes = Some(LONGEST);
    }
    Ok(Global {
        cluster: inputs.get("cluster").or_else(|| global.cluster.clone()),
        service: inputs.get("service").or_else(|| global.service.clone()),
        region: inputs.get("aws-region").or_else(|| global.region.clone()),
        timeout: minutes.map(|minutes| i64::from(minutes) * MINUTE).or(global.timeout),
        ..global.clone()
    })
}

/// The config file, and the image for the containers where it does not name one by `${env:IMAGE}`.
fn configuration(inputs: &Inputs, file: Option<&Path>) -> Result<(Config, Option<String>), Failure> {
    let image = inputs.get("image");
    let Some(file) = file else { return Ok((Config::default(), image)) };
    // A task definition of the workflow's own has its images already.
    let reading =
        if inputs.get("task-definition").is_some() { Reading::TargetOnly } else { Reading::Everything };
    let was_asked = Cell::new(false);
    let variable = |name: &str| match std::env::var(name).ok() {
        None if name == IMAGE => {
            was_asked.set(true);
            image.clone()
        }
        found => found,
    };
    let config = Config::read_with(file, reading, &variable)?;
    Ok((config, image.filter(|_| !was_asked.get())))
}

fn plan(
    command: Command,
    inputs: &Inputs,
    session: &Session<'_>,
    image: Option<String>,
) -> Result<DeployPlan, Failure> {
    let images = image.map_or_else(Vec::new, |image| {
        let containers = inputs.names("container-name");
        if containers.is_empty() {
            return vec![ImageChange::OfTheOnlyOne { image }];
        }
        let of = |container| ImageChange::Of { container, image: image.clone() };
        containers.into_iter().map(of).collect()
    });
    // Amazon's action takes the cluster `default`, as the API does.
    let mut global = session.global.clone();
    if global.cluster.is_none() && session.config.cluster.is_none() {
        global.cluster = Some("default".to_owned());
    }
    // Registering is about no service, and a plan has one.
    if command == Command::Register {
        global.service = Some("none".to_owned());
    }
    let mut plan = Session { global: &global, config: session.config.clone() }.plan(images)?;
    if let Some(source) = source(inputs)? {
        plan.source = source;
    }
    let waits = inputs.is_true("wait-for-service-stability")?;
    plan.then = match (inputs.is_true("dry-run")?, waits) {
        (true, _) => Then::OnlyShow,
        (false, true) => Then::Wait,
        (false, false) => Then::Return,
    };
    if inputs.get("wait-for-minutes").is_none() && session.config.timeout_ms.is_none() {
        plan.timeout_ms = i64::from(USUAL) * MINUTE;
    }
    if inputs.is_true("force-new-deployment")? {
        plan.force = Force::Redeploy;
    }
    plan.desired_count = inputs.count("desired-count")?;
    Ok(plan)
}

/// The task definition of the inputs: a file of the repository, else something that is registered.
fn source(inputs: &Inputs) -> Result<Option<TaskDefinitionSource>, Failure> {
    let registered = inputs.get("task-definition-arn").or_else(|| {
        let family = inputs.get("task-definition-family")?;
        Some(
            inputs
                .get("task-definition-revision")
                .map_or(family.clone(), |revision| format!("{family}:{revision}")),
        )
    });
    let Some(given) = inputs.get("task-definition") else {
        return Ok(registered.map(TaskDefinitionSource::Registered));
    };
    let path = inputs.workspace().path(&given);
    if path.is_file() {
        return Ok(Some(TaskDefinitionSource::Document(document::read(&path)?)));
    }
    let is_path = !given.starts_with("arn:") && (given.contains('/') || given.contains('.'));
    if is_path {
        return Err(Failure::new(
            Exit::Usage,
            format!("there is no task definition {given} in the workspace"),
        )
        .with_help(Some(
            "is the repository checked out, or the file rendered, in a step before?".to_owned(),
        )));
    }
    Ok(Some(TaskDefinitionSource::Registered(given)))
}

/// The strategy and controller that the service has, where no config file says another.
async fn as_set_up(
    client: &Client,
    inputs: &Inputs,
    plan: &DeployPlan,
    runner: &Runner,
) -> Result<Strategy, Failure> {
    let service = blueprint::service(client, &plan.target).await?;
    let found =
        strategy(&service, None).map_err(|refusal| Failure::new(Exit::Refused, refusal.to_string()))?;
    let Strategy::CodeDeploy(..) = found else { return Ok(found) };
    let mut group = named_group(inputs, usual_group(&service));
    if group.config.is_none() {
        group.config = blueprint::config_of_group(client, &group).await?;
    }
    check_served(inputs, &service)?;
    let group = with_app_spec(inputs, group, runner)?;
    // The config says how traffic moves.
    Ok(Strategy::CodeDeploy(Traffic::BlueGreen { bake: 0 }, group))
}

fn named_group(inputs: &Inputs, group: DeploymentGroup) -> DeploymentGroup {
    DeploymentGroup {
        application: inputs.get("codedeploy-application").unwrap_or(group.application),
        group: inputs.get("codedeploy-deployment-group").unwrap_or(group.group),
        config: inputs.get("codedeploy-deployment-config").or(group.config),
        hooks: group.hooks,
    }
}

/// The hooks of the repository's AppSpec, if it keeps one.
fn with_app_spec(
    inputs: &Inputs,
    group: DeploymentGroup,
    runner: &Runner,
) -> Result<DeploymentGroup, Failure> {
    let Some(spec) = app_spec_of(inputs)? else { return Ok(group) };
    if !spec.from_service.is_empty() {
        runner
            .note(format!("taken from the service, not from the AppSpec: {}", spec.from_service.join(", ")));
    }
    let hooks = if spec.hooks.is_empty() { group.hooks } else { spec.hooks };
    Ok(DeploymentGroup { hooks, ..group })
}

fn check_served(inputs: &Inputs, service: &serde_json::Value) -> Result<(), Failure> {
    let Some((container, port)) = app_spec_of(inputs)?.and_then(|spec| spec.served) else { return Ok(()) };
    let Some(has) = service.pointer("/loadBalancers/0") else { return Ok(()) };
    if has["containerName"] == container.as_str() && has["containerPort"] == port {
        return Ok(());
    }
    let what = format!(
        "the AppSpec sends traffic to {container}:{port}, and the service to {}:{}",
        has["containerName"].as_str().unwrap_or("?"),
        has["containerPort"]
    );
    Err(Failure::new(Exit::Refused, what)
        .with_help(Some("let the AppSpec name what the service has, or leave it out".to_owned())))
}

/// The AppSpec that is named, else `appspec.yaml` if it is there.
fn app_spec_of(inputs: &Inputs) -> Result<Option<app_spec::AppSpec>, Failure> {
    let named = inputs.get("codedeploy-appspec");
    let name = named.clone().unwrap_or_else(|| "appspec.yaml".to_owned());
    let path = inputs.workspace().path(&name);
    if named.is_none() && !path.is_file() {
        return Ok(None);
    }
    app_spec::read(&document::raw(&path)?, &name).map(Some)
}
