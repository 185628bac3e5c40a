//! Tasks: run, stopped, described, listed.

use tidegate_models::ecs::{
    DescribeTasksRequest, DescribeTasksResponse, DesiredStatus, ListTasksRequest, ListTasksResponse,
    NetworkMode, PropagateTags, RunTaskRequest, RunTaskResponse, StopTaskRequest, StopTaskResponse,
    TaskField, TaskStopCode,
};

use super::{
    SERVICE, deployments,
    descriptions::{self, Tags},
    lookup::{self, invalid},
    tags,
};
use crate::{
    ApiError, Context, State,
    ecs::{
        records::{RevisionTemplate, Task, TaskOwner},
        scheduler::{self, NewTask},
    },
    engine::Handlers,
    page,
};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "RunTask", run);
    handlers.write(SERVICE, "StopTask", stop);
    handlers.read(SERVICE, "DescribeTasks", describe);
    handlers.read(SERVICE, "ListTasks", list);
}

/// AWS's most tasks in one RunTask.
const MOST_RUN: i32 = 10;

/// AWS's most tasks in one DescribeTasks.
const MOST_DESCRIBED: usize = 100;

fn run(state: &mut State, context: &Context, input: RunTaskRequest) -> Result<RunTaskResponse, ApiError> {
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?.clone();
    let count = input.count.unwrap_or(1);
    if !(1..=MOST_RUN).contains(&count) {
        return Err(invalid(format!("count must be between 1 and {MOST_RUN}.")));
    }
    let definition = lookup::usable_definition(state, context, &input.task_definition)?;
    let awsvpc = definition.network_mode == Some(NetworkMode::Awsvpc);
    let network = input.network_configuration.as_ref().and_then(|given| given.awsvpc_configuration.as_ref());
    if awsvpc && network.is_none() {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    let names: Vec<_> =
        definition.container_definitions.iter().flatten().filter_map(|it| it.name.clone()).collect();
    for given in input.overrides.iter().flat_map(|overrides| overrides.container_overrides.iter().flatten()) {
        if given.name.as_ref().is_none_or(|name| !names.contains(name)) {
            return Err(invalid(
                "Override for container named that is not a container in the TaskDefinition.",
            ));
        }
    }
    let mut new_tags = tags::checked(input.tags.as_deref())?;
    let group = match input.group {
        Some(group) if group.starts_with("service:") => return Err(invalid("Invalid namespace for group.")),
        Some(group) => group,
        None => format!("family:{}", definition.family.clone().unwrap_or_default()),
    };
    let definition_arn = definition.task_definition_arn.clone().unwrap_or_default();
    match input.propagate_tags {
        Some(PropagateTags::Service) => {
            return Err(invalid("The SERVICE value for propagateTags is not supported by RunTask."));
        }
        // What is given for the task wins over what its definition has.
        Some(PropagateTags::TaskDefinition) => {
            let inherited = state.tags.get(&definition_arn).cloned().unwrap_or_default();
            new_tags = inherited.into_iter().chain(new_tags).collect();
        }
        Some(PropagateTags::None) | None => {}
    }
    if input.enable_ecs_managed_tags == Some(true) {
        new_tags.extend(scheduler::managed_tags(&cluster.arn));
    }
    let token = input.client_token.as_ref().map(|token| format!("RunTask/{}/{token}", cluster.arn));
    if let Some(made) = token.as_ref().and_then(|token| state.tokens.get(token)) {
        let made = made.split(' ').filter_map(|arn| state.tasks.get(arn));
        let tasks = made.map(|task| descriptions::task(state, task, Tags::Included)).collect();
        return Ok(RunTaskResponse { tasks: Some(tasks), failures: Some(Vec::new()) });
    }

    let template = RevisionTemplate {
        task_definition: definition_arn.clone(),
        load_balancers: Vec::new(),
        network_configuration: input.network_configuration,
        launch_type: input.launch_type,
        capacity_provider_strategy: input.capacity_provider_strategy.unwrap_or_default(),
        platform_version: input.platform_version,
        service_registries: Vec::new(),
        service_connect_configuration: None,
        volume_configurations: Vec::new(),
        vpc_lattice_configurations: Vec::new(),
    };
    let mut arns = Vec::new();
    for _ in 0..count {
        let launch = scheduler::launch_of(state, &template, input.enable_execute_command == Some(true));
        let task = NewTask {
            cluster_arn: cluster.arn.clone(),
            task_definition: definition_arn.clone(),
            owner: TaskOwner::Standalone { started_by: input.started_by.clone(), group: group.clone() },
            overrides: input.overrides.clone(),
            launch,
        };
        let arn = scheduler::create_task(state, task, context.now);
        state.put_tags(&arn, new_tags.clone());
        arns.push(arn);
    }
    if let Some(token) = token {
        state.tokens.insert(&token, arns.join(" "));
    }
    let made = arns.iter().filter_map(|arn| state.tasks.get(arn));
    let tasks = made.map(|task| descriptions::task(state, task, Tags::Included)).collect();
    Ok(RunTaskResponse { tasks: Some(tasks), failures: Some(Vec::new()) })
}

fn stop(state: &mut State, context: &Context, input: StopTaskRequest) -> Result<StopTaskResponse, ApiError> {
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?;
    let Some(task) = lookup::task(state, cluster, &input.task) else {
        return Err(invalid("The referenced task was not found."));
    };
    let arn = task.arn.clone();
    let reason = input.reason.unwrap_or_else(|| "Task stopped by user".to_owned());
    scheduler::stop_task(state, &arn, TaskStopCode::UserInitiated, &reason, context.now);
    let task = state.tasks.get(&arn).map(|task| descriptions::task(state, task, Tags::Included));
    Ok(StopTaskResponse { task })
}

fn describe(
    state: &State,
    context: &Context,
    input: DescribeTasksRequest,
) -> Result<DescribeTasksResponse, ApiError> {
    if input.tasks.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    if input.tasks.len() > MOST_DESCRIBED {
        return Err(invalid(format!("tasks can have at most {MOST_DESCRIBED} items.")));
    }
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?;
    let tags = match input.include {
        Some(include) if include.contains(&TaskField::Tags) => Tags::Included,
        _ => Tags::Left,
    };
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for given in input.tasks {
        match lookup::task(state, cluster, &given) {
            Some(task) => tasks.push(descriptions::task(state, task, tags)),
            None => {
                let id = given.rsplit('/').next().unwrap_or(&given);
                let arn = format!("{}/{id}", cluster.arn.replacen(":cluster/", ":task/", 1));
                failures.push(deployments::missing(arn));
            }
        }
    }
    Ok(DescribeTasksResponse { tasks: Some(tasks), failures: Some(failures) })
}

fn list(state: &State, context: &Context, input: ListTasksRequest) -> Result<ListTasksResponse, ApiError> {
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?;
    let service = match &input.service_name {
        Some(name) => Some(lookup::service(state, cluster, name)?.arn.clone()),
        None => None,
    };
    let wanted_status = match input.desired_status {
        Some(DesiredStatus::Stopped) => "STOPPED",
        _ => "RUNNING",
    };
    let family = input.family.map(|family| lookup::family_key(context, &family) + ":");
    let wanted = |task: &Task| {
        let (of_service, started_by) = match &task.owner {
            TaskOwner::Service { service_arn, deployment_id, .. } => (Some(service_arn), Some(deployment_id)),
            TaskOwner::Standalone { started_by, .. } => (None, started_by.as_ref()),
        };
        descriptions::desired_status(task) == wanted_status
            && service.as_ref().is_none_or(|wanted| of_service == Some(wanted))
            && input.started_by.as_ref().is_none_or(|wanted| started_by == Some(wanted))
            && family.as_ref().is_none_or(|prefix| task.task_definition.starts_with(prefix))
            && input.launch_type.is_none_or(|wanted| task.launch.launch_type == Some(wanted))
    };
    let prefix = cluster.arn.replacen(":cluster/", ":task/", 1) + "/";
    let found = state.tasks.with_prefix(&prefix).filter(|(_, task)| wanted(task));
    let items = found.map(|(arn, _)| (arn, arn.to_owned()));
    let limit =
        input.max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(100);
    let token = input.next_token.as_deref();
    let page = page::page(items, "ListTasks", token, limit.min(100), || invalid("Invalid token"))?;
    Ok(ListTasksResponse { task_arns: Some(page.items), next_token: page.next })
}
